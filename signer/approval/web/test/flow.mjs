// Signing and setting up with a passkey, in a real browser with a virtual
// authenticator, and everything that can go wrong on the way.
import assert from 'node:assert/strict';
import { createECDH, createHash } from 'node:crypto';
import { go, origin, readAll, start, tab } from './browser.mjs';
import { fromB64, toB64, utf8 } from '../src/bytes.js';
import { keySchedule, labeledExpand, labeledExtract } from '../src/hpke.js';
import { concat } from '../src/bytes.js';
import * as make from './make.mjs';

const { stub, browser, close } = await start();
let passed = 0;
async function check(name, run) {
  try {
    await run();
    passed++;
    console.log(`ok ${name}`);
  } catch (e) {
    console.log(`not ok ${name}: ${e.stack}`);
    process.exitCode = 1;
  }
}

// A key for HPKE of this test's own, to see what the page sent.
const ecdh = createECDH('prime256v1');
ecdh.generateKeys();
stub.service.hpkeKey = ecdh.getPublicKey().toString('base64url');

/** Opens what the page sealed. RFC 9180, 5.1. */
async function unseal({ enc, ciphertext }, info, aad) {
  const suite = concat(utf8('KEM'), Uint8Array.of(0, 0x10)), none = new Uint8Array(0);
  const dh = Uint8Array.from(ecdh.computeSecret(Buffer.from(enc, 'base64url')));
  const prk = await labeledExtract(suite, none, 'eae_prk', dh);
  const shared = await labeledExpand(suite, prk, 'shared_secret', concat(fromB64(enc), Uint8Array.from(ecdh.getPublicKey())), 32);
  const { key, nonce } = await keySchedule(shared, info);
  const aes = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
  return Buffer.from(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, aes, fromB64(ciphertext)));
}
const hash = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();
const clientData = (a) => JSON.parse(Buffer.from(a.clientDataJSON, 'base64url').toString());
const last = (end) => JSON.parse(stub.bodies.findLast((b) => b.path.endsWith(end)).body);
const file = (name = 'form.pdf', pages = [['Form', 'CHAN Tai Man'], ['Page two']]) => ({ name, bytes: make.pdf(pages) });
const heading = (page) => page.locator('h1').textContent();

/** Goes through the whole enrolment; returns the offer as it ended. */
async function enrol(page, more = {}) {
  const id = stub.enrol(more);
  const { offer } = stub.enrolments.get(id);
  await go(page, `#enrol/${id}`);
  await page.locator('button.primary').click();
  await page.waitForSelector('.waiting');
  Object.assign(offer, { state: 'seal', ticket: toB64(make.sha256('ticket')) });
  await page.waitForSelector('button.primary');
  await page.locator('button.primary').click();
  await page.waitForSelector('.waiting');
  offer.state = 'issued';
  await page.waitForSelector('.message.good');
  return offer;
}

const page = await tab(browser);
let enrolled, secret;

await check('enrolment: two answers, one secret, sealed to the service', async () => {
  enrolled = await enrol(page);
  const made = last('/passkey');
  assert.deepEqual(Object.keys(made).sort(), ['attestationObject', 'clientDataJSON', 'id', 'transports']);
  assert.equal(clientData(made).challenge, hash('chop/create/v1\0', Buffer.from(enrolled.nonce, 'base64url')).toString('base64url'));
  const sealed = last('/seal');
  const e = Buffer.from(sealed.request, 'base64url');
  assert.equal(JSON.parse(e).enrolment, enrolled.enrolment);
  const challenge = hash('chop/enrol/v1\0', e);
  assert.equal(clientData(sealed.assertion).challenge, challenge.toString('base64url'));
  secret = await unseal(sealed, utf8(`chop/enrol/v1\0${enrolled.enrolment}`), challenge);
  assert.equal(secret.length, 32);
  assert.equal(await page.evaluate(() => localStorage.getItem('chop.identity')), stub.service.spki);
});

await check('the address and the history keep nothing', async () => {
  assert.equal(page.url(), `${origin}/`);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

await check('signing: only when every page of both documents was seen; R, challenge, the same secret', async () => {
  const tx = await stub.open([file(), file('annex.pdf', [['Annex']])], { passkey: enrolled.passkey, prfSalt: enrolled.prfSalt });
  await go(page, `#sign/${tx}`);
  await page.waitForSelector('canvas[data-drawn]');
  assert.equal(await page.locator('button.sign').isEnabled(), false);
  assert.ok(await readAll(page));
  const { offer } = stub.txs.get(tx);
  assert.equal((await page.locator('.step .code').textContent()).trim(), offer.code);
  await page.locator('button.sign').click();
  await page.waitForSelector('section.done');
  const body = last('/approve');
  assert.deepEqual(Object.keys(body).sort(), ['assertion', 'ciphertext', 'enc', 'request']);
  const r = Buffer.from(body.request, 'base64url');
  const challenge = hash('chop/approval/v1\0', r);
  assert.equal(clientData(body.assertion).challenge, challenge.toString('base64url'));
  assert.equal(clientData(body.assertion).origin, origin);
  assert.deepEqual(await unseal(body, utf8(`chop/approval/v1\0${tx}`), challenge), secret);
  const request = JSON.parse(r);
  assert.equal(request.documents.length, 2);
  for (const [i, d] of stub.txs.get(tx).documents.entries()) {
    assert.equal(request.documents[i].dtbsr, hash(Buffer.from(d.line.attributes, 'base64url')).toString('base64url'));
  }
  assert.equal(await page.locator('a.button').getAttribute('href'), offer.return);
});

await check('s is in no request, no storage, no console', async () => {
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }));
  const everything = [...page.posted, ...page.said, ...stub.bodies.map((b) => b.path + b.body), stored].join('\n');
  assert.ok(page.posted.some((p) => p.includes('/approve')));
  for (const form of ['hex', 'base64', 'base64url', 'latin1']) assert.ok(!everything.includes(secret.toString(form)), form);
  assert.ok(!/"prf"|clientExtensionResults/.test(everything));
  assert.ok(!page.posted.some((p) => p.split(' ')[0].includes('?')), 'a query string');
});

