// A model that makes pictures: a grid of them by a seed, and the next.
import * as asking from './model.js';
import {elements, keep, message, note, say, setState} from './view.js';

const COUNT = 16;
const COLUMNS = 4;
const {still, seed, label, pace} = elements;
let model; // model.json
let shown; // seed of the pictures that are shown

export function start(told) {
  model = told;
  elements.making.hidden = false;
  elements.bars.hidden = true;
  for (const button of document.querySelectorAll('.looking')) button.hidden = true;
  if (model.classes) {
    document.getElementById('label-choice').hidden = false;
    label.append(...model.labels.map((name, place) => Object.assign(new Option(name, place), {dir: 'auto'})));
  }
  elements.making.onsubmit = (event) => event.preventDefault();
  seed.onchange = label.onchange = refresh;
  elements.pause.onclick = () => {
    seed.stepUp();
    return refresh();
  };
  elements.save.onclick = () => keep(still, `${model.name}-${shown}`).catch((error) => note(error.message, true));
  return refresh();
}

export async function refresh() {
  if (!elements.making.reportValidity()) return; // the browser says what a seed is
  const number = Number(seed.value);
  try {
    const begin = performance.now();
    const {pictures, shape} = await asking.make(number, COUNT, label.value === '' ? null : Number(label.value));
    const took = performance.now() - begin;
    pace.textContent = `${((1000 * COUNT) / took).toFixed(0)} pictures/s, ${(took / COUNT).toFixed(0)} ms`;
    show(pictures, shape);
    say([`${COUNT} pictures of seed ${number}`]);
    shown = number;
    message('');
    setState('made');
    document.dispatchEvent(new CustomEvent('answer', {detail: {pictures, shape}}));
  } catch (error) {
    setState('stopped', 'Next');
    message(error.message, refresh);
  }
}

function show(pictures, [height, width]) {
  const scale = Math.max(1, Math.round(640 / (COLUMNS * width)));
  Object.assign(still, {width: scale * COLUMNS * width, height: scale * Math.ceil(pictures.length / COLUMNS) * height, hidden: false});
  still.classList.add('small');
  const context = still.getContext('2d');
  context.imageSmoothingEnabled = false;
  const one = Object.assign(document.createElement('canvas'), {width, height});
  pictures.forEach((rgba, at) => {
    one.getContext('2d').putImageData(new ImageData(rgba, width, height), 0, 0);
    const [row, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
    context.drawImage(one, column * scale * width, row * scale * height, scale * width, scale * height);
  });
}
