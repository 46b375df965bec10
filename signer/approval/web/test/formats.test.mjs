import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fromB64, toB64, utf8 } from '../src/bytes.js';
import { signedAttributes } from '../src/der.js';
import { checkByteRange, checkDocument } from '../src/document.js';
import { importIdentity, parseStrict, readOffer, returnTo } from '../src/offer.js';
import { approvalChallenge, buildEnrolment, buildRequest, code } from '../src/request.js';
import * as make from './make.mjs';

globalThis.crypto ??= webcrypto;
const certificate = make.sha256('certificate');

test('base64url: both ways, one text for some bytes', () => {
  for (let n = 0; n < 70; n++) {
    const bytes = make.sha256(String(n)).subarray(0, n % 33);
    assert.equal(toB64(bytes), bytes.toString('base64url'));
    assert.deepEqual(Buffer.from(fromB64(toB64(bytes))), Buffer.from(bytes));
  }
  for (const bad of ['A', 'AB', 'AA==', 'A+', 'A/A', 'A A', 'AAB', undefined]) assert.throws(() => fromB64(bad), `${bad}`);
  assert.throws(() => fromB64('AAAA', 2));
});

test('DER: signed attributes are read', () => {
  const digest = make.sha256('document');
  const got = signedAttributes(make.attributes(digest, certificate));
  assert.deepEqual(Buffer.from(got.messageDigest), digest);
  assert.deepEqual(Buffer.from(got.certificateHash), certificate);
});

test('DER: what is not exactly signed attributes is refused', () => {
  const { der, oid, ID, attribute } = make;
  const digest = make.sha256('document');
  const type = attribute(ID.contentType, oid(ID.data)), md = attribute(ID.messageDigest, der(4, digest));
  const cert = (h, ...before) => attribute(ID.certificate, der(0x30, der(0x30, der(0x30, ...before, der(4, h)))));
  const sha512 = der(0x30, oid('608648016503040203'));
  const good = make.attributes(digest, certificate);
  const cases = {
    empty: Buffer.alloc(0),
    'another tag': Buffer.concat([Buffer.of(0xa0), good.subarray(1)]),
    'something follows': Buffer.concat([good, Buffer.of(0)]),
    'cut short': good.subarray(0, good.length - 1),
    'indefinite length': Buffer.concat([Buffer.of(0x31, 0x80), good.subarray(2), Buffer.of(0, 0)]),
    'a length that could be shorter': Buffer.concat([Buffer.of(0x31, 0x82, 0, good.length - 3), good.subarray(3)]),
    'not in order': der(0x31, cert(certificate), md, type),
    'an attribute twice': der(0x31, type, type, md, cert(certificate)),
    'two values': der(0x31, type, attribute(ID.messageDigest, der(4, digest), der(4, digest)), cert(certificate)),
    'no value': der(0x31, attribute(ID.messageDigest), type, cert(certificate)),
    'no content type': der(0x31, md, cert(certificate)),
    'another content type': der(0x31, attribute(ID.contentType, oid(ID.messageDigest)), md, cert(certificate)),
    'no message digest': der(0x31, type, cert(certificate)),
    'a short digest': der(0x31, type, attribute(ID.messageDigest, der(4, digest.subarray(1))), cert(certificate)),
    'no certificate': der(0x31, type, md),
    'a certificate under another hash': der(0x31, type, md, cert(certificate, sha512)),
    'a SEQUENCE (TBSCertificate, OCSP answer)': der(0x30, type, md, cert(certificate)),
  };
  for (const [name, bytes] of Object.entries(cases)) assert.throws(() => signedAttributes(bytes), name);
});

test('DER: every changed byte is refused or read as something else', () => {
  const digest = make.sha256('document');
  const good = make.attributes(digest, certificate);
  for (let i = 0; i < good.length; i++) {
    const bad = Buffer.from(good);
    bad[i] ^= 0x41;
    let got;
    try {
      got = signedAttributes(bad);
    } catch {
      continue;
    }
    assert.notDeepEqual([...got.messageDigest, ...got.certificateHash], [...digest, ...certificate], `byte ${i}`);
  }
});

test('byte range: it leaves out the signature and nothing else', () => {
  const bytes = Buffer.from('head<0000>tail');
  checkByteRange(bytes, [0, 4, 10, 4]);
  for (const range of [[1, 4, 10, 4], [0, 4, 10, 3], [0, 4, 10, 5], [0, 3, 10, 4], [0, 4, 11, 3], [0, 5, 10, 4], [0, 4, 9, 5], [0, 0, 10, 4],
    [0, 4, 4, 10], [0, 10, 4, 10], [0, 4, 10], [0, 4, 10, 4, 0], [0, 4.5, 10, 4], [-0.5, 4, 10, 4], null, [0, '4', 10, 4]]) {
    assert.throws(() => checkByteRange(bytes, range), JSON.stringify(range));
  }
  assert.throws(() => checkByteRange(Buffer.from('head<00A0>tail'), [0, 4, 10, 4]), 'hidden bytes');
});

