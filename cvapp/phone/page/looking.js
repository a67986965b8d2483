// A model that looks: at the camera, frame by frame, or at a photo.
import {window_} from './fit.js';
import * as asking from './model.js';
import {cameras, decode, frames, grab, pixels, startCamera, stopCamera} from './pictures.js';
import {annotated, clearAnswer, clearOverlay, elements, keep, message, note, setDirection, setState, showAnswer, showOverlay, state} from './view.js';

const {video, still, pace} = elements;
const nextFrame = frames(video);
const PREVIEW = 1600; // pixels of a photo's longer side as it is shown
const AWAY = 'The camera was taken away.\nPlug it in again, or close what uses it, then try again.';
let model; // model.json
let facing = 'environment';
let mirrored = false;
let run = 0; // counts what was begun: what is no longer the last ends by itself
let shown = null; // {source, shape, found}: what was answered last
let awake = null; // what keeps the screen on

export function start(told) {
  model = told;
  setDirection(model.labels);
  elements.flip.onclick = () => goLive(facing === 'environment' ? 'user' : 'environment');
  elements.photo.onclick = () => elements.file.click();
  elements.file.onchange = () => { if (elements.file.files.length) showPhoto(elements.file.files[0]); };
  elements.pause.onclick = () => (state() === 'live' ? pause() : goLive(facing));
  elements.save.onclick = save;
  document.addEventListener('visibilitychange', () => { // the gallery hides the page, too
    if (document.hidden && ['live', 'opening'].includes(state())) begin('hidden');
    else if (!document.hidden && state() === 'hidden') goLive(facing);
  });
  navigator.permissions?.query({name: 'camera'}).then((permission) => {
    permission.onchange = () => { if (permission.state === 'granted' && state() === 'stopped') goLive(facing); };
  }, () => {}); // a browser that knows no such permission
  return goLive(facing);
}

// Another variant answers what stands still.
export async function refresh() {
  const mine = run;
  if (['paused', 'photo'].includes(state())) await answer(shown.source, shown.shape, () => mine === run);
}

// Begin something: what ran before ends, and the camera is given back. The answer says whether it is still wanted.
function begin(next) {
  run += 1;
  const mine = run;
  stopCamera(video);
  awake?.release();
  awake = null;
  video.hidden = true;
  pace.textContent = '';
  setState(next);
  return () => mine === run;
}

function forget() {
  shown?.source.close?.(); // a photo holds much memory
  shown = null;
  still.hidden = true;
  clearOverlay();
  clearAnswer();
}

function stopped(error, again = null) {
  begin('stopped');
  forget();
  message(error.message, again);
}

async function goLive(wantedFacing) {
  const wanted = begin('opening');
  forget();
  message('Opening the camera ...');
  try {
    const camera = await startCamera(video, wantedFacing, wanted);
    const several = (await cameras()) > 1;
    if (!wanted()) return;
    [facing, mirrored] = [camera.facing, camera.facing === 'user'];
    camera.ended.then(() => { if (wanted()) stopped(new Error(AWAY), () => goLive(wantedFacing)); });
    elements.flip.disabled = !several;
    video.classList.toggle('mirrored', mirrored);
    video.hidden = false;
    message('');
    setState('live');
    keepAwake(wanted);
    await watch(wanted);
  } catch (error) {
    if (wanted()) stopped(error, () => goLive(wantedFacing));
  }
}

async function watch(wanted) {
  const times = [];
  for (;;) {
    await nextFrame();
    if (!wanted()) return;
    if (!video.videoWidth) continue;
    const start = performance.now();
    const source = grab(video);
    await answer(source, [source.height, source.width], wanted);
    if (!wanted()) return;
    const end = performance.now();
    times.push({end, took: end - start});
    while (end - times[0].end > 1000) times.shift();
    tellPace(times);
  }
}

function tellPace(times) {
  const span = times.at(-1).end - times[0].end;
  const rate = span > 0 ? `${((1000 * (times.length - 1)) / span).toFixed(0)} fps, ` : '';
  const middle = times.map(({took}) => took).sort((one, other) => one - other)[times.length >> 1];
  pace.textContent = `${rate}${middle.toFixed(0)} ms`;
}

// Ask the model about a picture of `shape`, and show what it says if that is still wanted.
async function answer(source, shape, wanted) {
  const found = await asking.look(pixels(source, window_(shape, model.images)), shape);
  if (!wanted()) return;
  shown = {source, shape, found};
  if (model.detector && state() === 'live') showStill(source, shape, mirrored); // boxes lie on the frame that they were found in
  showAnswer(found, model);
  showOverlay(shape, found, model, mirrored);
  document.dispatchEvent(new CustomEvent('answer', {detail: shown}));
}

function pause() {
  if (!shown) return;
  begin('paused');
  showStill(shown.source, shown.shape, mirrored);
}

async function showPhoto(file) {
  const wanted = begin('reading');
  forget();
  message('Reading the photo ...');
  mirrored = false;
  try {
    const source = await decode(file);
    if (!wanted()) return;
    const shape = [source.height, source.width];
    showStill(source, shape, false);
    await answer(source, shape, wanted);
    if (!wanted()) return;
    message('');
    setState('photo');
  } catch (error) {
    if (wanted()) stopped(error);
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

function save() {
  if (!shown) return;
  const {source, shape, found} = shown;
  keep(annotated(source, shape, found, model), model.name).catch((error) => note(error.message, true));
}

// The screen stays on while the camera runs, where the browser lets it.
function keepAwake(wanted) {
  navigator.wakeLock?.request('screen').then((lock) => {
    if (wanted()) awake = lock;
    else lock.release();
  }, () => {}); // it is a convenience
}
