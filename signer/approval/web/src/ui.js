// Elements and their texts. A text belongs to a key in three languages, so that
// the language can be changed without losing anything else on the page.
import { en } from './texts/en.js';
import { hant } from './texts/hant.js';
import { hans } from './texts/hans.js';

export const languages = { en, 'zh-Hant-HK': hant, 'zh-Hans': hans };
const KEPT = 'chop.language';

function choose() {
  const kept = localStorage.getItem(KEPT);
  if (kept && Object.hasOwn(languages, kept)) return kept;
  for (const l of navigator.languages ?? []) {
    if (/^zh\b.*(hans|cn|sg)/i.test(l)) return 'zh-Hans';
    if (/^(zh|yue)\b/i.test(l)) return 'zh-Hant-HK';
    if (/^en\b/i.test(l)) return 'en';
  }
  return 'en';
}

let language = choose();
const texts = new WeakMap(); // element -> Map of attribute ('' for its text) -> [key, parameters]

/** The text of a key; parameters stand in braces. A parameter that is a function is asked for the language. */
export function t(key, p = {}) {
  const found = languages[language][key];
  if (found === undefined) throw new Error(`no text ${key}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => (typeof p[name] === 'function' ? p[name]() : String(p[name])));
}

function put(element, attribute, key, p) {
  if (!texts.has(element)) texts.set(element, new Map());
  texts.get(element).set(attribute, [key, p]);
  element.setAttribute('data-t', '');
  if (attribute) element.setAttribute(attribute, t(key, p));
  else element.textContent = t(key, p);
}

/** Sets an element's text. */
export const say = (element, key, p = {}) => put(element, '', key, p);

/**
 * Makes an element. Attributes: t and p its text's key and parameters; label the
 * key of its aria-label; on* a listener; else an attribute, where false is none.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const { t: key, p = {}, label, ...rest } = attributes;
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  if (key) put(element, '', key, p);
  if (label) put(element, 'aria-label', label, p);
  element.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

/** Somebody else's words: apart from ours in direction and in breaking. */
export const name = (s) => h('bdi', { class: 'name' }, s);

function relabel() {
  document.documentElement.lang = language;
  document.title = t('title');
  for (const element of document.querySelectorAll('[data-t]')) {
    for (const [attribute, [key, p]] of texts.get(element) ?? []) put(element, attribute, key, p);
  }
  for (const button of document.querySelectorAll('.languages button')) {
    button.setAttribute('aria-pressed', String(button.lang === language));
  }
}

export function setLanguage(l) {
  if (!Object.hasOwn(languages, l)) return;
  language = l;
  localStorage.setItem(KEPT, l);
  relabel();
}

const SVG = 'http://www.w3.org/2000/svg';

/** The seal: a square with 印 cut out of it, drawn, so that no font is needed. */
export function seal(size) {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [k, v] of Object.entries({ viewBox: '0 0 48 48', width: size, height: size, 'aria-hidden': 'true', class: 'seal' })) svg.setAttribute(k, v);
  const square = document.createElementNS(SVG, 'rect');
  for (const [k, v] of Object.entries({ width: 48, height: 48, rx: 3, class: 'seal-ground' })) square.setAttribute(k, v);
  const mark = document.createElementNS(SVG, 'path');
  mark.setAttribute('class', 'seal-mark');
  // 印 in straight strokes: the hand at the left, the kneeling person at the right.
  mark.setAttribute('d', 'M22 8.5 11 13v23.5l12-3.5M11 24h11M28 12h11v19l-5.5-1M28 12v28.5');
  svg.append(square, mark);
  return svg;
}

const LANGUAGE_NAMES = { en: 'English', 'zh-Hant-HK': '繁體', 'zh-Hans': '简体' };

/** Builds the page's frame once; show fills its middle. The foot has the page's own hash, as this origin tells it. */
export function frame() {
  const main = h('main', { id: 'main', tabindex: '-1' });
  document.body.replaceChildren(
    h('a', { class: 'skip', href: '#main', t: 'skip', onclick: (e) => { e.preventDefault(); main.focus(); } }),
    h('header', {},
      h('div', { class: 'brand' }, seal(32), h('span', {}, 'Chop')),
      h('nav', { class: 'languages', label: 'language' },
        Object.entries(LANGUAGE_NAMES).map(([l, words]) => h('button', { type: 'button', lang: l, onclick: () => setLanguage(l) }, words)))),
    main,
    h('footer', {},
      h('p', {}, h('a', { href: '/', target: '_blank', rel: 'noopener', t: 'about.link' })),
      h('p', { class: 'hash' }, h('span', { t: 'hash' }), ' ', h('code', {}, '…'))),
  );
  relabel();
}

/** Replaces what the page says. The heading gets the focus, so that it is read. */
export function show(...content) {
  const main = document.getElementById('main');
  main.replaceChildren(...content.flat().filter(Boolean));
  const heading = main.querySelector('h1');
  if (heading) {
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
  }
  scrollTo(0, 0);
}

export const h1 = (key, p) => h('h1', { t: key, p });
export const para = (key, p) => h('p', { t: key, p });

/** A page of one message: what happened, what was not lost, what to do. */
export function message(kind, key, { p = {}, back = null, action = null } = {}) {
  show(
    h('section', { class: `message ${kind}` }, h1(`${key}.head`, p), h('p', { t: `${key}.text`, p }), h('p', { t: `${key}.do`, p })),
    action && h('button', { type: 'button', class: 'primary', onclick: action.onclick, t: action.t }),
    back && backLink(back),
  );
}

export const backLink = (href, primary = false) =>
  h('p', {}, h('a', { class: primary ? 'button primary' : 'button', href, rel: 'noreferrer', t: 'back', p: { host: new URL(href).hostname } }));

export const time = (iso, seconds = false) => () =>
  new Intl.DateTimeFormat(language === 'en' ? 'en-HK' : language, {
    hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}), hourCycle: 'h23', timeZone: 'Asia/Hong_Kong',
  }).format(new Date(iso));

/** "phone" where one is touched, else "device": the words for what signs. */
export const gadget = () => (matchMedia('(pointer: coarse)').matches && Math.min(screen.width, screen.height) < 600 ? 'phone' : 'device');