test('document: bytes, attributes and certificate belong together', async () => {
  const { bytes, line } = make.prepare(make.pdf([['One']]), 'one.pdf', certificate);
  const offered = { ...line, attributes: fromB64(line.attributes) };
  const { digest, dtbsr } = await checkDocument(bytes, offered, certificate);
  assert.equal(toB64(dtbsr), make.sha256(offered.attributes).toString('base64url'));
  const [, a, b] = line.byteRange;
  assert.equal(toB64(digest), make.sha256(bytes.subarray(0, a), bytes.subarray(b)).toString('base64url'));
  const changed = Buffer.from(bytes);
  changed[100] ^= 1;
  await assert.rejects(checkDocument(changed, offered, certificate), /not the one/);
  await assert.rejects(checkDocument(bytes.subarray(1), offered, certificate), /size/);
  await assert.rejects(checkDocument(bytes, offered, make.sha256('other')), /another certificate/);
});

async function offered(more = {}, documents) {
  const from = make.service();
  documents ??= [make.prepare(make.pdf([['One']]), 'one.pdf', certificate)];
  const offer = await make.signOffer(from, documents, more);
  const want = { kind: 'sign', id: offer.tx, host: 'approve.localhost' };
  return { from, offer, want, key: await importIdentity(from.spki), documents };
}

test('offer: read only as the service signed it', async () => {
  const { from, offer, want, key } = await offered();
  const got = await readOffer(from.envelope(offer), key, want);
  assert.equal(got.service.name, 'Transport Department');

  await assert.rejects(readOffer(make.service().envelope(offer), key, want), /not signed/);
  const envelope = from.envelope(offer);
  await assert.rejects(readOffer({ ...envelope, offer: toB64(utf8(JSON.stringify({ ...offer, hpkeKey: make.service().hpkeKey }))) }, key, want), /not signed/);
  await assert.rejects(readOffer({ ...envelope, extra: 1 }, key, want), /unknown member/);
  await assert.rejects(readOffer(from.envelope(offer), key, { ...want, id: make.newID() }), /another transaction/);
  await assert.rejects(readOffer(from.envelope(offer), key, { ...want, host: 'localhost' }), /another address/);
  await assert.rejects(readOffer(from.envelope(make.enrolOffer(from, { enrolment: offer.tx })), key, want), /unknown|missing/);
});

test('offer: what is not exactly an offer is refused', async () => {
  const { from, offer, want, key } = await offered();
  const changes = {
    'unknown member': { evil: 1 }, kind: { kind: 'enrol' }, nonce: { nonce: 'AAAA' }, time: { notAfter: '2026-11-26T10:00:00.5Z' },
    'HPKE key': { hpkeKey: toB64(new Uint8Array(65)) }, code: { code: offer.code === '0000' ? '0001' : '0000' }, 'no documents': { documents: [] },
    'many documents': { documents: Array(21).fill(offer.documents[0]) }, type: { documents: [{ ...offer.documents[0], type: 'text/html' }] },
    hash: { documents: [{ ...offer.documents[0], hash: 'sha1' }] }, state: { state: 'new' }, 'not NFC': { service: { id: 'td', name: 'e\u0301' } },
    'turned text': { service: { id: 'td', name: 'abc\u202efdp.exe' } }, 'long name': { service: { id: 'td', name: 'x'.repeat(201) } },
    credential: { credential: '019330a1-7a00-4000-8000-000000000001' },
  };
  for (const [name, change] of Object.entries(changes)) {
    await assert.rejects(readOffer(from.envelope({ ...offer, ...change }), key, want), name);
  }
  for (const k of Object.keys(offer)) {
    const { [k]: _, ...rest } = offer;
    await assert.rejects(readOffer(from.envelope(rest), key, want), `without ${k}`);
  }
  const raw = JSON.stringify(offer);
  await assert.rejects(readOffer(from.envelope(null, raw.replace('{', '{"code":"0000",')), key, want), /twice/);
  await assert.rejects(readOffer(from.envelope(null, raw + ' {}'), key, want), /JSON/);
});

test('JSON: a key in a text is no key', () => {
  assert.deepEqual(parseStrict(utf8('{"a":"\\"b\\": {","c":["d", {"a":1}]}')), { a: '"b": {', c: ['d', { a: 1 }] });
  assert.throws(() => parseStrict(utf8('{"a":{"b":1,"b" : 2}}')), /twice/);
});

