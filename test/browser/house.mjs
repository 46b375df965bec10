// The house: where the appliance is, browsers with passkeys, and a record of everything
// that left them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'

/** portal, approve, desk, kiosk and department are origins; dir the data folder; program is chop; out and shots are folders. */
export const house = JSON.parse(process.env.CHOP_HOUSE)
const origins = [house.portal, house.approve, house.desk, house.kiosk, house.department]

const browsers = []
/** Starts a browser; what it is told besides is for one that is somebody's own. */
export async function launch (...more) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', ...more
    ]
  })
  browsers.push(browser)
  return browser
}
const common = await launch()
export const close = () => Promise.all(browsers.map((b) => b.close()))

// Bodies is what left on the network: {url, body}. Secrets are the outputs of PRF as the
// page got them, in hexadecimal. Asked is what pages asked of passkeys. Problems is what
// should not have been said.
export const bodies = []
export const secrets = new Set()
export const asked = []
export const problems = []
const tabs = []

// Before a page's own script: it notes what goes to the authenticator and the secret that
// comes back. This is the test's, no page has it.
function witness () {
  for (const act of ['create', 'get']) {
    const real = navigator.credentials?.[act]?.bind(navigator.credentials)
    if (!real) continue
    navigator.credentials[act] = async (options) => {
      const credential = await real(options)
      const o = options.publicKey
      const first = credential.getClientExtensionResults().prf?.results?.first
      await globalThis.chopWitness({
        act, rp: o.rpId ?? o.rp?.id, origin: location.origin, hints: o.hints ?? [], verification: o.userVerification ?? o.authenticatorSelection?.userVerification,
        transports: (o.allowCredentials ?? []).map((c) => c.transports ?? []), prf: Boolean(o.extensions?.prf),
        secret: first ? Array.from(new Uint8Array(first.slice(0)), (b) => b.toString(16).padStart(2, '0')).join('') : null
      })
      return credential
    }
  }
}

const expected = /status of 4\d\d|net::ERR_(INTERNET_DISCONNECTED|FAILED|CONNECTION_(RESET|REFUSED|CLOSED)|SOCKS_CONNECTION_FAILED|EMPTY_RESPONSE)|pubKeyCredParams/

/** How long anything may take before it is taken for hung, in ms. It says nothing about speed. */
export const patience = Number(process.env.CHOP_PATIENCE || 180) * 1000

/** Does something again, with a pause, until it returns something; when patience is over it fails, saying what for and where. */
export async function until (page, what, act, pause = 60) {
  for (const end = Date.now() + patience; Date.now() < end;) {
    const got = await act()
    if (got !== undefined) return got
    await page.waitForTimeout(pause)
  }
  assert.fail(`${page.name} waits for ${what} in vain at ${page.url()}: ${await page.locator('main').innerText().catch((e) => e.message)}`)
}

/**
 * Waits until a tab shows an element of a page that is loaded, its style sheets with it: the element may be there before them,
 * when nobody sees it yet, and has no size that a person would meet.
 */
export async function shown (page, selector = 'body') {
  await page.waitForFunction((s) => document.readyState === 'complete' && document.querySelector(s), selector)
  return page.waitForSelector(selector)
}

/**
 * A device of somebody's, as one tab. prf: its passkeys derive secrets; null: it has no
 * passkeys. certificate: {pfxPath, passphrase} for the desk, or for its origin. browser: one of its own.
 */
export async function device (name, { width = 390, height = 800, touch = width < 600, mobile = touch, locale = 'en-HK', prf = true, certificate, browser = common } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, hasTouch: touch, isMobile: mobile, locale, reducedMotion: 'reduce',
    ...(certificate && { ignoreHTTPSErrors: true, clientCertificates: [{ origin: house.desk, ...certificate }] })
  })
  context.setDefaultTimeout(patience)
  await context.exposeBinding('chopWitness', (_, seen) => {
    asked.push({ device: name, ...seen })
    if (seen.secret) secrets.add(seen.secret)
  })
  await context.addInitScript(witness)
  context.on('request', (r) => {
    const url = new URL(r.url())
    if (!['data:', 'blob:'].includes(url.protocol) && !origins.includes(url.origin)) problems.push(`${name} asks ${url.origin}`)
    bodies.push({ url: r.url(), body: r.postDataBuffer() ?? Buffer.alloc(0) })
  })
  const page = await context.newPage()
  page.asked = [] // addresses
  page.on('request', (r) => page.asked.push(r.url()))
  // A fault of ours is one whoever meets it, unless the story is about it: page.fault is the status that a test put into the service's mouth.
  context.on('response', (r) => { if (r.status() >= 500 && r.status() !== page.fault) problems.push(`${name}: ${r.status()} from ${new URL(r.url()).origin}`) })
  page.on('console', (m) => {
    if (['error', 'warning'].includes(m.type()) && !expected.test(m.text()) && !(page.fault && m.text().includes(`status of ${page.fault}`))) problems.push(`${name}: ${m.text()}`)
  })
  page.on('pageerror', (e) => problems.push(`${name}: ${e.stack}`))
  page.name = name
  tabs.push(page)
  page.cdp = await context.newCDPSession(page)
  if (prf !== null) await authenticator(page, prf)
  return page
}

