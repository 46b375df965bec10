// HPKE (RFC 9180), the one suite that is used: base mode, DHKEM(P-256,
// HKDF-SHA256), HKDF-SHA256, AES-256-GCM; one message a context.
import { concat, utf8 } from './bytes.js';

const KEM = 0x0010, KDF = 0x0001, AEAD = 0x0002;
const bytes2 = (n) => Uint8Array.of(n >> 8, n & 0xff);
const KEM_SUITE = concat(utf8('KEM'), bytes2(KEM));
const SUITE = concat(utf8('HPKE'), bytes2(KEM), bytes2(KDF), bytes2(AEAD));
const VERSION = utf8('HPKE-v1');
const NONE = new Uint8Array(0);

async function hmac(key, data) {
  // HMAC pads its key with zeros, so that no salt and 32 zeros are one key; an
  // empty key cannot be imported.
  const k = await crypto.subtle.importKey('raw', key.length ? key : new Uint8Array(32), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', k, data));
}

/** LabeledExtract and LabeledExpand, section 4. */
export const labeledExtract = (suite, salt, label, ikm) => hmac(salt, concat(VERSION, suite, utf8(label), ikm));

export async function labeledExpand(suite, prk, label, info, length) {
  const full = concat(bytes2(length), VERSION, suite, utf8(label), info);
  let out = NONE, block = NONE;
  for (let i = 1; out.length < length; i++) {
    block = await hmac(prk, concat(block, full, Uint8Array.of(i)));
    out = concat(out, block);
  }
  return out.slice(0, length);
}

const ECDH = { name: 'ECDH', namedCurve: 'P-256' };

/** Encap, section 4.1. The ephemeral pair is made here unless a test gives it. */
export async function encap(recipient, pair) {
  const pkR = await crypto.subtle.importKey('raw', recipient, ECDH, false, []);
  const ephemeral = pair ?? (await crypto.subtle.generateKey(ECDH, false, ['deriveBits']));
  const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: pkR }, ephemeral.privateKey, 256));
  const enc = new Uint8Array(await crypto.subtle.exportKey('raw', ephemeral.publicKey));
  const prk = await labeledExtract(KEM_SUITE, NONE, 'eae_prk', dh);
  const secret = await labeledExpand(KEM_SUITE, prk, 'shared_secret', concat(enc, recipient), 32);
  dh.fill(0);
  prk.fill(0);
  return { enc, secret };
}

/** KeySchedule of the base mode, section 5.1. */
export async function keySchedule(shared, info) {
  const context = concat(
    Uint8Array.of(0),
    await labeledExtract(SUITE, NONE, 'psk_id_hash', NONE),
    await labeledExtract(SUITE, NONE, 'info_hash', info),
  );
  const secret = await labeledExtract(SUITE, shared, 'secret', NONE);
  const key = await labeledExpand(SUITE, secret, 'key', context, 32);
  const nonce = await labeledExpand(SUITE, secret, 'base_nonce', context, 12);
  secret.fill(0);
  return { key, nonce };
}

/**
 * Seals one message to a recipient, section 6.1.
 * @param {Uint8Array} recipient uncompressed point of P-256, 65 bytes
 * @param {Uint8Array} info @param {Uint8Array} aad @param {Uint8Array} plaintext
 * @param {CryptoKeyPair} [pair] for tests only
 * @returns {Promise<{enc: Uint8Array, ciphertext: Uint8Array}>}
 */
export async function seal(recipient, info, aad, plaintext, pair) {
  const { enc, secret } = await encap(recipient, pair);
  const { key, nonce } = await keySchedule(secret, info);
  secret.fill(0);
  const aes = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  key.fill(0);
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, aes, plaintext));
  return { enc, ciphertext };
}
