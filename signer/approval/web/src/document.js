// What of a prepared document is signed: everything but the place for the
// signature. ISO 32000-1, 12.8.1.
import { concat, equal, sha256 } from './bytes.js';
import { signedAttributes } from './der.js';

const LT = 0x3c, GT = 0x3e, ZERO = 0x30;

/** Refuses a byte range that leaves out anything but `<000…0>`. */
export function checkByteRange(bytes, range) {
  const ok = Array.isArray(range) && range.length === 4 && range.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!ok) throw new Error('byte range: not four numbers');
  const [start, a, b, c] = range;
  if (start !== 0 || a < 1 || b < a + 2 || b + c !== bytes.length) throw new Error('byte range: it does not cover the file');
  if (bytes[a] !== LT || bytes[b - 1] !== GT) throw new Error('byte range: it leaves out more than the signature');
  for (let i = a + 1; i < b - 1; i++) if (bytes[i] !== ZERO) throw new Error('byte range: it leaves out more than the signature');
}

/** SHA-256 over what the byte range covers, of these very bytes. */
export async function signedDigest(bytes, range) {
  checkByteRange(bytes, range);
  const [, a, b] = range;
  return sha256(concat(bytes.subarray(0, a), bytes.subarray(b)));
}

/**
 * Checks a document against its offer and returns its line in R.
 * @param {Uint8Array} bytes as they are displayed
 * @param {object} offered the offer's document
 * @param {Uint8Array} certificate SHA-256 of the signer's certificate
 * @returns {Promise<{digest: Uint8Array, dtbsr: Uint8Array}>}
 */
export async function checkDocument(bytes, offered, certificate) {
  if (bytes.length !== offered.size) throw new Error('document: another size than announced');
  const digest = await signedDigest(bytes, offered.byteRange);
  const { messageDigest, certificateHash } = signedAttributes(offered.attributes);
  if (!equal(digest, messageDigest)) throw new Error('document: not the one whose signature was prepared');
  if (!equal(certificateHash, certificate)) throw new Error('document: prepared for another certificate');
  // CMS signs the attributes under the tag SET (RFC 5652, 5.4), and the offer has them so.
  return { digest, dtbsr: await sha256(offered.attributes) };
}
