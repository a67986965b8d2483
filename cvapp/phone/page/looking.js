// A model that looks: at the camera, frame by frame, or at a photo.
import {window_} from './fit.js';
import * as asking from './model.js';
import {cameras, decode, frames, grab, pixels, startCamera, stopCamera} from './pictures.js';
import {annotated, clearOverlay, elements, keep, message, note, setState, showAnswer, showOverlay, state} from './view.js';

const {video, still, pace} = elements;
const nextFrame = frames(video);
const PREVIEW = 1600; // pixels of a photo's longer side as it is shown
let model; // model.json
let facing = 'environment';
let mirrored = false;
let run = 0; // which live run it is: an older one ends
let shown = null; // {source, shape, found}: what was answered last
let first; // called after the first answer

export function start(told, afterFirst) {
  [model, first] = [told, afterFirst];
  elements.flip.onclick = () => goLive(facing === 'environment' ? 'user' : 'environment');
  elements.photo.onclick = () => elements.file.click();
  elements.file.onchange = () => { if (elements.file.files.length) showPhoto(elements.file.files[0]); };
  elements.pause.onclick = () => (state() === 'live' ? pause() : goLive(facing));
  elements.save.onclick = save;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden && state() === 'live') {
      hold();
      document.addEventListener('visibilitychange', () => { if (state() === 'hidden') goLive(facing); }, {once: true});
    }
  });
  navigator.permissions?.query({name: 'camera'}).then((permission) => {
    permission.onchange = () => { if (permission.state === 'granted' && state() === 'stopped') goLive(facing); };
  }, () => {}); // a browser that knows no such permission
  return goLive(facing);
}

// Another variant answers what is shown.
export async function refresh() {
  if (shown && state() !== 'live') await answer(shown.source, shown.shape);
}

async function goLive(wanted) {
  run += 1;
  const mine = run;
  still.hidden = true;
  clearOverlay();
  message('Opening the camera ...');
  setState('opening');
  try {
    const camera = await startCamera(video, wanted);
    if (mine !== run) return;
    [facing, mirrored] = [camera.facing, camera.facing === 'user'];
    camera.ended.then(() => { if (mine === run) stopped(new Error('The camera was taken away.\nPlug it in again, or close what uses it, then try again.')); });
  } catch (error) {
    if (mine === run) stopped(error);
    return;
  }
  elements.flip.disabled = (await cameras()) < 2;
  video.classList.toggle('mirrored', mirrored);
  video.hidden = Boolean(model.detector);
  message('');
  setState('live');
  keepAwake();
  await watch(mine);
}

async function watch(mine) {
  const times = [];
  try {
    for (;;) {
      await nextFrame();
      if (mine !== run) return;
      if (!video.videoWidth) continue;
      const begin = performance.now();
      const source = grab(video);
      await answer(source, [source.height, source.width], mine);
      if (mine !== run) return;
      const end = performance.now();
      times.push({end, took: end - begin});
      while (end - times[0].end > 1000) times.shift();
      tellPace(times);
    }
  } catch (error) {
    if (mine === run) stopped(error);
  }
}

function tellPace(times) {
  const span = times.at(-1).end - times[0].end;
  const rate = span > 0 ? `${((1000 * (times.length - 1)) / span).toFixed(0)} fps, ` : '';
  const middle = times.map(({took}) => took).sort((one, other) => one - other)[times.length >> 1];
  pace.textContent = `${rate}${middle.toFixed(0)} ms`;
}

// Ask the model about a picture of `shape` and show what it says, unless another run has begun.
async function answer(source, shape, mine = run) {
  const found = await asking.look(pixels(source, window_(shape, model.images)), shape);
  if (mine !== run) return;
  shown = {source, shape, found};
  if (model.detector && state() === 'live') showStill(source, shape, mirrored); // boxes lie on the frame that they were found in
  showAnswer(found, model);
  showOverlay(shape, found, model, mirrored);
  document.dispatchEvent(new CustomEvent('answer', {detail: shown}));
  first?.();
  first = null;
}

function pause() {
  hold();
  setState('paused');
  if (shown) showStill(shown.source, shown.shape, mirrored);
}

function hold() {
  run += 1;
  stopCamera(video);
  video.hidden = true;
  pace.textContent = '';
  setState('hidden');
}

async function showPhoto(file) {
  hold();
  message('Reading the photo ...');
  mirrored = false;
  const mine = run;
  try {
    const source = await decode(file);
    const shape = [source.height, source.width];
    showStill(source, shape, false);
    await answer(source, shape, mine);
    message('');
    if (mine === run) setState('photo');
  } catch (error) {
    if (mine === run) stopped(error);
  } finally {
    elements.file.value = ''; // the same photo may be chosen again
  }
}

function showStill(source, [height, width], flipped) {
  const scale = Math.min(1, PREVIEW / Math.max(height, width));
  Object.assign(still, {width: Math.round(width * scale), height: Math.round(height * scale), hidden: false});
  const context = still.getContext('2d');
  if (flipped) context.setTransform(-1, 0, 0, 1, still.width, 0);
  context.drawImage(source, 0, 0, still.width, still.height);
  context.resetTransform();
}

function stopped(error) {
  hold();
  still.hidden = true;
  clearOverlay();
  setState('stopped');
  message(error.message, () => goLive(facing));
}

function save() {
  if (!shown) return;
  const {source, shape, found} = shown;
  keep(annotated(source, shape, found, model, mirrored), model.name).catch((error) => note(error.message, true));
}

// The screen stays on while the camera runs, where the browser lets it.
async function keepAwake() {
  try {
    const lock = await navigator.wakeLock?.request('screen');
    const mine = run;
    const wait = setInterval(() => {
      if (mine === run) return;
      lock?.release();
      clearInterval(wait);
    }, 1000);
  } catch {
    // it is a convenience
  }
}
