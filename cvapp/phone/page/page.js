// The page: which model there is decides what it does. From here, imports go about -> looking, making -> model, pictures -> view -> fit.
import {describe, keepPage, prove} from './about.js';
import * as looking from './looking.js';
import * as making from './making.js';
import * as asking from './model.js';
import {elements, message, setState} from './view.js';

async function start() {
  setState('loading');
  message('Fetching the model ...');
  try {
    const model = await asking.read();
    const task = model.task === 'generate' ? making : looking;
    document.title = elements.name.textContent = model.name;
    await asking.open(model, model.chosen);
    describe(model, task.refresh);
    document.addEventListener('answer', () => {
      prove(model);
      keepPage();
    }, {once: true}); // after the first, so that nobody waits for them
    await task.start(model);
  } catch (error) {
    message(error.message, () => location.reload());
  }
}

start();
