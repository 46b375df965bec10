// What a person does with a real browser and passkeys: a phone is bound at a counter, signs
// in, signs a form; a computer is signed in by it; forms keep what was typed when the
// language changes; Enter in a field does not change the language; no step needs a mouse.
//
//   node test/flows.mjs http://localhost:PORT
import { chromium } from 'playwright-core'
import assert from 'node:assert/strict'
import { flags, patience, chromiumPath, authenticator } from './browser.mjs'

const base = process.argv[2]
const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
const problems = []
async function device (width) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, locale: 'en' })
  context.setDefaultTimeout(patience)
  await context.addInitScript(() => {
    const ask = window.fetch
    window.fetch = async (...args) => {
      const answer = await ask(...args)
      if (answer.url.endsWith('/begin')) sessionStorage.setItem('asked', await answer.clone().text())
      return answer
    }
  })
  const page = await context.newPage()
  page.on('console', (m) => { if (m.type() === 'error' && !/status of 4\d\d/.test(m.text())) problems.push(m.text()) })
  page.on('pageerror', (e) => problems.push(e.message))
  return page
}
// asked is what the server last asked of a passkey, as the page got it. It is noted in the page, for a page that goes on
// takes its answers along.
const asked = async (page) => JSON.parse(await page.evaluate(() => sessionStorage.getItem('asked')))
const step = (name) => console.log('· ' + name)

// 1. The counter: the code once, the number, the agreement, the passkey, on to the approval origin.
const phone = await device(390)
const { cdp } = await authenticator(phone)
await phone.goto(base + '/bind#token')
assert.equal(new URL(phone.url()).hash, '', 'the token left the address')
await phone.click('form[data-bind] button')
await phone.waitForURL('**/bind/phone')
assert.match(await phone.textContent('.code'), /47/)
const second = await device(390)
await second.goto(base + '/bind#token')
await second.click('form[data-bind] button')
assert.match(await second.textContent('h1'), /no longer good/)
step('a second scanner is refused')
await phone.goto(base + '/test/phone/bound')
await phone.click('form#form .govuk-button')
assert.match(await phone.textContent('.govuk-error-summary'), /Tick the box/)
await phone.check('#agree')
await phone.click('form#form .govuk-button')
await phone.click('form[data-passkey=create] button')
await phone.waitForSelector('input[value=enrol]', { state: 'attached' })
const options = await asked(phone)
assert.equal(options.publicKey.authenticatorSelection.userVerification, 'required')
assert.equal(options.publicKey.authenticatorSelection.residentKey, 'required')
assert.equal(options.publicKey.rp.id, 'localhost')
step('bound: agreement, passkey')
await phone.context().route('http://approve.localhost:8080/**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>approve</title>' }))
const [enrol] = await Promise.all([phone.waitForRequest((r) => r.url().startsWith('http://approve.localhost')), phone.click('form:has(input[value=enrol]) button')])
assert.equal(new URL(enrol.url()).host, 'approve.localhost:8080')
await phone.waitForURL('http://approve.localhost:8080/**')
step('on to the approval origin, which the policy allows')

// 2. Sign in with the passkey; hybrid is allowed.
await phone.goto(base + '/signings/signed')
assert.match(phone.url(), /sign-in/)
await phone.click('form[data-passkey=get] button')
await phone.waitForFunction(() => location.pathname === '/signings/signed' || document.querySelector('#said:not([hidden])'))
assert.equal(new URL(phone.url()).pathname, '/signings/signed', await phone.textContent('main'))
const login = (await asked(phone)).publicKey
assert.equal(login.userVerification, 'required')
assert.deepEqual(login.hints, ['client-device', 'hybrid'])
assert.ok(!login.allowCredentials || login.allowCredentials.length === 0, 'discoverable, no transport is left out')
assert.ok(!login.extensions || !login.extensions.prf, 'no secret is asked for')
assert.equal(login.rpId, 'localhost')
step('signed in, and back where it began')