/** A transaction for the enrolled passkey, read to its end. */
async function ready(more = {}, on = page) {
  const tx = await stub.open([file()], { passkey: enrolled.passkey, prfSalt: enrolled.prfSalt, ...more });
  await go(on, `#sign/${tx}`);
  assert.ok(await readAll(on));
  return tx;
}

await check('the language changes, and what was seen stays', async () => {
  await ready();
  await page.locator('.languages button').nth(1).click();
  assert.equal(await heading(page), 'Transport Department請你簽署');
  assert.equal(await page.locator('button.sign').isEnabled(), true);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-Hant-HK');
  await page.locator('.languages button').nth(0).click();
});

await check('a lost connection loses nothing; a lost answer is found again', async () => {
  const tx = await ready();
  await page.route('**/approve', (r) => r.abort());
  await page.locator('button.sign').click();
  await page.waitForSelector('.step .message.problem');
  assert.equal(await page.locator('button.sign').isEnabled(), true);
  await page.unroute('**/approve');
  // The service had it, only the answer was lost.
  stub.txs.get(tx).offer.state = 'approved';
  await page.locator('button.sign').click();
  await page.waitForSelector('section.done');
});

await check('a document that comes not whole is fetched again', async () => {
  let times = 0;
  await page.route('**/documents/0', (r) => (++times === 1 ? r.abort() : r.continue()));
  await go(page, `#sign/${await stub.open([file()], { passkey: enrolled.passkey })}`);
  await page.locator('.message.problem + button, .message button, main button', { hasText: 'Try again' }).first().click();
  await page.waitForSelector('canvas[data-drawn]');
  await page.unroute('**/documents/0');
});

await check('a reload goes on with the same request', async () => {
  const tx = await stub.open([file()], { passkey: enrolled.passkey });
  await go(page, `#sign/${tx}`);
  await page.reload();
  await page.waitForSelector('canvas[data-drawn]');
  assert.equal((await page.locator('.step .code').textContent()).trim(), stub.txs.get(tx).offer.code);
});

for (const [code, words] of [['suspended', /suspended/], ['expired', /time to sign is over/], ['used', /already answered/], ['mismatch', /for your safety/], ['assertion', /not the device/], ['refused', /refused/]]) {
  await check(`the service answers ${code}`, async () => {
    await ready();
    stub.answers.approve = () => [409, { code, title: code, status: 409 }];
    await page.locator('button.sign').click();
    await page.waitForSelector('main > section.message');
    delete stub.answers.approve;
    assert.match(await heading(page), words);
  });
}

await check('not me, and do not sign', async () => {
  for (const [n, reason] of [[0, 'declined'], [1, 'not-me']]) {
    await go(page, `#sign/${await stub.open([file()], { passkey: enrolled.passkey })}`);
    await page.locator('.quit button').nth(n).click();
    await page.locator('dialog button').first().click();
    await page.waitForSelector('.message.note');
    assert.deepEqual(last('/decline'), { reason });
  }
});

await check('closed requests, unknown ones, other addresses', async () => {
  for (const [state, words] of [['expired', /over/], ['declined', /already/], ['cancelled', /withdrawn/], ['failed', /could not be signed/]]) {
    await go(page, `#sign/${await stub.open([file()], { state })}`);
    assert.match(await heading(page), words);
  }
  await go(page, `#sign/${make.newID()}`);
  assert.match(await heading(page), /not known/);
  await go(page, '#sign/javascript:alert(1)');
  assert.match(await heading(page), /not known/);
  await go(page, '');
  assert.match(await heading(page), /where you sign/);
});

await check('the time runs out before the eyes of the person', async () => {
  await go(page, `#sign/${await stub.open([file()], { notAfter: new Date(Date.now() + 4000).toISOString().replace(/\.\d+Z/, 'Z') })}`);
  await page.waitForSelector('main > section.message');
  assert.match(await heading(page), /over/);
});