/** Gives a tab a passkey device that always says yes. */
export async function authenticator (page, prf = true, transport = 'internal') {
  await page.cdp.send('WebAuthn.enable')
  const { authenticatorId } = await page.cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport, hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, hasPrf: prf, automaticPresenceSimulation: true
    }
  })
  page.authenticatorId = authenticatorId
}

/** Takes the tab's passkeys into a device that derives no secrets; returns how to undo it. */
export async function withoutSecrets (page) {
  const { credentials } = await page.cdp.send('WebAuthn.getCredentials', { authenticatorId: page.authenticatorId })
  const before = page.authenticatorId
  await page.cdp.send('WebAuthn.setUserVerified', { authenticatorId: before, isUserVerified: false })
  await page.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: before, enabled: false })
  await authenticator(page, false, 'usb') // a device has one that is its own
  for (const credential of credentials) await page.cdp.send('WebAuthn.addCredential', { authenticatorId: page.authenticatorId, credential })
  return async () => {
    await page.cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: page.authenticatorId })
    page.authenticatorId = before
    await page.cdp.send('WebAuthn.setUserVerified', { authenticatorId: before, isUserVerified: true })
    await page.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: before, enabled: true })
  }
}

/** Does something else with the next answer from an address (* for any part of it), once it has come. */
export async function answerOnce (page, urlPattern, act) {
  await page.cdp.send('Fetch.enable', { patterns: [{ urlPattern, requestStage: 'Response' }] })
  page.cdp.once('Fetch.requestPaused', async (paused) => {
    await act(paused)
    await page.cdp.send('Fetch.disable')
  })
}

/** Loses the next answer from an address: what was sent has arrived. */
export const lose = (page, urlPattern) => answerOnce(page, urlPattern, ({ requestId }) =>
  page.cdp.send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' }))

/** Runs a command of chop on the data folder and returns what it prints as JSON. */
export function chop (words, ...args) {
  return JSON.parse(execFileSync(house.program, [...words.split(' '), '--dir', house.dir, '--json', ...args], { encoding: 'utf8', maxBuffer: 64 << 20 }))
}

let reader
/** The text of the QR code on a page, read from its picture. */
export async function readQR (page) {
  reader ??= prepareZXingModule({
    overrides: { wasmBinary: readFileSync(createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')).buffer }, fireImmediately: true
  })
  await reader
  await shown(page, '.qr')
  const picture = await page.locator('.qr').screenshot()
  const found = await readBarcodes(new Blob([picture]), { formats: ['QRCode'] })
  assert.equal(found.length, 1, `${page.name} shows ${found.length} codes at ${page.url()}`)
  return found[0].text
}

/** What may show somebody's face, even a made-up resident's: no screenshot has it. */
export const faces = (page) => [page.locator('.faces img, .finder')]

/** What each tab shows, for whoever looks for the reason of a failure. */
export async function testify () {
  for (const page of tabs.filter((p) => !p.isClosed())) {
    const text = await page.locator('main').innerText({ timeout: 2000 }).catch((e) => e.message)
    console.log(`--- ${page.name} at ${page.url()}\n${text.slice(0, 600)}`)
    await page.screenshot({ path: `${house.shots}/failed-${page.name}.png`, timeout: 10000, mask: faces(page) }).catch(() => {})
  }
}

const begun = Date.now()
/** Says how far the story is. */
export const step = (what) => console.log(`${((Date.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${what}`)
