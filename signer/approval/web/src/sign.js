// Signing: shows who asks and all of the documents, and approves exactly what was
// shown. docs/approval-protocol.md
import * as api from './api.js';
import { toB64 } from './bytes.js';
import * as deviceKey from './devicekey.js';
import { checkDocument } from './document.js';
import { seal } from './hpke.js';
import { OfferError, returnTo, sameTransaction } from './offer.js';
import * as passkey from './passkey.js';
import * as pin from './pin.js';
import { approvalChallenge, approvalInfo, buildRequest } from './request.js';
import { forget } from './session.js';
import { SignPage } from './signpage.js';
import { declined, done } from './outcome.js';
import { failure, fetchOffer, identity } from './start.js';
import { gadget, message, t } from './ui.js';

/** States in which there is nothing to sign any more, and their texts. */
const CLOSED = { declined: 'used', expired: 'expired', cancelled: 'cancelled', failed: 'failed' };

export async function sign(tx) {
  let back = null;
  const fail = (e) => failure(e, { retry: () => sign(tx), back });
  try {
    if (!passkey.available()) return message('problem', 'nowebauthn');
    const who = await identity();
    const offer = await fetchOffer('sign', tx, who);
    back = returnTo(offer.return, who.portal);
    if (offer.state !== 'open') return closed(offer, back);
    if (offer.deviceKey && !(await deviceKey.find(toB64(offer.passkey)))) return message('problem', 'nodevicekey', { back });
    await new Approval(offer, who, back).run();
  } catch (e) {
    fail(e);
  }
}

function closed(offer, back) {
  forget();
  if (offer.state === 'approved') return done(offer, back, null);
  message('problem', CLOSED[offer.state], { back, p: { service: offer.service.name } });
}

class Approval {
  constructor(offer, who, back) {
    this.offer = offer;
    this.who = who;
    this.back = back;
    this.checked = [];
    this.body = null; // what is sent; kept for another try, without s
  }

  async run() {
    this.page = new SignPage(this.offer, {
      onSign: () => this.approve(),
      onDecline: (reason) => this.decline(reason),
      onExpired: () => this.end(() => message('problem', 'expired', { back: this.back })),
    });
    this.page.show();
    for (const [i, d] of this.offer.documents.entries()) {
      const bytes = await this.fetch(i, d);
      try {
        this.checked.push(await checkDocument(bytes, d, this.offer.certificate));
      } catch (e) {
        console.info(`document ${i + 1}: ${e.message}`);
        throw new OfferError(e.message);
      }
      await this.page.add(bytes);
    }
  }

  /** Fetches a document; a lost connection is told, and tried again when the person says so. */
  async fetch(i, d) {
    for (;;) {
      try {
        return await api.documentBytes(this.offer.tx, i, d.size, (share) => this.page.progress(share));
      } catch (e) {
        if (!['connection', 'unavailable'].includes(e.code)) throw e;
        await this.page.lost();
      }
    }
  }

  async approve() {
    this.page.note(null);
    this.page.busy(true);
    try {
      if (!this.body) this.body = await this.seal();
      const { at } = await this.send();
      pin.remember(this.who.spki);
      this.end(() => done(this.offer, this.back, at));
    } catch (e) {
      this.page.busy(false);
      this.failed(e);
    }
  }

  /** Has the passkey sign the challenge over R, and seals s for this transaction. */
  async seal() {
    const { offer } = this;
    if (!this.page.allSeen()) throw new Error('not every page was seen');
    const request = buildRequest(offer, this.checked);
    const challenge = await approvalChallenge(request);
    const { secret, assertion } = await passkey.get({ challenge, rpId: offer.rpId, passkey: offer.passkey, prfSalt: offer.prfSalt });
    let sealed;
    try {
      sealed = await seal(offer.hpkeKey, approvalInfo(offer.tx), challenge, secret);
    } finally {
      secret.fill(0);
    }
    const body = { request: toB64(request), assertion, enc: toB64(sealed.enc), ciphertext: toB64(sealed.ciphertext) };
    if (offer.deviceKey) body.deviceSignature = await deviceKey.sign(await deviceKey.find(toB64(offer.passkey)), challenge);
    return body;
  }

  /** Sends the approval. After a lost answer the service is asked first whether it had arrived. */
  async send() {
    if (this.sent) {
      const offer = await fetchOffer('sign', this.offer.tx, this.who);
      if (!sameTransaction(offer, this.offer)) throw new OfferError('another transaction');
      if (offer.state === 'approved') return { at: null };
      if (offer.state !== 'open') throw new api.ApiError(CLOSED[offer.state] ?? 'failed', 200);
    }
    this.sent = true;
    const answer = await api.approve(this.offer.tx, this.body);
    if (answer.state !== 'approved') throw new api.ApiError('failed', 200);
    return answer;
  }

  failed(e) {
    if (e instanceof passkey.PasskeyError) {
      if (e.reason === 'no-prf') return this.end(() => message('problem', 'noprf', { back: this.back }));
      if (e.reason === 'no-webauthn') return this.end(() => message('problem', 'nowebauthn', { back: this.back }));
      return this.page.note('sign.cancelled', { gadget: () => t(gadget()) });
    }
    if (e.code === 'connection') return this.page.note('sign.offline');
    if (e.code === 'unavailable' || e.code === 'busy') return this.page.note('sign.busy');
    this.end(() => failure(e, { back: this.back, p: { service: this.offer.service.name } }));
  }

  async decline(reason) {
    this.page.busy(true);
    try {
      await api.decline(this.offer.tx, reason);
      this.end(() => declined(this.offer, reason, this.back));
    } catch (e) {
      this.page.busy(false);
      this.failed(e);
    }
  }

  end(then) {
    this.page.close();
    forget();
    then();
  }
}