await check('a changed document, attributes of another certificate, a return address elsewhere', async () => {
  let tx = await stub.open([file()], { passkey: enrolled.passkey });
  stub.txs.get(tx).documents[0].bytes[200] ^= 1;
  await go(page, `#sign/${tx}`);
  await page.waitForSelector('main > section.message');
  assert.match(await heading(page), /for your safety/);
  tx = await stub.open([file()], { certificate: toB64(make.sha256('other')) });
  await go(page, `#sign/${tx}`);
  await page.waitForSelector('main > section.message');
  assert.match(await heading(page), /for your safety/);
  await go(page, `#sign/${await stub.open([file()], { state: 'expired', return: 'https://evil.example/' })}`);
  assert.equal(await page.locator('main a').count(), 0);
});

await check('an offer by another key', async () => {
  const tx = await stub.open([file()]);
  const forged = make.service().envelope(stub.txs.get(tx).offer);
  await page.route(`**/api/tx/${tx}`, (r) => r.fulfill({ json: forged }));
  await go(page, `#sign/${tx}`);
  assert.match(await heading(page), /for your safety/);
});

await check('the service has another identity than this browser knows', async () => {
  await page.route('**/identity.json', (r) => r.fulfill({ json: { key: make.service().spki, portal: 'http://localhost:8080' } }));
  await go(page, `#sign/${await stub.open([file()])}`);
  assert.match(await heading(page), /for your safety/);
  assert.match(await page.locator('main').textContent(), /not the one that this device knows/);
  await page.unroute('**/identity.json');
});

await check('with a device key: signed by it, and refused in a browser without it', async () => {
  const synced = await tab(browser, { backup: true });
  const offer = await enrol(synced, { deviceKey: true });
  const spki = last('/passkey').deviceKey;
  assert.ok(last('/seal').deviceSignature);
  const tx = await ready({ passkey: offer.passkey, prfSalt: offer.prfSalt, deviceKey: true }, synced);
  await synced.locator('button.sign').click();
  await synced.waitForSelector('section.done');
  const body = last('/approve');
  const key = await crypto.subtle.importKey('spki', fromB64(spki), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
  const challenge = hash('chop/approval/v1\0', Buffer.from(body.request, 'base64url'));
  assert.ok(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, fromB64(body.deviceSignature), challenge), tx);
  await go(page, `#sign/${await stub.open([file()], { passkey: enrolled.passkey, deviceKey: true })}`);
  assert.match(await heading(page), /not set up/);
  await synced.context().close();
});

await check('an authenticator without PRF', async () => {
  const poor = await tab(browser, { prf: false });
  await go(poor, `#enrol/${stub.enrol()}`);
  await poor.locator('button.primary').click();
  await poor.waitForSelector('main > section.message');
  assert.match(await heading(poor), /cannot be set up/);
  await poor.context().close();
});

await check('enrolment that fails, expires, is unknown', async () => {
  for (const [state, words] of [['failed', /could not be set up/], ['expired', /time is over/]]) {
    await go(page, `#enrol/${stub.enrol({ state })}`);
    assert.match(await heading(page), words);
  }
  await go(page, `#enrol/${make.newID()}`);
  assert.match(await heading(page), /code is not known/);
  const id = stub.enrol();
  await go(page, `#enrol/${id}`);
  assert.match(await page.locator('.match').textContent(), /47/);
  await page.locator('button.primary').click();
  await page.waitForSelector('.waiting');
  stub.enrolments.get(id).offer.state = 'failed';
  await page.waitForSelector('main > section.message');
  assert.match(await heading(page), /could not be set up/);
});

await check('the policy holds: no inline script, no other origin, no frame', async () => {
  await go(page, '');
  const violations = await page.evaluate(async () => {
    const seen = [];
    addEventListener('securitypolicyviolation', (e) => seen.push(e.effectiveDirective));
    const s = document.createElement('script');
    let thrown = false;
    try {
      s.textContent = 'globalThis.bad = 1';
    } catch {
      thrown = true; // trusted types
    }
    document.body.append(s);
    await fetch('http://localhost:1/').catch(() => {});
    try {
      new Worker('/page.css');
    } catch { /* trusted types */ }
    try {
      trustedTypes.createPolicy('other', {});
    } catch {
      seen.push('policy');
    }
    await new Promise((r) => setTimeout(r, 200));
    try { // only now: what the debugger calls at once is let through
      (0, eval)('globalThis.bad = 2');
    } catch { /* refused */ }
    return { seen, thrown, bad: globalThis.bad };
  });
  assert.equal(violations.bad, undefined);
  assert.ok(violations.thrown);
  assert.ok(violations.seen.includes('connect-src'));
  assert.ok(violations.seen.includes('policy'));
});

await check('nothing on the console that was not meant', async () => {
  const bad = page.said.filter((s) => !/Failed to load resource|net::ERR_FAILED|pubKeyCredParams|Content Security Policy|requires 'TrustedScript'|TrustedScript|violates/.test(s) && !/^info: document/.test(s));
  assert.deepEqual(bad, []);
});

console.log(`${passed} passed`);
await close();
