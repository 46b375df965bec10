// The little of DER (X.690) that signed attributes need, read strictly: one
// encoding, or none. RFC 5652, 5.3 and 11; RFC 5035, 3.
import { equal } from './bytes.js';

const SEQUENCE = 0x30, SET = 0x31, OID = 0x06, OCTETS = 0x04;

const ID_DATA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const CONTENT_TYPE = '2a864886f70d010903';
const MESSAGE_DIGEST = '2a864886f70d010904';
const SIGNING_CERTIFICATE_V2 = '2a864886f70d010910022f';

/** Reads elements from bytes, in order, to the end. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get empty() {
    return this.at === this.bytes.length;
  }

  /** Reads one element of the given tag. @returns {{content: Uint8Array, raw: Uint8Array}} */
  read(tag) {
    const b = this.bytes, start = this.at;
    if (start + 2 > b.length) throw new Error('DER: cut short');
    if (b[start] !== tag) throw new Error(`DER: tag ${b[start]} instead of ${tag}`);
    let length = b[start + 1], at = start + 2;
    if (length >= 0x80) {
      const n = length & 0x7f;
      if (n === 0 || n > 3 || at + n > b.length) throw new Error('DER: length');
      length = 0;
      for (let i = 0; i < n; i++) length = length * 256 + b[at + i];
      // The shortest form only.
      if (length < 0x80 || length < 2 ** (8 * (n - 1))) throw new Error('DER: length is not the shortest');
      at += n;
    }
    if (at + length > b.length) throw new Error('DER: cut short');
    this.at = at + length;
    return { content: b.subarray(at, this.at), raw: b.subarray(start, this.at) };
  }

  peek() {
    return this.bytes[this.at];
  }

  end() {
    if (!this.empty) throw new Error('DER: something follows');
  }
}

function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

const key = (oid) => Array.from(oid, (x) => x.toString(16).padStart(2, '0')).join('');

/**
 * Reads CMS SignedAttributes, a DER SET OF, and returns what binds them to a
 * document and a certificate. Throws where anything is missing or in doubt.
 * @param {Uint8Array} der
 * @returns {{messageDigest: Uint8Array, certificateHash: Uint8Array}}
 */
export function signedAttributes(der) {
  const outer = new Reader(der);
  const set = new Reader(outer.read(SET).content);
  outer.end();
  const values = new Map();
  let before = null;
  while (!set.empty) {
    const { content, raw } = set.read(SEQUENCE);
    if (before && compare(before, raw) >= 0) throw new Error('DER: the attributes are not in order');
    before = raw;
    const attribute = new Reader(content);
    const type = key(attribute.read(OID).content);
    const inner = attribute.read(SET).content;
    attribute.end();
    if (values.has(type)) throw new Error('DER: an attribute comes twice');
    values.set(type, inner);
  }
  const one = (type, tag) => {
    if (!values.has(type)) throw new Error('DER: an attribute is missing');
    const r = new Reader(values.get(type));
    const { content } = r.read(tag);
    r.end(); // exactly one value
    return content;
  };
  if (!equal(one(CONTENT_TYPE, OID), Uint8Array.from(ID_DATA))) throw new Error('DER: content type');
  const messageDigest = one(MESSAGE_DIGEST, OCTETS);
  if (messageDigest.length !== 32) throw new Error('DER: message digest');

  // SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, ... };
  // the first one names the signer's. Without an algorithm it is SHA-256.
  const certs = new Reader(new Reader(one(SIGNING_CERTIFICATE_V2, SEQUENCE)).read(SEQUENCE).content);
  const first = new Reader(certs.read(SEQUENCE).content);
  if (first.peek() === SEQUENCE) throw new Error('DER: the certificate has another hash');
  const certificateHash = first.read(OCTETS).content;
  if (certificateHash.length !== 32) throw new Error('DER: certificate hash');
  return { messageDigest, certificateHash };
}
