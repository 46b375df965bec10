// Things that tests are made of: PDFs, prepared documents, offers, a signing
// service. Made-up people only.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { toB64, utf8 } from '../src/bytes.js';
import { code } from '../src/request.js';

export const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();

/** DER of one element. */
export function der(tag, ...content) {
  const body = Buffer.concat(content);
  const n = body.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
export const oid = (hex) => der(0x06, Buffer.from(hex, 'hex'));
export const ID = { data: '2a864886f70d010701', contentType: '2a864886f70d010903', messageDigest: '2a864886f70d010904', certificate: '2a864886f70d010910022f' };

export const attribute = (type, ...values) => der(0x30, oid(type), der(0x31, ...values));
const inOrder = (list) => list.sort(Buffer.compare);

/** CMS SignedAttributes as PAdES has them. */
export const attributes = (digest, certificate, ...more) =>
  der(0x31, ...inOrder([
    attribute(ID.contentType, oid(ID.data)),
    attribute(ID.messageDigest, der(0x04, digest)),
    attribute(ID.certificate, der(0x30, der(0x30, der(0x30, der(0x04, certificate))))),
    ...more,
  ]));

/**
 * A PDF of the pages whose lines are given, in Helvetica or another font; with an
 * image of 8 by 8 points {filter, data} on each, if one is given.
 */
export function pdf(pages, { font = 'Helvetica', image } = {}) {
  const objects = [];
  const add = (s) => objects.push(s);
  const kids = pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ');
  add('<< /Type /Catalog /Pages 2 0 R >>');
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  add(`<< /Type /Font /Subtype /Type1 /BaseFont /${font} /Encoding /WinAnsiEncoding >>`);
  pages.forEach((lines, i) => {
    add(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${5 + 2 * i} 0 R /Resources << /Font << /F 3 0 R >>${image ? ` /XObject << /I ${4 + 2 * pages.length} 0 R >>` : ''} >> >>`);
    const text = lines.map((l, j) => `/F ${j === 0 ? 20 : 12} Tf (${l.replace(/[()\\]/g, '\\$&')}) Tj 0 -${j === 0 ? 36 : 22} Td`).join('\n');
    const content = `BT 60 760 Td\n${text}\nET\n0.8 w 60 120 475 60 re S${image ? '\nq 200 0 0 200 100 300 cm /I Do Q' : ''}`;
    add(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  });
  if (image) {
    const data = Buffer.from(image.data).toString('latin1');
    add(`<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent ${image.filter === 'JBIG2Decode' ? 1 : 8} /Filter /${image.filter} /Length ${data.length} >>\nstream\n${data}\nendstream`);
  }
  let out = '%PDF-1.7\n';
  const at = objects.map((o, i) => {
    const here = out.length;
    out += `${i + 1} 0 obj\n${o}\nendobj\n`;
    return here;
  });
  const xref = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n` + at.map((n) => `${String(n).padStart(10, '0')} 00000 n \n`).join('');
  out += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`;
  return Buffer.from(out, 'latin1');
}

/** A document as it is prepared: a place for the signature, here in a comment at its end. */
export function prepare(file, name, certificate) {
  const zeros = 512;
  const bytes = Buffer.concat([file, Buffer.from('\n% <'), Buffer.alloc(zeros, '0'), Buffer.from('>\n')]);
  const a = file.length + 3, b = a + zeros + 2;
  const digest = sha256(bytes.subarray(0, a), bytes.subarray(b));
  return {
    bytes,
    line: {
      name, type: 'application/pdf', size: bytes.length, policy: '1.3.6.1.4.1.99999.1', hash: 'sha256',
      attributes: toB64(attributes(digest, certificate)), byteRange: [0, a, b, bytes.length - b],
    },
  };
}

/** The activation process's identity key, and a key for HPKE. */
export function service() {
  const identity = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const hpke = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = hpke.publicKey.export({ format: 'jwk' });
  return {
    spki: toB64(identity.publicKey.export({ type: 'spki', format: 'der' })),
    hpkeKey: toB64(Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])),
    envelope(offer, raw = JSON.stringify(offer)) {
      const bytes = utf8(raw);
      const signature = sign('sha256', Buffer.concat([Buffer.from('chop/offer/v1\0'), bytes]), { key: identity.privateKey, dsaEncoding: 'ieee-p1363' });
      return { offer: toB64(bytes), signature: toB64(signature) };
    },
  };
}

export const newID = () => toB64(randomBytes(16));
export const inMinutes = (n) => new Date(Date.now() + n * 60000).toISOString().replace(/\.\d+Z$/, 'Z');

export async function signOffer(from, documents, more = {}) {
  const tx = more.tx ?? newID(), nonce = randomBytes(32);
  return {
    kind: 'sign', tx, nonce: toB64(nonce), notAfter: inMinutes(5), hpkeKey: from.hpkeKey, rpId: 'approve.localhost',
    credential: '019330a1-7a00-7000-8000-000000000001', certificate: toB64(sha256('certificate')), passkey: toB64(Buffer.from('passkey')),
    prfSalt: toB64(sha256('salt')), deviceKey: false, code: await code(tx, nonce), service: { id: 'td', name: 'Transport Department' },
    return: 'http://localhost:8080/signings/1', documents: documents.map((d) => d.line), state: 'open', ...more,
  };
}

export function enrolOffer(from, more = {}) {
  return {
    kind: 'enrol', enrolment: newID(), nonce: toB64(randomBytes(32)), notAfter: inMinutes(5), hpkeKey: from.hpkeKey, rpId: 'approve.localhost',
    rpName: 'Chop', account: '019330a1-7a00-7000-8000-000000000002', userHandle: toB64(randomBytes(32)), userName: 'CHAN Tai Man',
    prfSalt: toB64(sha256('salt')), deviceKey: false, number: '47', return: 'http://localhost:8080/account', state: 'passkey', ...more,
  };
}
