import * as api from './api.js';
import { enrol } from './enrol.js';
import { home } from './home.js';
import { sign } from './sign.js';
import { task } from './session.js';
import { frame, h, message, setLanguage, show } from './ui.js';

async function start() {
  const what = task();
  if (what?.language) setLanguage(what.language);
  show(h('h1', { class: 'loading', t: 'loading' }));
  switch (what?.kind) {
    case 'sign': return sign(what.id);
    case 'enrol': return enrol(what.id);
    case 'unknown': return message('problem', 'unknown');
    default: return home();
  }
}

frame();
addEventListener('hashchange', () => {
  if (location.hash) location.reload(); // another task: nothing of the first one stays
});
api.bundle().then((b) => (document.querySelector('.hash code').textContent = b.bundle), () => {});
start();
