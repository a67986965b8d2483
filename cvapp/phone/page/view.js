// What is seen: the picture with what was found drawn over it, the answer in words and bars, messages.
import {window_} from './fit.js';

const find = (id) => document.getElementById(id);
export const elements = Object.fromEntries(
  ['name', 'pace', 'stage', 'video', 'still', 'overlay', 'answer', 'bars', 'note', 'flip', 'photo', 'pause', 'save', 'file', 'again', 'making', 'seed', 'label']
    .map((id) => [id, find(id)]),
);
const COLOURS = ['#ffb000', '#35c46a', '#4aa8ff', '#ff6b81', '#c792ff', '#00c8c8', '#ff8b3d', '#b5d400'];
const SHOWN = 3; // bars
const LONGEST = 3840; // pixels of the longer side of what is saved: phones refuse much larger canvases

const PAUSE = {live: 'Pause', paused: 'Go on', photo: 'Camera', stopped: 'Camera', made: 'Next'}; // what the large button does, by state

export function setState(state, words = PAUSE[state]) {
  document.body.dataset.state = state;
  if (words) elements.pause.querySelector('span').textContent = words;
  elements.pause.disabled = !words;
  elements.save.disabled = !(state in PAUSE) || state === 'stopped';
}

export const state = () => document.body.dataset.state;

// Words in the middle of the picture; none takes them away. `again` is called by the button below them.
export function message(text, again = null) {
  find('message').hidden = !text;
  find('message-text').textContent = text;
  elements.again.hidden = !again;
  elements.again.onclick = again;
}

