// Noise of N(0, 1) by a seed, the numbers that NumPy's default_rng(seed).standard_normal gives: the seed of `cvapp sample` makes the same picture here.
//   SeedSequence: O'Neill's seed_seq_fe, as NumPy's NEP 19 names it; PCG64: O'Neill 2014, "PCG", XSL-RR 128/64;
//   the ziggurat: Marsaglia and Tsang 2000, "The ziggurat method for generating random variables", 256 layers.

const BITS = {32: (1n << 32n) - 1n, 64: (1n << 64n) - 1n, 128: (1n << 128n) - 1n};
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

// Four 64-bit words from a seed: a pool of four 32-bit words, in which each is hashed into each other, read out twice over.
function seedWords(seed) {
  let factor = 0x43b0d7e5;
  const hash = (value) => {
    let mixed = (value ^ factor) >>> 0;
    factor = Math.imul(factor, 0x931e8875) >>> 0;
    mixed = Math.imul(mixed, factor) >>> 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const mix = (one, other) => {
    const mixed = (Math.imul(0xca01f9dd, one) - Math.imul(0x4973f715, other)) >>> 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const words = [];
  for (let rest = BigInt(seed); rest > 0n || !words.length; rest >>= 32n) words.push(Number(rest & BITS[32]));
  const pool = [0, 1, 2, 3].map((index) => hash(words[index] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  for (const word of words.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word));
  let second = 0x8b51f9dd;
  const out = Array.from({length: 8}, (_, index) => {
    let value = (pool[index % 4] ^ second) >>> 0;
    second = Math.imul(second, 0x58f38ded) >>> 0;
    value = Math.imul(value, second) >>> 0;
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((index) => out[index] | (out[index + 1] << 32n));
}

// A function that answers the next 64 bits.
function pcg64(seed) {
  const [high, low, streamHigh, streamLow] = seedWords(seed);
  const increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & BITS[128];
  let state = 0n;
  const step = () => { state = (state * MULTIPLIER + increment) & BITS[128]; };
  step();
  state += (high << 64n) | low;
  step();
  return () => {
    step();
    const [mixed, turn] = [(state >> 64n) ^ (state & BITS[64]), state >> 122n];
    return ((mixed >> turn) | (mixed << ((64n - turn) & 63n))) & BITS[64];
  };
}

const LAYERS = 256;
const TAIL = 3.6541528853610088; // where the lowest layer ends and the tail begins
const AREA = 0.00492867323399; // of each layer, for 256 layers
const SCALE = 2 ** 52; // whole numbers below it are drawn
const density = (x) => Math.exp(-0.5 * x * x);

// By layer: the largest number that is surely under the curve, what a number is multiplied by, and the curve's height.
const TABLE = (() => {
  const sure = new Array(LAYERS), width = new Array(LAYERS), height = new Array(LAYERS);
  let edge = TAIL;
  let outer = TAIL;
  const base = AREA / density(TAIL);
  sure[0] = Math.floor((TAIL / base) * SCALE);
  sure[1] = 0;
  width[0] = base / SCALE;
  width[LAYERS - 1] = TAIL / SCALE;
  height[0] = 1;
  height[LAYERS - 1] = density(TAIL);
  for (let layer = LAYERS - 2; layer >= 1; layer--) {
    edge = Math.sqrt(-2 * Math.log(AREA / edge + density(edge)));
    sure[layer + 1] = Math.floor((edge / outer) * SCALE);
    outer = edge;
    height[layer] = density(edge);
    width[layer] = edge / SCALE;
  }
  return {sure, width, height};
})();

function normal(next) {
  const uniform = () => Number(next() >> 11n) / 2 ** 53;
  for (;;) {
    const bits = next();
    const layer = Number(bits & 255n);
    const drawn = Number((bits >> 9n) & 0xfffffffffffffn);
    const negative = (bits >> 8n) & 1n;
    const value = (negative ? -drawn : drawn) * TABLE.width[layer];
    if (drawn < TABLE.sure[layer]) return value;
    if (layer === 0) {
      for (;;) {
        const beyond = -Math.log1p(-uniform()) / TAIL;
        const height = -Math.log1p(-uniform());
        if (2 * height > beyond * beyond) return (bits >> 17n) & 1n ? -(TAIL + beyond) : TAIL + beyond;
      }
    }
    const [upper, lower] = [TABLE.height[layer - 1], TABLE.height[layer]];
    if ((upper - lower) * uniform() + lower < density(value)) return value;
  }
}

// Float32Array of count x latent; the first rows of a larger count are the same.
export function noise(count, latent, seed) {
  const next = pcg64(seed);
  return Float32Array.from({length: count * latent}, () => normal(next));
}
