// R and E, the exact bytes that the passkey signs a hash of, and the hashes
// around them. docs/approval-protocol.md
import { sha256, toB64, utf8 } from './bytes.js';

const LABEL = {
  approval: 'chop/approval/v1\0', enrol: 'chop/enrol/v1\0', create: 'chop/create/v1\0', code: 'chop/code/v1\0', offer: 'chop/offer/v1\0',
};

export const label = (name) => utf8(LABEL[name]);

/**
 * R, built by the page from what it verified and has shown.
 * @param {object} offer as readOffer returns it
 * @param {{digest: Uint8Array, dtbsr: Uint8Array}[]} shown one a document, in order
 */
export function buildRequest(offer, shown) {
  if (shown.length !== offer.documents.length) throw new Error('request: not every document was checked');
  return utf8(JSON.stringify({
    kind: 'sign',
    tx: offer.tx,
    nonce: toB64(offer.nonce),
    notAfter: offer.notAfter,
    hpkeKey: toB64(offer.hpkeKey),
    rpId: offer.rpId,
    credential: offer.credential,
    certificate: toB64(offer.certificate),
    service: { id: offer.service.id, name: offer.service.name },
    documents: offer.documents.map((d, i) => ({
      name: d.name, type: d.type, sha256: toB64(shown[i].digest), policy: d.policy, hash: d.hash, dtbsr: toB64(shown[i].dtbsr),
    })),
  }));
}

/** E, by which the passkey has its key made. */
export function buildEnrolment(offer) {
  return utf8(JSON.stringify({
    kind: 'enrol',
    enrolment: offer.enrolment,
    nonce: toB64(offer.nonce),
    notAfter: offer.notAfter,
    hpkeKey: toB64(offer.hpkeKey),
    rpId: offer.rpId,
    account: offer.account,
    passkey: toB64(offer.passkey),
    ticket: toB64(offer.ticket),
  }));
}

export const approvalChallenge = (r) => sha256(label('approval'), r);
export const enrolChallenge = (e) => sha256(label('enrol'), e);
export const createChallenge = (nonce) => sha256(label('create'), nonce);
export const approvalInfo = (tx) => utf8(LABEL.approval + tx);
export const enrolInfo = (enrolment) => utf8(LABEL.enrol + enrolment);

/** The four digits that both screens show. */
export async function code(tx, nonce) {
  const d = await sha256(label('code'), utf8(tx), nonce);
  return String(new DataView(d.buffer).getUint32(0) % 10000).padStart(4, '0');
}
