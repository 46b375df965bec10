// Setting up: makes the signing passkey, shows the number that the officer
// compares, and has the passkey answer twice before a key is made.
import * as api from './api.js';
import { equal, toB64 } from './bytes.js';
import * as deviceKey from './devicekey.js';
import { seal } from './hpke.js';
import { returnTo } from './offer.js';
import * as passkey from './passkey.js';
import * as pin from './pin.js';
import { buildEnrolment, createChallenge, enrolChallenge, enrolInfo } from './request.js';
import { forget } from './session.js';
import { failure, fetchOffer, identity } from './start.js';
import { backLink, gadget, h, h1, message, para, say, show, t } from './ui.js';

const NAMES = { expired: 'enrolexpired', failed: 'enrolfailed', unknown: 'enrolunknown', used: 'enrolunknown', refused: 'enrolfailed', assertion: 'enrolfailed', cancelled: 'enrolfailed' };
const POLL = 2000;

/** What this is called here; asked anew for each language. */
const own = { gadget: () => t(gadget()) };

export async function enrol(id) {
  const run = new Enrolling(id);
  await run.begin();
}

class Enrolling {
  constructor(id) {
    this.id = id;
    this.back = null;
  }

  async begin() {
    try {
      if (!passkey.available()) return message('problem', 'nowebauthn');
      this.who = await identity();
      await this.go();
    } catch (e) {
      this.fail(e);
    }
  }

  fail(e) {
    if (e instanceof passkey.PasskeyError) {
      if (e.reason === 'no-prf') return message('problem', 'enrolnoprf', { back: this.back });
      if (e.reason === 'no-webauthn') return message('problem', 'nowebauthn', { back: this.back });
      if (e.reason === 'exists') return message('problem', 'exists', { back: this.back });
      return this.note?.('enrolcancelled.text', own);
    }
    if (this.note && ['connection', 'unavailable', 'busy'].includes(e.code)) return this.note(e.code === 'connection' ? 'connection.text' : 'unavailable.text');
    failure(e, { names: NAMES, retry: () => this.begin(), back: this.back });
  }

  /** Shows what belongs to the enrolment's state, again and again until it is over. */
  async go() {
    this.offer = await fetchOffer('enrol', this.id, this.who);
    this.back = returnTo(this.offer.return, this.who.portal);
    this.note = null;
    switch (this.offer.state) {
      case 'passkey': return this.explain();
      case 'ticket': return this.wait('ticket', 2);
      case 'seal': return this.twice();
      case 'sealing': case 'made': return this.wait('made', 4);
      case 'issued': return this.issued();
      case 'expired': return message('problem', 'enrolexpired', { back: this.back });
      default: return message('problem', 'enrolfailed', { back: this.back });
    }
  }

  number() {
    return h('div', { class: 'match' }, para('enrol.number'), h('p', { class: 'code', translate: 'no' }, this.offer.number), para('enrol.number.check'));
  }

  /** One page with one thing to do. */
  page(n, key, hint, action, ...content) {
    const remark = h('div', { role: 'alert' });
    const button = action && h('button', { type: 'button', class: 'primary', t: action.t });
    const hints = h('p', { class: 'hint', t: hint ?? 'loading' });
    button?.addEventListener('click', async () => {
      button.disabled = true;
      remark.replaceChildren();
      try {
        await action.run();
      } catch (e) {
        this.fail(e);
      } finally {
        button.disabled = false;
      }
    });
    this.note = (text, p = {}) => remark.replaceChildren(...(text ? [h('div', { class: 'message problem' }, h('p', { t: text, p }))] : []));
    show(h('p', { class: 'progress', t: 'enrol.step', p: { n } }), h1(`${key}.head`, own), ...content, steps(n), hint && hints, remark, button);
    return { button, hints };
  }

  explain() {
    const kind = gadget();
    this.page(1, 'enrol', `enrol.hint.${kind}`, { t: `enrol.button.${kind}`, run: () => this.create() },
      para('enrol.what', own), para('enrol.own', own), this.number());
  }

  async create() {
    const made = this.made ?? (await passkey.create(this.offer, await createChallenge(this.offer.nonce)));
    this.made = made; // a lost connection does not make a second passkey
    if (this.offer.deviceKey && !made.deviceKey) made.deviceKey = await deviceKey.make(made.id);
    await api.passkey(this.id, made);
    await this.go();
  }

  /** Waits for somebody else; asks every other second. */
  async wait(key, n) {
    this.page(n, key, null, null, para(`${key}.text`), key === 'ticket' ? this.number() : null, h('div', { class: 'waiting', role: 'status', t: 'loading' }));
    for (let failures = 0; ; ) {
      await new Promise((r) => setTimeout(r, POLL));
      try {
        const offer = await fetchOffer('enrol', this.id, this.who);
        failures = 0;
        this.note(null);
        if (offer.state !== this.offer.state && offer.state !== 'sealing') return this.go();
      } catch (e) {
        if (!['connection', 'unavailable'].includes(e.code)) throw e;
        if (++failures > 2) this.note('connection.text');
      }
    }
  }

  twice() {
    let first = null;
    const action = {
      t: 'seal.button',
      run: async () => {
        const { offer } = this;
        const ask = (challenge) => passkey.get({ challenge, rpId: offer.rpId, passkey: offer.passkey, prfSalt: offer.prfSalt });
        if (this.body) return this.send();
        if (!first) {
          const { secret } = await ask(crypto.getRandomValues(new Uint8Array(32)));
          first = await passkey.fingerprint(secret);
          secret.fill(0);
          say(page.hints, 'seal.second.text');
          say(page.button, 'seal.second');
        }
        // Where a browser wants a touch for each answer this one is refused, and
        // the button stands for the second.
        const request = buildEnrolment(offer);
        const challenge = await enrolChallenge(request);
        const { secret, assertion } = await ask(challenge);
        let sealed;
        try {
          if (!equal(await passkey.fingerprint(secret), first)) return message('problem', 'differs', { back: this.back });
          sealed = await seal(offer.hpkeKey, enrolInfo(this.id), challenge, secret);
        } finally {
          secret.fill(0);
        }
        this.body = { request: toB64(request), assertion, enc: toB64(sealed.enc), ciphertext: toB64(sealed.ciphertext) };
        if (offer.deviceKey) this.body.deviceSignature = await deviceKey.sign(await deviceKey.find(toB64(offer.passkey)), challenge);
        await this.send();
      },
    };
    const page = this.page(3, 'seal', 'sign.hint.' + gadget(), action, para('seal.text', own));
  }

  async send() {
    // After a lost answer the service may have made the key already.
    if (this.sent) {
      const offer = await fetchOffer('enrol', this.id, this.who);
      if (offer.state !== 'seal') return this.go();
    }
    this.sent = true;
    await api.sealed(this.id, this.body);
    pin.remember(this.who.spki);
    await this.go();
  }

  issued() {
    pin.remember(this.who.spki);
    forget();
    message('note good', 'issued', { back: this.back, p: own });
  }
}

const steps = (now) =>
  h('ol', { class: 'plan', label: 'enrol.steps' }, [1, 2, 3, 4].map((n) =>
    h('li', { class: n < now ? 'past' : n === now ? 'now' : '', 'aria-current': n === now ? 'step' : false, t: `enrol.step${n}`, p: own })));
