// What is known of the model, and what was found out about it here: its variants, the proof, whether the page is kept for later.
import * as asking from './model.js';
import {isolated, note} from './view.js';

const find = (id) => document.getElementById(id);
const dialog = find('about');
const TASKS = {classify: 'Names what a picture shows', detect: 'Finds objects in a picture', generate: 'Makes pictures'};
const brief = (value) => String(Number(value.toPrecision(2)));
const LISTED = 12; // labels
let running; // name of the variant that answers
const FIGURES = {accuracy: (value) => `${(100 * value).toFixed(1)}% right`, map50: (value) => `mAP50 ${value.toFixed(3)}`, psnr: (value) => `${value.toFixed(0)} dB`};

// Fill in the dialog. `refresh` is called when another variant has been opened.
export function describe(model, refresh) {
  running = model.chosen;
  const [height, width] = model.images.size;
  const things = model.labels.filter((_, place) => !model.nothing.includes(place));
  const listed = things.slice(0, LISTED).map(isolated).join(', ') + (things.length > LISTED ? `, ... (${things.length} in all)` : '');
  const nothing = model.nothing.map((place) => `, nor does ${isolated(model.labels[place])}`).join('');
  const sure = model.task === 'generate' ? '' : ` What it is less sure of than ${model.threshold.toFixed(2)} does not count${nothing}.`;
  find('about-title').textContent = model.name;
  find('about-text').textContent = `${TASKS[model.task]}, ${width} × ${height} pixels: ${listed}.${sure}`;
  find('variants').append(...Object.entries(model.variants).map(([name, row]) => choice(name, row, model, refresh)));
  find('about-open').onclick = () => dialog.showModal();
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
}

function choice(name, {bytes, figures}, model, refresh) {
  const label = document.createElement('label');
  const radio = Object.assign(document.createElement('input'), {type: 'radio', name: 'variant', value: name, checked: name === model.chosen});
  const told = Object.entries(FIGURES).flatMap(([figure, words]) => (figure in figures ? [words(figures[figure])] : []));
  const small = Object.assign(document.createElement('small'), {textContent: [`${(bytes / 1e6).toFixed(2)} MB`, ...told].join(', ')});
  label.append(radio, name, small);
  radio.onchange = async () => {
    try {
      await asking.open(model, name);
      running = name;
      await Promise.all([prove(model), refresh()]);
    } catch (error) {
      tell(`${name} cannot be had: ${error.message}; ${running} stays.`, 'bad');
      find('variants').querySelector(`[value=${running}]`).checked = true;
    }
  };
  return label;
}

// Replay the golden samples, and say whether this phone answers as the computer did.
export async function prove(model) {
  tell('replaying the golden samples ...');
  const what = model.task === 'generate' ? 'samples' : 'photos';
  try {
    const {name, count, off, tolerance, same} = await asking.check();
    const words = `${count} golden ${what}, ${name}: answered ${same ? 'as' : 'NOT as'} where the model was made`;
    tell(`${words}; the largest difference is ${brief(off)}, at most ${brief(tolerance)} is allowed.`, same ? 'good' : 'bad');
    note(same ? `✓ proven on this phone: ${count} golden ${what}` : `this phone does not answer as the computer did (${name}, off by ${brief(off)})`, !same);
    document.dispatchEvent(new CustomEvent('proof', {detail: {name, count, off, tolerance, same}}));
  } catch (error) {
    tell(error.message, 'bad');
    note(error.message, true);
  }
}

function tell(text, kind = '') {
  Object.assign(find('proof'), {textContent: text, className: kind});
}

// Keep the page and the model for later, where the browser lets in a service worker.
export async function keepPage() {
  const kept = find('kept');
  const {serviceWorker} = navigator;
  const say = (text) => { kept.textContent = text; };
  if (!serviceWorker) {
    say('Not kept: this browser keeps no pages here; a private window may be the reason. It works while it is open.');
    return;
  }
  serviceWorker.onmessage = ({data}) => {
    say(data.kept ? 'Kept on this phone: it works without the computer. Add it to the home screen.' : `Not kept (${data.failed}). It works while it is open.`);
    kept.dataset.done = data.kept;
  };
  try {
    say('Keeping the page on this phone ...');
    await serviceWorker.register('keep.js');
    (await serviceWorker.ready).active.postMessage('fill');
  } catch (error) {
    const why = error.name === 'SecurityError' ? ': browsers keep no page whose certificate vouches for itself' : ` (${error.message})`;
    say(`Not kept${why}. It works while it is open.`);
  }
}
