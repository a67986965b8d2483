// The service worker: keeps the page and the model, and answers from what it kept where the computer is not there.
// What the computer says comes first, so that a model that was exported anew is seen at once; what is named by its content never changes and
// comes from here.
const NAME = 'cvapp';
const LIST = '/files.json'; // address of each file: a word for its content
const PATIENCE = 3000; // milliseconds for an answer, once there is one to fall back on
let absent = 0; // until when the computer is taken to be away: only the first of a page's many requests waits

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  if (event.request.method === 'GET' && new URL(event.request.url).origin === location.origin) event.respondWith(answer(event.request));
});

// The page asks for it each time, and is told whether all is kept, as it is now or as it was.
self.addEventListener('message', (event) => {
  event.waitUntil(fill().then(() => '', ({message}) => message).then(async (failed) => {
    const kept = await (await caches.open(NAME)).match(LIST);
    event.source.postMessage({kept: Boolean(kept), failed});
  }));
});

async function answer(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, {ignoreSearch: true, ignoreVary: true});
  if (!kept) return fetch(request);
  const begins = request.mode === 'navigate'; // the page is loaded: the computer may be back
  if (new URL(request.url).pathname.startsWith('/model/') || (!begins && Date.now() < absent)) return kept;
  try {
    const came = await Promise.race([fetch(request), gaveUp()]);
    absent = 0;
    return came.ok ? came : kept;
  } catch {
    absent = Date.now() + 10_000;
    return kept;
  }
}

const gaveUp = () => new Promise((_, reject) => { setTimeout(() => reject(new Error('no answer')), PATIENCE); });

// Fetch what is new, the list and what names other files last, and drop what is no longer listed.
async function fill() {
  const cache = await caches.open(NAME);
  const before = await (await cache.match(LIST))?.json() ?? {};
  const list = await fetched(LIST);
  const now = await list.clone().json();
  const changed = Object.keys(now).filter((address) => now[address] !== before[address] && address !== '/model.json');
  await Promise.all(changed.map(async (address) => cache.put(address, await fetched(address))));
  await cache.put('/model.json', await fetched('/model.json'));
  await cache.put(LIST, list);
  const gone = (await cache.keys()).filter(({url}) => !([LIST, ...Object.keys(now)].includes(new URL(url).pathname)));
  await Promise.all(gone.map((request) => cache.delete(request)));
}

async function fetched(address) {
  const came = await fetch(address, {cache: 'no-cache'});
  if (!came.ok) throw new Error(`${address}: the computer answered ${came.status}`);
  return came;
}
