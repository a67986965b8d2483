// The service worker: keeps the page and the model, and answers from what it kept where the computer is not there.
// What the computer says comes first, so that a model that was exported anew is seen at once; what is named by its content never changes and
// comes from here.
const NAME = 'cvapp';
const PATIENCE = 3000; // milliseconds for an answer, once there is one to fall back on
let absent = 0; // until when the computer is taken to be away: only the first of a page's many requests waits

self.addEventListener('install', (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  if (event.request.method === 'GET' && new URL(event.request.url).origin === location.origin) event.respondWith(answer(event.request));
});

// The page asks for it each time the computer is there, and is told when it is done.
self.addEventListener('message', (event) => {
  event.waitUntil(fill().then(() => event.source.postMessage('kept'), ({message}) => event.source.postMessage(message)));
});

// Fetch what is new, drop what is no longer listed.
async function fill() {
  const cache = await caches.open(NAME);
  const list = await (await fetch('files.json', {cache: 'no-cache'})).json();
  const kept = new Set((await cache.keys()).map(({url}) => new URL(url).pathname));
  await Promise.all(Object.keys(list).filter((address) => !(lasting(address) && kept.has(address))).map((address) => cache.add(address)));
  await Promise.all([...kept].filter((address) => !(address in list)).map((address) => cache.delete(address)));
}

const lasting = (address) => address.startsWith('/model/');

async function answer(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, {ignoreSearch: true, ignoreVary: true});
  if (kept && (lasting(new URL(request.url).pathname) || Date.now() < absent)) return kept;
  try {
    const came = await (kept ? Promise.race([fetch(request), gaveUp()]) : fetch(request));
    if (came.ok) await cache.put(request, came.clone());
    return came.ok || !kept ? came : kept;
  } catch (error) {
    absent = Date.now() + 10_000;
    if (kept) return kept;
    throw error;
  }
}

const gaveUp = () => new Promise((_, reject) => { setTimeout(() => reject(new Error('no answer')), PATIENCE); });
