// A picture of any size becomes the model's input, as cvapp/images.py does it: the same window, the same resizing, to the pixel but for rounding.
// Sizes are [height, width]; pixels are bytes, row by row.

// The part of a picture that the model sees: [top, left, height, width] in its pixels.
export function window_([height, width], {size, fit}) {
  if (fit !== 'crop') return [0, 0, height, width];
  const scale = Math.min(height / size[0], width / size[1]);
  const part = size.map((side) => Math.max(1, roundEven(scale * side)));
  return [Math.floor((height - part[0]) / 2), Math.floor((width - part[1]) / 2), ...part];
}

// Where that part lies in the fitted picture: all of it, but for `letterbox`.
export function inside(shape, {size, fit}) {
  if (fit !== 'letterbox') return [0, 0, ...size];
  const scale = Math.min(size[0] / shape[0], size[1] / shape[1]);
  const inner = shape.map((side) => Math.max(1, roundEven(scale * side)));
  return [Math.floor((size[0] - inner[0]) / 2), Math.floor((size[1] - inner[1]) / 2), ...inner];
}

// Points [x, y] of the fitted picture as points of a picture of `shape`.
export function toPicture([x, y], shape, images) {
  const [top, left, height, width] = window_(shape, images);
  const [toTop, toLeft, toHeight, toWidth] = inside(shape, images);
  return [((x - toLeft) * width) / toWidth + left, ((y - toTop) * height) / toHeight + top];
}

// The seen part of a picture of `shape`, RGBA, fitted: RGB of exactly `images.size`.
export function fit(part, shape, images) {
  const [, , height, width] = window_(shape, images);
  const [top, left, ...inner] = inside(shape, images);
  const resized = resize(part, [height, width], 4, inner, images.resize);
  if (images.fit !== 'letterbox') return resized;
  const fitted = new Uint8Array(images.size[0] * images.size[1] * 3);
  place(resized, inner, fitted, images.size[1], [top, left]);
  return fitted;
}

// A frame at every scale on a detector's canvas, black between the levels.
export function paint(frame, size, {canvas, tiles}) {
  const painted = new Uint8Array(canvas[0] * canvas[1] * 3);
  for (const tile of tiles) place(resize(frame, size, 3, tile.size, 'area'), tile.size, painted, canvas[1], tile.place);
  return painted;
}

function place(rgb, [height, width], onto, across, [top, left]) {
  for (let row = 0; row < height; row++) {
    onto.set(rgb.subarray(3 * row * width, 3 * (row + 1) * width), 3 * ((top + row) * across + left));
  }
}

// Pixels with 3 or 4 channels at another size: RGB. `area` averages where no side grows (OpenCV's INTER_AREA), all else is linear.
function resize(pixels, from, channels, to, kind) {
  if (from[0] === to[0] && from[1] === to[1]) return channels === 3 ? pixels : withoutAlpha(pixels);
  const shrinks = from[0] >= to[0] && from[1] >= to[1];
  if (kind !== 'area' || !shrinks) return linear(pixels, from, channels, to);
  const halves = from[0] === 2 * to[0] && from[1] === 2 * to[1];
  return average(pixels, from, channels, to, halves ? 1 / 8 : 0); // OpenCV rounds quarters of these up where they are half way
}

function withoutAlpha(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
    rgb[o] = rgba[i];
    rgb[o + 1] = rgba[i + 1];
    rgb[o + 2] = rgba[i + 2];
  }
  return rgb;
}

// For each place of a shrunk side the places that it covers, a share of one at either end: the first, and where their weights lie.
function covered(from, to) {
  const scale = from / to;
  const [firsts, begins, weights] = [new Int32Array(to), new Int32Array(to + 1), []];
  for (let index = 0; index < to; index++) {
    const start = index * scale;
    const end = Math.min(start + scale, from);
    const last = Math.min(Math.ceil(end - 1e-3), from);
    firsts[index] = Math.floor(start + 1e-3);
    for (let at = firsts[index]; at < last; at++) weights.push((Math.min(at + 1, end) - Math.max(at, start)) / (end - start));
    begins[index + 1] = weights.length;
  }
  return {firsts, begins, weights: Float64Array.from(weights)};
}

function average(pixels, from, channels, to, more) {
  const rows = covered(from[0], to[0]);
  const columns = covered(from[1], to[1]);
  const line = new Float32Array(to[1] * 3);
  const sum = new Float32Array(to[1] * 3);
  const out = new Uint8ClampedArray(to[0] * to[1] * 3); // rounds what it is given, halves to the even number
  let known = -1; // the row that `line` holds: two neighbours may share it
  for (let row = 0; row < to[0]; row++) {
    sum.fill(0);
    for (let index = rows.begins[row], source = rows.firsts[row]; index < rows.begins[row + 1]; index++, source++) {
      if (known !== source) averageRow(pixels, source * from[1] * channels, channels, columns, line);
      known = source;
      const weight = rows.weights[index];
      for (let at = 0; at < sum.length; at++) sum[at] += weight * line[at];
    }
    for (let at = 0, o = row * sum.length; at < sum.length; at++, o++) out[o] = sum[at] + more;
  }
  return new Uint8Array(out.buffer);
}

function averageRow(pixels, begin, channels, {firsts, begins, weights}, line) {
  for (let column = 0, o = 0; column < firsts.length; column++, o += 3) {
    let red = 0;
    let green = 0;
    let blue = 0;
    for (let index = begins[column], i = begin + firsts[column] * channels; index < begins[column + 1]; index++, i += channels) {
      const weight = weights[index];
      red += weight * pixels[i];
      green += weight * pixels[i + 1];
      blue += weight * pixels[i + 2];
    }
    line[o] = red;
    line[o + 1] = green;
    line[o + 2] = blue;
  }
}

const UNIT = 2048; // OpenCV's linear resizing of bytes counts weights in 1/2048, and drops bits on the way as `blend` does

// For each place of a side: the two places that it lies between, and the weight of the second.
function between(from, to) {
  const scale = from / to;
  return Array.from({length: to}, (_, index) => {
    const at = Math.fround((index + 0.5) * scale - 0.5);
    const first = Math.min(Math.max(Math.floor(at), 0), from - 1);
    const share = at <= 0 || first === from - 1 ? 0 : at - first;
    return [first, Math.min(first + 1, from - 1), roundEven(share * UNIT)];
  });
}

const blend = (upper, lower, weight) => (((((UNIT - weight) * (upper >> 4)) >> 16) + ((weight * (lower >> 4)) >> 16) + 2) >> 2);

function linear(pixels, from, channels, to) {
  const rows = between(from[0], to[0]);
  const columns = between(from[1], to[1]);
  const out = new Uint8Array(to[0] * to[1] * 3);
  let o = 0;
  for (const [above, below, down] of rows) {
    const [upper, lower] = [above * from[1], below * from[1]];
    for (const [left, right, across] of columns) {
      const a = (upper + left) * channels;
      const b = (upper + right) * channels;
      const c = (lower + left) * channels;
      const d = (lower + right) * channels;
      for (let channel = 0; channel < 3; channel++, o++) {
        const top = pixels[a + channel] * (UNIT - across) + pixels[b + channel] * across;
        const bottom = pixels[c + channel] * (UNIT - across) + pixels[d + channel] * across;
        out[o] = blend(top, bottom, down);
      }
    }
  }
  return out;
}

// To the nearest whole number, halves to the even one, as Python, NumPy and OpenCV round.
export function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 ? floor + 1 : floor;
}
