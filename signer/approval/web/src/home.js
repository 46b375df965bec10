import { forget } from './session.js';
import { h, h1, para, show, t } from './ui.js';

/** What this origin is, and how its files are checked. */
export function home(bundle) {
  forget();
  const link = h('a', { href: '/bundle.json' }, 'bundle.json');
  // The text names the list in its middle.
  const [before, after] = t('home.check', { bundle: '\u0000' }).split('\u0000');
  show(
    h1('home.head'), para('home.what'), para('home.nothing'),
    h('h2', { t: 'home.check.head' }),
    bundle ? h('p', { class: 'home-files' }, before, link, after) : h('p', { class: 'home-files', t: 'home.check', p: { bundle: '/bundle.json' } }),
    para('home.honest'),
  );
}
