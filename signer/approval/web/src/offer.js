// Offers: what the activation process says of a transaction, under its own
// signature, so that nothing between it and this page chose the key to which the
// secret is sent. Read strictly; what is not understood is refused.
import { concat, equal, fromB64, utf8 } from './bytes.js';
import { code, label } from './request.js';

export class OfferError extends Error {}

const refuse = (why) => {
  throw new OfferError(`offer: ${why}`);
};

// Controls, separators, and the invisible characters that turn the direction of
// writing or make two names look the same.
const misleading = /[\p{Cc}\u2028\u2029\u061c\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u206f]/u;

const text = (max) => (v) => {
  if (typeof v !== 'string' || v === '' || utf8(v).length > max || v.normalize('NFC') !== v || misleading.test(v)) refuse('text');
  return v;
};
const bytes = (size) => (v) => {
  try {
    return fromB64(v, size);
  } catch {
    return refuse('bytes');
  }
};
const matching = (re) => (v) => (typeof v === 'string' && re.test(v) ? v : refuse('text'));
const oneOf = (...list) => (v) => (list.includes(v) ? v : refuse(`unknown value`));
const flag = (v) => (typeof v === 'boolean' ? v : refuse('flag'));
const number = (v) => (Number.isSafeInteger(v) && v >= 0 ? v : refuse('number'));
const list = (min, max, each) => (v) => (Array.isArray(v) && v.length >= min && v.length <= max ? v.map(each) : refuse('list'));
const optional = (read) => Object.assign((v) => read(v), { optional: true });
const time = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const id = matching(/^[A-Za-z0-9_-]{22}$/);
const uuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const host = matching(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);
const oid = matching(/^[0-2](\.\d{1,10}){1,20}$/);
const point = (v) => {
  const p = bytes(65)(v);
  return p[0] === 4 ? p : refuse('key');
};

/** An object with exactly these members. */
const object = (members) => (v) => {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) refuse('not an object');
  const out = {};
  for (const k of Object.keys(v)) if (!Object.hasOwn(members, k)) refuse('unknown member');
  for (const [k, read] of Object.entries(members)) {
    if (Object.hasOwn(v, k)) out[k] = read(v[k]);
    else if (!read.optional) refuse(`member ${k} is missing`);
  }
  return out;
};

const sign = object({
  kind: oneOf('sign'), tx: id, nonce: bytes(32), notAfter: time, hpkeKey: point, rpId: host, credential: uuid,
  certificate: bytes(32), passkey: bytes(), prfSalt: bytes(32), deviceKey: flag, code: matching(/^\d{4}$/),
  service: object({ id: text(100), name: text(200) }), return: text(2048),
  documents: list(1, 20, object({
    name: text(255), type: oneOf('application/pdf'), size: number, policy: oid, hash: oneOf('sha256'),
    attributes: bytes(), byteRange: list(4, 4, number),
  })),
  state: oneOf('open', 'approved', 'declined', 'expired', 'cancelled', 'failed'),
});

const enrol = object({
  kind: oneOf('enrol'), enrolment: id, nonce: bytes(32), notAfter: time, hpkeKey: point, rpId: host, rpName: text(200),
  account: uuid, userHandle: bytes(32), userName: text(200), prfSalt: bytes(32), deviceKey: flag, number: matching(/^\d{2}$/),
  return: text(2048), state: oneOf('passkey', 'ticket', 'seal', 'sealing', 'made', 'issued', 'failed', 'expired'),
  passkey: optional(bytes()), ticket: optional(bytes(32)),
});

/** JSON.parse, but a key that comes twice is refused: two readers would see two things. */
export function parseStrict(raw) {
  const s = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  const value = JSON.parse(s);
  // Each key stands once in the text if and only if it has as many as the value.
  let keys = 0, found = 0;
  JSON.stringify(value, (_, v) => {
    if (v && typeof v === 'object' && !Array.isArray(v)) keys += Object.keys(v).length;
    return v;
  });
  for (const m of s.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)) if (m[1]) found++;
  if (found !== keys) refuse('a key comes twice');
  return value;
}

/**
 * Verifies and reads an envelope.
 * @param {object} envelope {offer, signature}
 * @param {CryptoKey} identity the activation process's public key
 * @param {{kind: 'sign'|'enrol', id: string, host: string}} want
 */
export async function readOffer(envelope, identity, want) {
  const { offer: raw, signature } = object({ offer: bytes(), signature: bytes(64) })(envelope);
  const good = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, identity, signature, concat(label('offer'), raw));
  if (!good) refuse('not signed by the signing service');
  let value;
  try {
    value = parseStrict(raw);
  } catch (e) {
    if (e instanceof OfferError) throw e;
    refuse('not JSON');
  }
  const offer = (want.kind === 'sign' ? sign : enrol)(value);
  if ((offer.tx ?? offer.enrolment) !== want.id) refuse('of another transaction');
  if (offer.rpId !== want.host) refuse('for another address');
  if (offer.kind === 'sign' && offer.code !== (await code(offer.tx, offer.nonce))) refuse('code');
  return offer;
}

/** Reads the identity key. @param {string} spki base64url */
export const importIdentity = (spki) =>
  crypto.subtle.importKey('spki', fromB64(spki), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);

/** The address to go back to, if it is the portal's; null otherwise. */
export function returnTo(address, portal) {
  try {
    const u = new URL(address);
    return (u.protocol === 'https:' || u.protocol === 'http:') && u.origin === portal ? u.href : null;
  } catch {
    return null;
  }
}

/** Whether two offers are of the same transaction, but for its state. */
export const sameTransaction = (a, b) => equal(a.nonce, b.nonce) && equal(a.hpkeKey, b.hpkeKey) && equal(utf8(a.notAfter), utf8(b.notAfter));