// 3. A passkey that nobody knows is refused in words.
const stranger = await device(390)
const other = await authenticator(stranger)
await other.cdp.send('WebAuthn.addCredential', {
  authenticatorId: other.authenticatorId,
  credential: {
    credentialId: 'c3RyYW5nZXI=', isResidentCredential: true, rpId: 'localhost', userHandle: 'bm9ib2R5', signCount: 1,
    privateKey: Buffer.from(await crypto.subtle.exportKey('pkcs8', (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])).privateKey)).toString('base64')
  }
})
await stranger.goto(base + '/sign-in')
await stranger.click('form[data-passkey=get] button')
await stranger.waitForSelector('#said:not([hidden])')
assert.match(await stranger.textContent('#said'), /We do not know this passkey/)
step('an unknown passkey is refused')

// 4. A computer signs in by the phone, by itself once confirmed.
const computer = await device(1280)
await computer.goto(base + '/sign-in')
const [created2] = await Promise.all([computer.waitForNavigation(), computer.click('form[action="/sign-in/phone"] button')])
assert.ok(created2)
const number = await computer.textContent('.code')
const address = await readQR(computer)
await phone.goto(address)
assert.equal(await phone.textContent('.code'), number)
await phone.click('button[value=same]')
await computer.waitForURL('**/account')
assert.match(await computer.textContent('main'), /signed in by your phone/)
step('a computer is signed in by the phone, and is linked')

// 5. Typed values survive the language switch; Enter sends the form.
await computer.goto(base + '/account/contact')
await computer.fill('#email', 'typed@example.hk')
await computer.click('button[value="zh-Hans"]')
assert.equal(await computer.inputValue('#email'), 'typed@example.hk')
assert.equal(await computer.getAttribute('html', 'lang'), 'zh-Hans')
await computer.click('button[value="en"]')
await computer.focus('#email')
await Promise.all([computer.waitForNavigation(), computer.keyboard.press('Enter')])
assert.match(computer.url(), /saved=contact/)
assert.equal(await computer.getAttribute('html', 'lang'), 'en')
step('typed values survive the language switch; Enter saves')

// 6. Without script: a form is filled in and shown; the waiting page refreshes itself.
const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 768, height: 800 }, locale: 'en' })
plain.setDefaultTimeout(patience)
const quiet = await plain.newPage()
await quiet.goto(base + '/test/enter/0199f000-0000-7000-8000-000000000001/device')
await quiet.goto(base + '/forms/change-of-address')
await Promise.all([quiet.waitForNavigation(), quiet.click('[name=prefill]')])
assert.match(await quiet.content(), /CHAN, Tai Man/)
await quiet.goto(base + '/signings/waiting')
assert.equal(await quiet.getAttribute('noscript meta, meta[http-equiv]', 'content'), '5')
step('works without script')

// 7. By keyboard: the first Tab is the skip link.
await computer.goto(base + '/account')
await computer.keyboard.press('Tab')
assert.equal(await computer.evaluate(() => document.activeElement.textContent), 'Skip to main content')
step('the skip link comes first')

// 8. Installable: the manifest is read with its icons.
const cdp2 = await computer.context().newCDPSession(computer)
const manifest = await cdp2.send('Page.getAppManifest')
assert.deepEqual(manifest.errors, [])
assert.equal(JSON.parse(manifest.data).short_name, 'Chop')
for (const icon of JSON.parse(manifest.data).icons) {
  const answer = await computer.request.get(base + icon.src)
  assert.equal(answer.status(), 200, icon.src)
}
const install = await cdp2.send('Page.getInstallabilityErrors')
assert.deepEqual(install.installabilityErrors.filter((e) => e.errorId !== 'in-incognito'), [])
step('installable')

assert.deepEqual(problems, [])
await cdp.detach()
await browser.close()

// readQR is what the code on this browser's page says; the test's server tells.
async function readQR (page) {
  const answer = await page.request.get(base + '/test/link')
  return answer.text()
}
