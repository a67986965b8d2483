// The model as the page sees it: what is told of it, and a promise for each thing that is asked of its worker.
const worker = new Worker('worker.js');
const waiting = new Map();
let last = 0;
let broken = null; // why the worker does not run, where it does not

worker.onmessage = ({data: {id, answer, error}}) => {
  const {resolve, reject} = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) resolve(answer);
  else reject(new Error(error));
};
worker.onerror = (event) => {
  broken = new Error(`this browser cannot run the model (${event.message || 'its worker did not start'}); try a newer one`);
  for (const {reject} of waiting.values()) reject(broken);
  waiting.clear();
};

function ask(op, values, transfer = []) {
  if (broken) return Promise.reject(broken);
  return new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, {resolve, reject});
    worker.postMessage({id: last, op, ...values}, transfer);
  });
}

export async function read() {
  const answer = await fetch('model.json');
  if (!answer.ok) throw new Error(`model.json: the computer answered ${answer.status}; load the page again`);
  return answer.json();
}

export const open = (model, name) => ask('open', {model, name});
export const look = (pixels, shape) => ask('look', {pixels, shape}, [pixels.buffer]);
export const make = (seed, count, place) => ask('make', {seed, count, place});
export const check = () => ask('check', {});
