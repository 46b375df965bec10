// How a signing ends.
import { backLink, h, h1, message, name, para, seal, show, time } from './ui.js';

/** Signed: the seal comes down on the document. at is null where the answer was lost. */
export function done(offer, back, at) {
  show(
    h('section', { class: 'done' },
      h('div', { class: 'stamped', 'aria-hidden': 'true' },
        h('div', { class: 'sheet-drawing' }, Array.from({ length: 6 }, () => h('span', {}))),
        h('div', { class: 'stamp' }, seal(72))),
      h1('done.head', { time: time(at ?? new Date().toISOString(), true) }),
      para('done.text'),
      h('ul', { class: 'names' }, offer.documents.map((d) => h('li', {}, name(d.name)))),
      back ? para('done.next') : para('done.close')),
    back && backLink(back, true),
    para('done.other'),
  );
}

export const declined = (offer, reason, back) =>
  message('note', reason === 'not-me' ? 'notmedone' : 'declined', { back, p: { service: offer.service.name } });
