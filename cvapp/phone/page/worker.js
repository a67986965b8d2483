// The model, off the page's own thread: LiteRT.js runs it, the picture is fitted and the answer is read here. A classic script, since LiteRT.js loads
// its WebAssembly by importScripts. Each message {id, op, ...} is answered by {id, answer} or {id, error}.
importScripts('litert/litert.js');

const parts = Promise.all(['./fit.js', './boxes.js', './noise.js', './answers.js'].map((name) => import(name)));
const WASM = 'litert/litert_wasm_compat_internal.js';
self.Module = {locateFile: (name) => `litert/${name}`}; // beside its script, not beside this one
let started; // LiteRT.js, once
let told; // model.json
let variant; // of it, the one that runs
let model;
let input; // shape of what it takes
let output; // shape of what it answers

async function open({model: facts, name}) {
  started ??= litert.loadLiteRt(WASM);
  const next = facts.variants[name];
  const bytes = await fetched(next.file);
  await checked(bytes, next.sha256);
  await started;
  const compiled = await litert.loadAndCompile(bytes, {accelerator: 'wasm'});
  model?.delete();
  [told, variant, model] = [facts, next, compiled];
  input = [...model.getInputDetails()[0].shape];
  output = [...model.getOutputDetails()[0].shape];
}

async function fetched(file) {
  const answer = await fetch(file).catch(() => { throw new Error('the computer is not there'); });
  if (!answer.ok) throw new Error(`${file}: the computer answered ${answer.status}; load the page again`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function checked(bytes, sha256) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== sha256) throw new Error('the model that arrived is not the one that was exported; load the page again');
}

// One input through the model: its answer in float32, bytes taken for what they mean.
async function run(values) {
  const given = new litert.Tensor(values, input);
  const [answer] = await model.run(given);
  const numbers = answer.toTypedArray();
  const read = numbers instanceof Uint8Array
    ? Float32Array.from(numbers, (byte) => (byte - variant.zero) * Math.fround(variant.scale))
    : Float32Array.from(numbers);
  answer.delete();
  given.delete();
  return read;
}

// A picture of `shape` [height, width], of which `pixels` (RGBA) is the part that the model sees.
async function look({pixels, shape}) {
  const [fitting, boxes, , answers] = await parts;
  const fitted = fitting.fit(pixels, shape, told.images);
  if (!told.detector) return answers.classified(await run(fitted), told);
  const maps = await run(fitting.paint(fitted, told.images.size, told.detector));
  return {boxes: boxes.locate(maps, output.slice(1), shape, told)};
}

// Pictures by a seed, as RGBA, and their [height, width].
async function make({seed, count, place}) {
  const [, , {noise}, answers] = await parts;
  const pictures = [];
  for (const row of answers.asked(noise(count, told.latent, seed), count, told, place)) {
    pictures.push(answers.picture(await run(row), output.slice(1)));
  }
  return {pictures, shape: output.slice(1, 3)};
}

// The golden samples, replayed: does this machine answer as the one where the model was made?
async function check() {
  const [, , , answers] = await parts;
  const {file, given, noise, shape, answers: begins, count, factor} = told.golden;
  const data = (await fetched(file)).buffer;
  const size = given.slice(1).reduce((one, other) => one * other, 1);
  const width = shape.slice(1).reduce((one, other) => one * other, 1);
  const name = Object.keys(told.variants).find((key) => told.variants[key] === variant);
  const expected = new Float32Array(data, begins[name], count * width);
  const found = new Float32Array(count * width);
  for (let at = 0; at < count; at++) {
    const values = noise ? new Float32Array(data, 4 * at * size, size) : new Uint8Array(data, at * size, size);
    found.set(await run(values.slice()), at * width);
  }
  return {name, count, ...answers.compared(found, expected, variant.tolerance * factor, shape.length === 2 ? width : 0)};
}

const OPERATIONS = {open, look, make, check};
let turn = Promise.resolve(); // one thing at a time: a model is not replaced while it runs

onmessage = ({data: {id, op, ...rest}}) => {
  turn = turn.then(async () => {
    try {
      postMessage({id, answer: await OPERATIONS[op](rest)});
    } catch (error) {
      postMessage({id, error: error.message || String(error)});
    }
  });
};
