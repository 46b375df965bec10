// The page on which somebody signs: who asks, the documents, what signing does,
// the number, one button.
import { now } from './api.js';
import { gadget, h, h1, name, say, seal, show, time } from './ui.js';
import { Viewer } from './viewer.js';

export class SignPage {
  /** @param {{onSign: () => void, onDecline: (reason: string) => void, onExpired: () => void}} on */
  constructor(offer, on) {
    this.offer = offer;
    this.on = on;
    this.viewers = [];
    this.current = 0;
    this.trouble = null;
    this.many = offer.documents.length > 1;
  }

  show() {
    const { offer, many } = this;
    const n = offer.documents.length;
    this.status = h('p', { class: 'status', 'aria-live': 'polite', t: 'loading' });
    this.jump = h('button', { type: 'button', class: 'small', t: 'doc.goto', hidden: true, onclick: () => this.gotoUnseen() });
    this.tabs = h('div', { class: 'tabs', role: 'group', label: 'doc.tabs', hidden: !many });
    this.place = h('div', { class: 'place' });
    this.remark = h('div', { role: 'alert' });
    this.left = h('span', {});
    const kind = gadget();
    this.button = h('button', { type: 'button', class: 'primary sign', disabled: true, 'aria-describedby': 'why', onclick: () => this.on.onSign() },
      seal(32), (this.buttonText = h('span', { t: `sign.button.${kind}` })));
    this.why = h('p', { id: 'why', class: 'hint', t: 'sign.wait.read' });
    this.kind = kind;
    this.section = h('section', { class: 'steps' },
      step(1, many ? 'step.documents' : 'step.document', this.tabs, this.place,
        h('div', { class: 'bar' }, this.status, this.jump)),
      step(2, 'step.meaning', h('p', { t: many ? 'meaning.many' : 'meaning.one', p: { n } })),
      step(3, 'step.code', h('p', { class: 'code', translate: 'no' }, offer.code), h('p', { t: 'code.text' })),
      step(4, 'step.sign', this.why, this.remark, this.button,
        h('p', { class: 'hint' }, h('span', { t: 'sign.until', p: { time: time(offer.notAfter) } }), ' ', this.left)));
    this.warning = h('div', { role: 'alert' });
    this.quit = h('div', { class: 'quit' },
      h('button', { type: 'button', t: 'sign.decline', onclick: () => this.ask('declined') }),
      h('button', { type: 'button', t: 'sign.notme', onclick: () => this.ask('not-me') }));
    show(
      // Who brings a document of their own asks themself.
      offer.service.id === 'portal' ? h1('sign.own') : h1('sign.head', { service: offer.service.name }),
      h('div', { class: 'what' },
        h('p', { t: many ? 'sign.what.many' : 'sign.what.one', p: { n } }),
        many ? null : h('ul', { class: 'names' }, h('li', {}, name(offer.documents[0].name)))),
      this.warning, this.section, this.quit);
    this.clock = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  tick() {
    const left = new Date(this.offer.notAfter).getTime() - now();
    if (left <= 0 && !this.working) return this.on.onExpired();
    const minutes = Math.floor(left / 60000);
    const shown = minutes < 1 ? 'sign.minute' : minutes <= 2 ? 'sign.minutes' : '';
    if (shown && this.left.dataset.shown !== `${minutes}`) {
      this.left.dataset.shown = `${minutes}`;
      say(this.left, shown, { n: minutes });
    }
  }

  progress(share) {
    say(this.status, 'doc.download', { percent: Math.round(share * 100) });
  }

  /** Shows that the connection is lost; resolves when the person wants to try again. */
  lost() {
    return new Promise((again) => {
      this.note('sign.offline', {}, this.warning, h('button', {
        type: 'button', t: 'again', onclick: () => {
          this.warning.replaceChildren();
          again();
        },
      }));
    });
  }

  /** Adds the next document. Rejects never: what cannot be shown is trouble. */
  async add(bytes) {
    const at = this.viewers.length;
    const viewer = new Viewer(bytes, { onSeen: () => this.update(), onTrouble: (why) => this.onTrouble(why) });
    this.viewers.push(viewer);
    this.tabs.append(h('button', { type: 'button', onclick: () => this.choose(at) },
      h('span', { class: 'tick', 'aria-hidden': 'true' }), h('span', { t: 'doc.tab', p: { n: at + 1, name: this.offer.documents[at].name } })));
    this.place.append(viewer.element);
    viewer.element.hidden = at !== this.current;
    await viewer.open().catch(() => {});
    this.choose(this.current);
  }

  choose(at) {
    this.current = at;
    this.viewers.forEach((v, i) => (v.element.hidden = i !== at));
    [...this.tabs.children].forEach((b, i) => b.setAttribute('aria-pressed', String(i === at)));
    this.viewers[at].applyZoom();
    this.update();
  }

  get whole() {
    return this.viewers.length === this.offer.documents.length;
  }

  /** Every page of every document was drawn whole, and seen. */
  allSeen() {
    return this.whole && this.trouble === null && this.viewers.every((v) => v.done);
  }

  gotoUnseen() {
    const at = this.viewers.findIndex((v) => !v.done);
    if (at < 0) return;
    if (at !== this.current) {
      this.choose(at);
      this.tabs.scrollIntoView({ block: 'start' });
    }
    this.viewers[at].goto();
  }

  update() {
    const v = this.viewers[this.current];
    if (this.trouble !== null || !v || v.count === 0) return;
    const all = this.allSeen();
    if (all && this.many) say(this.status, 'doc.seen.alls', { n: this.viewers.length });
    else if (v.done) say(this.status, 'doc.seen.all', { all: v.count });
    else say(this.status, 'doc.seen', { seen: v.seen, all: v.count });
    this.viewers.forEach((w, i) => this.tabs.children[i].classList.toggle('done', w.done));
    this.jump.hidden = all || !this.whole;
    if (this.many && v.done && !all) say(this.jump, 'doc.next', { n: this.viewers.findIndex((w) => !w.done) + 1 });
    else say(this.jump, 'doc.goto');
    this.status.parentElement.classList.toggle('complete', all);
    this.button.disabled = !all || this.working === true;
    say(this.why, all ? `sign.hint.${this.kind}` : 'sign.wait.read');
  }

  /** From here on nothing can be approved on this page. */
  onTrouble(why) {
    if (this.trouble !== null) return;
    this.trouble = why;
    this.button.disabled = true;
    this.status.parentElement.hidden = true;
    for (const s of [...this.section.children].slice(1)) s.hidden = true;
    this.warning.replaceChildren(h('section', { class: 'message problem' },
      h('h2', { t: 'trouble.head' }), h('p', { t: 'trouble.text' }), h('p', { t: 'trouble.do', p: { service: this.offer.service.name } }),
      h('details', {}, h('summary', { t: 'trouble.detail' }), h('code', {}, why))));
    this.warning.scrollIntoView?.({ block: 'nearest' });
  }

  note(key, p = {}, where = this.remark, ...more) {
    where.replaceChildren(...(key ? [h('div', { class: 'message problem' }, h('p', { t: key, p }), ...more)] : []));
  }

  busy(working) {
    this.working = working;
    this.button.disabled = working || !this.allSeen();
    this.button.setAttribute('aria-busy', String(working));
    say(this.buttonText, working ? 'sign.working' : `sign.button.${this.kind}`);
    for (const b of this.quit.children) b.disabled = working;
  }

  /** Asks once more before the request is refused. */
  ask(reason) {
    const key = reason === 'not-me' ? 'notme' : 'decline';
    const dialog = h('dialog', { 'aria-labelledby': 'asked' },
      h('h2', { id: 'asked', t: `${key}.head` }),
      h('p', { t: `${key}.text`, p: { service: this.offer.service.name } }),
      h('button', { type: 'button', class: 'primary', t: reason === 'not-me' ? 'notme.button' : 'sign.decline', onclick: () => { dialog.close(); this.on.onDecline(reason); } }),
      h('button', { type: 'button', t: 'dialog.back', onclick: () => dialog.close() }));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  close() {
    clearInterval(this.clock);
    for (const v of this.viewers) v.close();
  }
}

const step = (n, key, ...content) =>
  h('section', { class: 'step' }, h('h2', {}, h('span', { class: 'number', 'aria-hidden': 'true' }, String(n)), h('span', { t: key })), ...content);
