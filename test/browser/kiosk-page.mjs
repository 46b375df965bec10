// A kiosk's page, in a real browser with the kiosk's client certificate and a camera that is a program: from the card to
// the code for the phone, in three languages; reasons that stay until they were read; a language that goes with its person.
// Each page is looked at by axe-core, at the kiosk's own size.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const kiosk = JSON.parse(process.env.CHOP_KIOSK)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const patience = Number(process.env.CHOP_PATIENCE || 180) * 1000
mkdirSync(kiosk.shots, { recursive: true })
const problems = []
const step = (name) => console.log('· ' + name)
const tell = async (what) => {
  const answer = await fetch(kiosk.control + what)
  assert.equal(answer.status, 200, await answer.text())
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
})
const context = await browser.newContext({
  viewport: { width: 1080, height: 1920 }, hasTouch: true, ignoreHTTPSErrors: true, reducedMotion: 'reduce',
  clientCertificates: [{ origin: kiosk.kiosk, certPath: kiosk.certificate, keyPath: kiosk.key }]
})
context.setDefaultTimeout(patience)
const page = await context.newPage()
const cdp = await context.newCDPSession(page)
let failing = false // a page that is answered with 500 is said so in the console
page.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !(failing && /status of 500/.test(m.text())) && !/status of 4(09|29)/.test(m.text())) problems.push(m.text()) })
page.on('pageerror', (e) => problems.push(e.stack))
context.on('request', (r) => { if (!['data:', 'blob:'].includes(new URL(r.url()).protocol) && new URL(r.url()).origin !== kiosk.kiosk) problems.push(`asks ${r.url()}`) })

// A language goes a minute after the last touch, also on a machine that is busy: what is read may be in the usual one.
// A page is there when its style sheet is: before that its parts have other sizes, and nobody sees it.
const shows = (name) => page.waitForFunction((n) => document.readyState === 'complete' && document.body.dataset.page === n, name)
const language = () => page.evaluate(() => document.documentElement.lang)
const asked = () => page.waitForResponse((r) => new URL(r.url()).pathname === '/state') // the page has asked where the session is, and heard it
const press = async (selector) => { await Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]) }

async function look (name) {
  await page.waitForFunction(() => document.readyState === 'complete')
  const { frameTree } = await cdp.send('Page.getFrameTree')
  const { executionContextId: contextId } = await cdp.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' })
  await cdp.send('Runtime.evaluate', { expression: axe, contextId })
  const { result } = await cdp.send('Runtime.evaluate', {
    expression: `axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      .then((r) => JSON.stringify(r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 2).map((n) => n.target.join(' ') + ' ' + ((n.any[0] || n.all[0] || n.none[0] || {}).message || '')).join(' | '))))`,
    contextId, awaitPromise: true, returnByValue: true
  })
  for (const found of JSON.parse(result.value ?? `["axe did not run: ${result.description}"]`)) problems.push(`${name}: ${found}`)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  if (wide) problems.push(`${name} is wider than the screen`)
  const small = await page.evaluate(() => [...document.querySelectorAll('button')].filter((b) => !b.hidden && b.getBoundingClientRect().height < 72).map((b) => b.textContent.trim()))
  if (small.length) problems.push(`${name}: too small to touch: ${small}`)
  await page.screenshot({ path: `${kiosk.shots}/kiosk-${name}.png`, fullPage: true })
}

await page.goto(kiosk.kiosk)
for (const l of ['zh-Hans', 'zh-Hant-HK', 'en']) {
  await press(`.languages button[value="${l}"]`)
  assert.equal(await language(), l)
  await look('start-' + l)
}
// A page is one answer, its style in it: nobody sees it without.
await page.goto(kiosk.kiosk)
await shows('start')
assert.deepEqual(await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => e.initiatorType !== 'fetch').map((e) => e.name)), [])
await context.clearCookies() // as they go, a minute after the last touch
await page.waitForFunction(() => document.documentElement.lang === 'zh-Hant-HK')
step('nobody touches it: the first page is in the usual language again, by itself')
await press('.languages button[value="en"]')

await tell('/card/genuine/0')
await shows('data') // by itself
assert.match(await page.textContent('main'), /14 March 1985|1985年3月14日/)
await look('data')
await press('.primary')
await shows('face')
await look('face')
await tell('/stranger/yes')
await page.click('[data-open]')
await page.waitForSelector('[data-alert]:not([hidden])')
assert.match(await page.textContent('[data-alert]'), /try again.*Tries left: 2$|請按掣再試.*尚餘次數： 2$/)
assert.ok(await page.isHidden('[data-finder]'), 'the camera is off')
await look('face-over')
await tell('/stranger/no')
await page.click('[data-open]')
await shows('code') // by itself
step('a card, its data, a face')

// The registry fails: what went wrong can be read for as long as somebody reads.
failing = true
await tell('/failing/yes')
await press('form[action="/code"] button')
await shows('no-failed')
await Promise.all([asked(), asked()])
await asked()
assert.match(await page.textContent('main'), /Something went wrong on our side|系統出現問題/, 'nobody is reached, and the reason is still there')
await tell('/failing/no')
await page.waitForResponse((r) => new URL(r.url()).pathname === '/state' && r.ok())
await asked()
await shows('no-failed')
await look('no-failed')
failing = false
step('what went wrong stays to be read')

await page.goto(kiosk.kiosk)
await shows('code')
await press('form[action="/code"] button')
await page.waitForSelector('.qr')
await look('code')
for (let i = 0; i < 10 && !(await page.locator('[data-page="no-busy"]').count()); i++) await press('form[action="/code"] button')
await shows('no-busy')
await page.waitForResponse((r) => new URL(r.url()).pathname === '/state' && r.ok())
await asked()
await shows('no-busy')
assert.match(await page.textContent('main'), /quarter of an hour|十五分鐘/)
await look('no-busy')
await press('.over button')
await shows('start')
assert.equal(await language(), 'zh-Hant-HK', 'the next person chooses anew')
step('too many tries: it stays to be read, and ends')

await tell('/card/expired/8')
await shows('no-expired')
await look('no-expired')
await tell('/card/genuine/1')
await shows('data')
step('a card that is refused, and the next one')

await browser.close()
assert.deepEqual(problems, [])
