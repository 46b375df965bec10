import { forget } from './session.js';
import { h, h1, para, show } from './ui.js';

/** What this origin is, and how its files are checked. */
export function home() {
  forget();
  show(
    h1('home.head'), para('home.what'), para('home.nothing'),
    h('h2', { t: 'home.check.head' }),
    para('home.check'), h('p', {}, h('a', { href: '/bundle.json' }, 'bundle.json')), para('home.honest'),
  );
}
