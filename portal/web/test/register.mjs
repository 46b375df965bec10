// A person registers on their phone, in a real browser with a camera that is a program: the photo of the card,
// its data, the poses, the passkey; what is said when a picture cannot be used, a try is over, or there is no camera.
//
//   node test/register.mjs http://localhost:PORT
import { chromium } from 'playwright-core'
import assert from 'node:assert/strict'
import { flags, patience, chromiumPath, authenticator } from './browser.mjs'

const base = process.argv[2]
const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
const browser = await chromium.launch({ executablePath: chromiumPath, args: [...flags, ...camera] })
const problems = []
const heard = [] // what a screen reader hears of the page's status, in order
// Before a page's own script: it notes each canvas that a picture is drawn on, and what the status says. This is the test's, no page has it.
function witness () {
  const made = []
  const real = document.createElement.bind(document)
  document.createElement = (name, ...more) => {
    const element = real(name, ...more)
    if (name === 'canvas') made.push(element)
    return element
  }
  globalThis.canvases = () => made.map((c) => c.width * c.height)
  addEventListener('pagehide', () => sessionStorage.setItem('canvases', JSON.stringify(globalThis.canvases())))
  addEventListener('DOMContentLoaded', () => {
    const status = document.querySelector('[data-status]')
    if (status) new MutationObserver(() => globalThis.chopHeard(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true })
  })
}
async function open (browser) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, locale: 'en' })
  context.setDefaultTimeout(patience)
  await context.exposeBinding('chopHeard', (_, text) => { heard.push(text) })
  await context.addInitScript(witness)
  const page = await context.newPage()
  page.on('console', (m) => { if (m.type() === 'error' && !/status of 4\d\d/.test(m.text())) problems.push(m.text()) })
  page.on('pageerror', (e) => problems.push(e.message))
  page.on('request', (r) => { if (!r.url().startsWith(base)) problems.push('asks ' + r.url()) })
  return page
}
const step = (name) => console.log('· ' + name)
// n pictures were drawn and sent, and nothing of them is left in the page, nor was when it went on.
const forgotten = (areas, n) => assert.deepEqual(areas, Array(n).fill(0), 'each canvas is empty')
const clean = async (page, n) => {
  assert.equal(await page.evaluate(() => document.querySelectorAll('canvas, img').length), 0)
  forgotten(await page.evaluate(() => globalThis.canvases()), n)
}
const wentClean = async (page, n) => forgotten(JSON.parse(await page.evaluate(() => sessionStorage.getItem('canvases'))), n)
// hidden is there, and not to be seen: a part that the page does not have is no part that it hides.
const hidden = async (page, selector) => {
  assert.equal(await page.locator(selector).count(), 1, `${selector} is there`)
  return page.isHidden(selector)
}

const phone = await open(browser)
await authenticator(phone)
await phone.goto(base + '/sign-in')
await phone.click('a[href="/register"]')
await phone.click('form#form .govuk-button')
assert.match(await phone.textContent('.govuk-error-summary'), /Tick the box/)
await phone.check('#agree')
await phone.click('form#form .govuk-button')
await phone.waitForURL('**/register/photo')
assert.ok(await hidden(phone, '[data-file]'), 'a file is for who has no camera')
step('the notice comes first')

await phone.click('[data-open]')
await phone.waitForSelector('[data-shoot]:not([hidden])')
assert.ok(await phone.evaluate(() => document.querySelector('video').videoWidth) > 0)
await phone.request.get(base + '/test/register-fails/dark')
await phone.click('[data-shoot]')
await phone.waitForSelector('#said:not([hidden])')
assert.match(await phone.textContent('#said'), /too dark/)
assert.equal(await phone.evaluate(() => document.activeElement.id), 'said', 'a screen reader hears it')
await clean(phone, 1)
const sent = phone.waitForRequest('**/register/photo')
await phone.click('[data-shoot]')
assert.match((await sent).headers()['content-type'], /^multipart\/form-data/)
await phone.waitForURL('**/register/card')
await wentClean(phone, 2)
const photo = await (await phone.request.get(base + '/test/register-photo')).body()
assert.equal(photo.subarray(0, 3).toString('hex'), 'ffd8ff', 'a JPEG')
step('the card, by the camera')

assert.equal(await phone.inputValue('#surname'), 'CHAN')
await phone.fill('#number', 'A123456(A)')
await phone.click('form#form > .govuk-button')
assert.match(await phone.textContent('.govuk-error-summary'), /digit in brackets/)
await phone.fill('#number', 'A123456(3)')
await phone.click('form#form > .govuk-button')
await phone.waitForURL('**/register/face')
step('its data, corrected')

await phone.request.get(base + '/test/register-fails/try')
await phone.click('[data-open]') // the beginning fails: the try is over before it began
await phone.waitForSelector('#said:not([hidden])')
assert.match(await phone.textContent('#said'), /Tries left: 2/)
assert.ok(await phone.isVisible('[data-open]'))
assert.ok(await hidden(phone, '[data-finder]'), 'the camera is off')
heard.length = 0
const frames = []
phone.on('request', (r) => { if (r.url().endsWith('/face/frame')) frames.push(r.headers()['frame-nonce']) })
await phone.click('[data-open]')
await phone.waitForURL('**/register/wait')
await wentClean(phone, 4)
assert.deepEqual(frames, ['nonce-front', 'nonce-left', 'nonce-right', 'nonce-blink'])
assert.deepEqual(heard.filter(Boolean).slice(0, 4), ['Look straight into the camera', 'Turn your head to your left', 'Turn your head to your right', 'Look into the camera and shut both eyes for two seconds'])
step('the poses, one by one')

await phone.goto(base + '/test/register/verified')
await phone.waitForURL('**/register/passkey')
await phone.click('form[data-passkey=create] button')
await phone.waitForURL('**/register/end')
assert.match(await phone.textContent('h1'), /Your account is active/)
step('the passkey, and the account is active')
await browser.close()

// Without a camera: the page says so, a photo of the card can be sent as a file, a face cannot.
const poor = await chromium.launch({ executablePath: chromiumPath, args: flags })
const other = await open(poor)
await other.goto(base + '/test/register/noticed')
await other.click('[data-open]')
await other.waitForSelector('#said:not([hidden])')
assert.match(await other.textContent('#said'), /camera could not be opened/)
assert.ok(await other.isVisible('[data-file]'))
await other.setInputFiles('#photo', { name: 'card.jpg', mimeType: 'image/jpeg', buffer: photo })
await Promise.all([other.waitForURL('**/register/card'), other.click('[data-file] button')])
await other.goto(base + '/test/register/entered')
await other.waitForURL('**/register/face')
assert.equal(await other.locator('input[type=file]').count(), 0)
assert.ok(await other.isVisible('a[href="/places"]'))
step('without a camera')
await poor.close()
assert.deepEqual(problems, [])
