import assert from 'node:assert/strict';
import { createECDH, createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { concat, fromB64, hex, toB64, utf8 } from '../src/bytes.js';
import { encap, keySchedule, labeledExpand, labeledExtract, seal } from '../src/hpke.js';

const unhex = (s) => Uint8Array.from(Buffer.from(s, 'hex'));
const none = new Uint8Array(0);

/** A pair from its private scalar. */
async function pairOf(scalar) {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  const point = Uint8Array.from(ecdh.getPublicKey());
  const jwk = { kty: 'EC', crv: 'P-256', d: toB64(scalar), x: toB64(point.subarray(1, 33)), y: toB64(point.subarray(33)) };
  const alg = { name: 'ECDH', namedCurve: 'P-256' };
  return {
    privateKey: await crypto.subtle.importKey('jwk', jwk, alg, false, ['deriveBits']),
    publicKey: await crypto.subtle.importKey('raw', point, alg, true, []),
    point,
  };
}

/** DeriveKeyPair of DHKEM(P-256), RFC 9180, 7.1.3. */
async function derive(ikm) {
  const suite = concat(utf8('KEM'), Uint8Array.of(0, 0x10));
  const prk = await labeledExtract(suite, none, 'dkp_prk', ikm);
  return pairOf(await labeledExpand(suite, prk, 'candidate', Uint8Array.of(0), 32));
}

// The vector of RFC 9180 (base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256,
// AES-256-GCM) from the working group's test-vectors.json. Its encryptions are
// stood for by a SHAKE128 over 1000 of them, whose inputs are drawn from SHAKE128.
const vector = {
  info: '4f6465206f6e2061204772656369616e2055726e',
  ikmE: 'a90d3417c3da9cb6c6ae19b4b5dd6cc9529a4cc24efb7ae0ace1f31887a8cd6c',
  pkRm: '04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c',
  enc: '04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0',
  encryptions: '8d3263541fc1695b6e88ff3a1208577c',
};

/** SHAKE128 as a stream of n bytes from the start. */
const shake = (data, n) => Uint8Array.from(createHash('shake128', { outputLength: n }).update(data).digest());

test('HPKE: the vector of RFC 9180', async () => {
  const { enc, secret } = await encap(unhex(vector.pkRm), await derive(unhex(vector.ikmE)));
  assert.equal(hex(enc), vector.enc);
  const { key, nonce } = await keySchedule(secret, unhex(vector.info));
  const aes = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  const stream = shake('', 1 << 20);
  let at = 0;
  const draw = () => {
    const n = stream[at];
    at += 1 + n;
    return stream.subarray(at - n, at);
  };
  const sink = createHash('shake128', { outputLength: 16 });
  for (let seq = 0; seq < 1000; seq++) {
    const additionalData = draw(), plaintext = draw();
    const iv = nonce.slice();
    iv[11] ^= seq & 0xff;
    iv[10] ^= seq >> 8;
    sink.update(new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, aes, plaintext)));
  }
  assert.equal(sink.digest('hex'), vector.encryptions);
});

test('HPKE: a message that another implementation opens', async () => {
  const v = JSON.parse(await readFile(new URL('../../testdata/hpke.json', import.meta.url)));
  const pair = await pairOf(fromB64(v.ephemeral));
  const { enc, ciphertext } = await seal(fromB64(v.recipientPoint), utf8(v.info), fromB64(v.aad), fromB64(v.plaintext), pair);
  assert.deepEqual({ enc: toB64(enc), ciphertext: toB64(ciphertext) }, { enc: v.enc, ciphertext: v.ciphertext });
});

test('HPKE: a new ephemeral key each time', async () => {
  const pkR = unhex(vector.pkRm);
  const one = await seal(pkR, none, none, new Uint8Array(32)), two = await seal(pkR, none, none, new Uint8Array(32));
  assert.notEqual(hex(one.enc), hex(two.enc));
  assert.notEqual(hex(one.ciphertext), hex(two.ciphertext));
  assert.equal(one.ciphertext.length, 48);
});

test('HPKE: a recipient that is no point', async () => {
  await assert.rejects(seal(new Uint8Array(65), none, none, none));
});
