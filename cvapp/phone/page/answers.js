// What a model's numbers mean, as cvapp/bundle.py and cvapp/sampling.py say it.

// Probabilities of a classifier: labels with their probabilities, the best first, and what is said of the picture.
export function classified(probabilities, {labels, nothing, threshold, unknown}) {
  const order = [...labels.keys()].sort((one, other) => probabilities[other] - probabilities[one] || one - other);
  const [best] = order;
  const known = !nothing.includes(best) && probabilities[best] >= threshold;
  return {said: known ? labels[best] : unknown, known, scores: order.map((place) => ({label: labels[place], probability: probabilities[place]}))};
}

// What a generator is given: noise and, behind it, the class that is asked for; all of them in turn where `place` is null.
export function asked(noise, count, {latent, classes}, place = null) {
  const rows = [];
  for (let row = 0; row < count; row++) {
    const given = new Float32Array(latent + classes);
    given.set(noise.subarray(row * latent, (row + 1) * latent));
    if (classes) given[latent + (place ?? row % classes)] = 1;
    rows.push(given);
  }
  return rows;
}

// A generator's numbers (-1 to 1) of [height, width, channels] as RGBA bytes.
export function picture(values, [height, width, channels]) {
  const rgba = new Uint8ClampedArray(height * width * 4).fill(255);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[pixel * channels + (channels === 3 ? channel : 0)];
      if (!Number.isFinite(value)) throw new Error('the generator answers numbers that are none: it is of no use; train it again');
      rgba[4 * pixel + channel] = Math.fround(Math.fround(value + 1) * 127.5); // rounded, halves to the even number
    }
  }
  return rgba;
}

// How far the answers of this machine are from the golden ones, and whether that is near enough (cvapp/proof/golden.py).
//   found, expected: Float32Array of equal length; classes: of a classifier, whose best label must be the same where it is clear; 0 of all others.
export function compared(found, expected, tolerance, classes) {
  let off = 0;
  for (let at = 0; at < expected.length; at++) off = Math.max(off, Math.abs(found[at] - expected[at])); // NaN stays NaN, which is not near enough
  const others = classes > 1 ? renamed(found, expected, tolerance, classes) : 0;
  return {off, tolerance, same: found.length === expected.length && off <= tolerance + 1e-6 && !others};
}

function renamed(found, expected, tolerance, classes) {
  let others = 0;
  for (let begin = 0; begin < expected.length; begin += classes) {
    const [one, other] = [found, expected].map((all) => [...all.subarray(begin, begin + classes)]);
    const [first, second] = [...other].sort((a, b) => b - a);
    if (first - second > tolerance && one.indexOf(Math.max(...one)) !== other.indexOf(first)) others += 1;
  }
  return others;
}