export function note(text, bad = false) {
  Object.assign(elements.note, {textContent: text, hidden: !text});
  elements.note.classList.toggle('bad', bad);
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;

// Answers stand and bars grow from the right where most labels are read from there; a single label keeps its own direction in either.
export function setDirection(labels) {
  elements.answer.dir = elements.bars.dir = 2 * labels.filter((label) => LEFTWARD.test(label)).length > labels.length ? 'rtl' : 'ltr';
}

// An answer of a classifier ({said, known, scores}) or a detector ({boxes}) in words and bars.
export function showAnswer(found, {labels}) {
  if (found.scores) {
    say([bdi(found.said)], found.known);
    bars(found.scores.map(({label, probability}) => [label, probability]));
  } else {
    say(counted(found.boxes, labels), found.boxes.length > 0);
    bars(found.boxes.map(({place, score}) => [labels[place], score]));
  }
}

// Texts and elements as the answer.
export function say(parts, known = true) {
  elements.answer.replaceChildren(...parts);
  elements.answer.classList.toggle('unknown', !known);
}

export function clearAnswer() {
  say(['\u00a0']);
  bars([]);
}

const LEFTWARD = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u; // Hebrew, Arabic and their relatives

// A label as part of a longer text: one that is read from right to left is kept apart, so that it turns nothing beside it around.
export function isolated(label) {
  return LEFTWARD.test(label) ? `\u2068${label}\u2069` : label;
}

// The same as an element.
const bdi = (label) => Object.assign(document.createElement('bdi'), {textContent: label});

function counted(boxes, labels) {
  const counts = new Map();
  for (const {place} of boxes) counts.set(place, (counts.get(place) ?? 0) + 1);
  const parts = [...counts].flatMap(([place, count]) => [', ', ...(count > 1 ? [`${count} × `] : []), bdi(labels[place])]);
  return parts.length ? parts.slice(1) : ['nothing found'];
}

function bars(rows) {
  rows.slice(0, SHOWN).forEach(([label, share], at) => {
    const row = elements.bars.children[at] ?? elements.bars.appendChild(newBar());
    row.style.setProperty('--share', share);
    row.children[0].textContent = label;
    row.children[1].textContent = percent(share);
  });
  while (elements.bars.children.length > Math.min(rows.length, SHOWN)) elements.bars.lastChild.remove();
}

function newBar() {
  const row = document.createElement('li');
  row.append(Object.assign(document.createElement('span'), {dir: 'auto'}), document.createElement('span'));
  return row;
}

// Draw over a picture of `shape` [height, width] what was found, and between corners what the model sees of it.
export function showOverlay(shape, found, model, mirrored) {
  const {overlay, stage} = elements;
  const factor = devicePixelRatio * Math.min(stage.clientHeight / shape[0], stage.clientWidth / shape[1]);
  Object.assign(overlay, {width: Math.round(shape[1] * factor), height: Math.round(shape[0] * factor)});
  const context = overlay.getContext('2d');
  context.scale(factor, factor);
  draw(context, shape, found, model, mirrored);
}

export function clearOverlay() {
  elements.overlay.width = 1;
}

function draw(context, shape, found, model, mirrored) {
  const unit = Math.max(shape[0], shape[1]) / 320; // a thin line
  const flipped = (x) => (mirrored ? shape[1] - x : x);
  if (model.images.fit === 'crop') corners(context, window_(shape, model.images), unit);
  context.font = `600 ${11 * unit}px system-ui, sans-serif`;
  for (const {xyxy: [left, top, right, bottom], place, score, points} of found.boxes ?? []) {
    context.strokeStyle = context.fillStyle = COLOURS[place % COLOURS.length];
    context.lineWidth = 1.5 * unit;
    const start = Math.min(flipped(left), flipped(right));
    context.strokeRect(start, top, right - left, bottom - top);
    for (const [x, y] of points) context.fillRect(flipped(x) - unit, y - unit, 2 * unit, 2 * unit);
    tag(context, captioned(context, model.labels[place], score, shape[1] - 6 * unit), start, top, unit, shape);
  }
}

// A label and its share, the label with as many of its letters as there is room for.
export function captioned(context, label, share, room) {
  const letters = [...label];
  const text = (count) => `${isolated(count < letters.length ? `${letters.slice(0, count).join('').trimEnd()}…` : label)} ${percent(share)}`;
  let count = letters.length;
  while (count > 1 && context.measureText(text(count)).width > room) count -= 1;
  return text(count);
}

function tag(context, text, left, top, unit, shape) {
  const [width, height] = [context.measureText(text).width + 6 * unit, 15 * unit];
  const x = Math.max(0, Math.min(left - 0.75 * unit, shape[1] - width));
  const y = top >= height ? top - height : top;
  context.fillRect(x, y, width, height);
  context.fillStyle = '#111';
  context.fillText(text, x + 3 * unit, y + 11 * unit);
}

function corners(context, [top, left, height, width], unit) {
  const [length, inset] = [Math.min(height, width) / 10, unit];
  context.strokeStyle = '#fff';
  context.lineWidth = 1.5 * unit;
  context.beginPath();
  for (const [x, y, right, down] of [[left, top, 1, 1], [left + width, top, -1, 1], [left, top + height, 1, -1], [left + width, top + height, -1, -1]]) {
    const [from, to] = [x + right * inset, y + down * inset];
    context.moveTo(from + right * length, to);
    context.lineTo(from, to);
    context.lineTo(from, to + down * length);
  }
  context.stroke();
}

// A picture as the model saw it, not mirrored, with what was found drawn on it, and the answer of a classifier in words below: a canvas to keep.
export function annotated(source, original, found, model) {
  const canvas = document.createElement('canvas');
  const scale = Math.min(1, LONGEST / Math.max(...original));
  const shape = original.map((side) => Math.round(side * scale));
  const words = found.scores ? Math.round(Math.max(28, shape[1] / 14)) : 0;
  Object.assign(canvas, {width: shape[1], height: shape[0] + words});
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, shape[1], shape[0]);
  if (words) {
    const room = shape[1] - 0.6 * words;
    context.fillStyle = '#14171c';
    context.font = `600 ${0.6 * words}px system-ui, sans-serif`;
    const text = found.known ? captioned(context, found.said, found.scores[0].probability, room) : found.said;
    context.fillText(text, 0.3 * words, shape[0] + 0.72 * words, room);
  } else {
    context.scale(scale, scale);
    draw(context, original, found, model, false);
  }
  return canvas;
}

// Hand a picture to the phone's share sheet, or save it where there is none.
export async function keep(canvas, name) {
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
  if (!blob) throw new Error('this browser cannot save a picture of that size');
  const file = new File([blob], `${name}-${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}.png`, {type: 'image/png'});
  if (navigator.canShare?.({files: [file]}) && matchMedia('(pointer: coarse)').matches) {
    try {
      return await navigator.share({files: [file]});
    } catch (error) {
      if (error.name === 'AbortError') return undefined; // the person thought better of it
    }
  }
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(file), download: file.name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return undefined;
}