test('R: exactly these bytes', async () => {
  const { from, offer, want, key, documents } = await offered({ service: { id: 'td', name: '運輸署 "A" & <B>' } });
  const read = await readOffer(from.envelope(offer), key, want);
  const shown = await Promise.all(read.documents.map((d, i) => checkDocument(documents[i].bytes, d, read.certificate)));
  const r = new TextDecoder().decode(buildRequest(read, shown));
  assert.equal(r, `{"kind":"sign","tx":"${offer.tx}","nonce":"${offer.nonce}","notAfter":"${offer.notAfter}","hpkeKey":"${offer.hpkeKey}",` +
    `"rpId":"approve.localhost","credential":"${offer.credential}","certificate":"${offer.certificate}","service":{"id":"td","name":"運輸署 \\"A\\" & <B>"},` +
    `"documents":[{"name":"one.pdf","type":"application/pdf","sha256":"${toB64(shown[0].digest)}","policy":"1.3.6.1.4.1.99999.1","hash":"sha256","dtbsr":"${toB64(shown[0].dtbsr)}"}]}`);
  assert.equal(toB64(await approvalChallenge(utf8(r))), make.sha256('chop/approval/v1\0', r).toString('base64url'));
  assert.throws(() => buildRequest(read, []), /not every document/);
});

test('E: exactly these bytes', async () => {
  const from = make.service();
  const offer = make.enrolOffer(from, { state: 'seal', passkey: 'cGFzc2tleQ', ticket: toB64(make.sha256('ticket')) });
  const read = await readOffer(from.envelope(offer), await importIdentity(from.spki), { kind: 'enrol', id: offer.enrolment, host: 'approve.localhost' });
  assert.equal(new TextDecoder().decode(buildEnrolment(read)),
    `{"kind":"enrol","enrolment":"${offer.enrolment}","nonce":"${offer.nonce}","notAfter":"${offer.notAfter}","hpkeKey":"${offer.hpkeKey}",` +
    `"rpId":"approve.localhost","account":"${offer.account}","passkey":"cGFzc2tleQ","ticket":"${offer.ticket}"}`);
});

test('code: four digits', async () => {
  assert.match(await code('AAAAAAAAAAAAAAAAAAAAAA', new Uint8Array(32)), /^\d{4}$/);
  const d = make.sha256('chop/code/v1\0', 'AAAAAAAAAAAAAAAAAAAAAA', new Uint8Array(32));
  assert.equal(await code('AAAAAAAAAAAAAAAAAAAAAA', new Uint8Array(32)), String(d.readUInt32BE(0) % 10000).padStart(4, '0'));
});

test('return: to the portal, by http or https', () => {
  assert.equal(returnTo('http://localhost:8080/x', 'http://localhost:8080'), 'http://localhost:8080/x');
  for (const bad of ['javascript:alert(1)', 'https://localhost:8080/x', 'http://localhost/x', 'http://evil.example/', '//localhost:8080', 'x']) {
    assert.equal(returnTo(bad, 'http://localhost:8080'), null, bad);
  }
});

test('texts: each in three languages, with the same parameters', async () => {
  const { en } = await import('../src/texts/en.js');
  const { hant } = await import('../src/texts/hant.js');
  const { hans } = await import('../src/texts/hans.js');
  const holes = (s) => [...new Set(s.match(/\{\w+\}/g) ?? [])].sort();
  for (const other of [hant, hans]) {
    assert.deepEqual(Object.keys(other), Object.keys(en));
    for (const [k, s] of Object.entries(en)) {
      // 中文 may say 裝置 or 手機 without the parameter, and "what is left" without a number.
      for (const hole of holes(other[k])) assert.ok(s.includes(hole) || hole === '{gadget}', `${k}: ${hole}`);
      for (const hole of holes(s)) assert.ok(other[k].includes(hole), `${k}: ${hole} is missing in ${other[k]}`);
    }
  }
  // Every text is used, and every text that is used is there.
  const files = ['sign', 'signpage', 'enrol', 'home', 'ui', 'viewer', 'outcome', 'start', 'main'];
  const source = (await Promise.all(files.map((f) => readFile(new URL(`../src/${f}.js`, import.meta.url), 'utf8')))).join('\n');
  for (const k of Object.keys(en)) {
    const stem = k.replace(/\.(head|text|do|phone|device)$|(?<=enrol\.step)\d$/, '');
    assert.ok(source.includes(`'${k}'`) || source.includes(`'${stem}'`) || source.includes(`'${stem}.`) || source.includes(`\`${stem}.$`) || source.includes(`${stem}$`) || source.includes(` ${stem}:`) || source.includes(`'${stem}`), `no use of ${k}`);
  }
});
