// At a kiosk: a full account from the card to the first signature, by keyboard alone; a Lite account made full, by
// touch; and cards and phones with which it goes no further.
import assert from 'node:assert/strict'
import { camera } from './camera.mjs'
import { device, house, readQR, shown, step, until } from './house.mjs'
import { look } from './eyes.mjs'
import * as p from './people.mjs'

/** Puts a card into a reader's slot, or takes it out. */
export async function hand (act, args) {
  const answer = await fetch(`${house.hands}/${act}?${new URLSearchParams(args)}`, { method: 'POST' })
  assert.equal(answer.status, 200, await answer.text())
}
const insert = (person, more) => hand('insert', { slot: 0, person, ...more })
export const remove = () => hand('remove', { slot: 0 })

/** The kiosk: its browser knows it by the client certificate, and its camera sees who stands there. */
export async function kiosk () {
  const eye = await camera('kiosk', 'front')
  const page = await device('kiosk', {
    width: 1080, height: 1920, touch: true, mobile: false, prf: null, browser: eye.browser, certificate: { origin: house.kiosk, ...JSON.parse(house.kioskCertificate) }
  })
  await eye.obey(page)
  await page.goto(house.kiosk)
  return page
}

/** Waits until the screen shows a page, by itself or after a button. */
export const shows = (page, name) => shown(page, `body[data-page="${name}"]`)

/** Presses a button by the keyboard alone: Tab until it has the focus, Enter. */
async function key (page, selector) {
  await shown(page, selector)
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    if (!await page.evaluate((s) => document.activeElement.matches(s), selector)) continue
    assert.ok(await page.evaluate(() => parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 3), `the focus is seen on ${selector}`)
    return page.keyboard.press('Enter')
  }
  assert.fail(`no Tab comes to ${selector}`)
}
/** Presses it with a finger. */
async function tap (page, selector) {
  await shown(page, selector)
  const { width, height } = await page.locator(selector).boundingBox()
  assert.ok(width >= 72 && height >= 72, `${selector} is ${width} × ${height}`)
  await page.tap(selector)
}

/** Goes through the poses until the server has seen enough; next is the page that follows. */
async function face (page, press, see, next = 'code') {
  await see(page, 'kiosk-face')
  page.frames.length = 0
  await press(page, '[data-open]')
  await shows(page, next)
  const asked = new Set(page.frames.map((f) => f.step).filter(Boolean))
  assert.equal(asked.size, 4, JSON.stringify(page.frames))
  assert.ok(!page.frames.some((f) => f.over), JSON.stringify(page.frames))
}

/** Puts a card in, and returns how many ms later its data are on the screen: since it was put in, and since pcscd told the agent so. */
export async function inserted (page, person) {
  await insert(person)
  const put = Date.now()
  await shows(page, 'data')
  const painted = await until(page, 'its first paint', () => page.evaluate(() => {
    const [paint] = performance.getEntriesByName('first-contentful-paint')
    return paint && performance.timeOrigin + paint.startTime
  }))
  const seen = await fetch(`${house.hands}/seen?slot=0`)
  assert.equal(seen.status, 200)
  return { put: Math.round(painted - put), told: Math.round(painted - Number(await seen.text())) }
}

/** From the card to the phone that waits for the kiosk's ticket. see looks at each page; press is a finger or the keyboard. */
async function upToPhone (page, phone, person, press, see = async () => {}) {
  const { put, told } = await inserted(page, person)
  step(`a card's data are on the screen ${put} ms after it was put in, ${told} ms after pcscd said so`) // printed, and not judged
  await see(page, 'kiosk-data')
  await press(page, 'form[action="/continue"] button')
  await shows(page, 'face')
  await face(page, press, see)
  await see(page, 'kiosk-verified')
  await press(page, 'form[action="/code"] button')
  await shown(page, '.qr')
  await see(page, 'kiosk-code')
  const address = await readQR(page)
  await phone.goto(address)
  await p.press(phone, 'form[data-bind] button')
  await shows(page, 'number') // by itself
  assert.equal(await p.number(phone, '.code'), await p.number(page))
  await see(page, 'kiosk-number')
  return address
}

/** On the phone: agreement, two passkeys, certificate. The kiosk's agent signs the ticket by itself. */
async function onPhone (page, phone, see = async () => {}) {
  await shows(page, 'phone')
  await see(page, 'kiosk-phone')
  await phone.waitForSelector('#agree') // by itself
  await phone.check('#agree')
  await p.press(phone, 'form#form .govuk-button')
  await p.press(phone, 'form[data-passkey=create] button')
  await p.press(phone, 'form:has(input[value=enrol]) button')
  await phone.waitForSelector('button.primary')
  await phone.click('button.primary')
  await phone.waitForSelector('.waiting')
  await phone.waitForSelector('button.primary') // by itself, once the kiosk has signed
  await phone.click('button.primary')
  await phone.waitForSelector('.message.good')
  await shows(page, 'done')
  await see(page, 'kiosk-done')
  await p.press(phone, 'main a.button')
  await phone.waitForSelector('main a.govuk-button[href="/sign-in"]')
}

/** A full account, by keyboard alone, every page looked at; its holder signs a form. */
export async function full (page) {
  const phone = await device('at-kiosk')
  await shows(page, 'start')
  await look(page, 'kiosk-start')
  await key(page, '.languages button[lang=en]')
  await shown(page, 'html[lang=en]')
  await upToPhone(page, phone, 3, key, look)
  await key(page, 'button[value=yes]')
  await remove() // the card has been read: its holder takes it
  await onPhone(page, phone, look)
  await key(page, 'form[action="/end"] button')
  await shows(page, 'start')
  step('a full account is opened at the kiosk, by keyboard')
  await p.signIn(phone)
  await p.fillForm(phone, undefined, { phone: '9876 5432' }) // a kiosk asks for no contact
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, 'WONG, Siu Lip'), 1)
  step('its holder signs a form')
  return phone
}

/** The Lite account of that phone becomes a full one, by touch: the phone that says no first, then the one that says yes. */
export async function upgrade (page, phone) {
  await p.signIn(phone)
  await phone.goto(`${house.portal}/upload`)
  await shows(page, 'start')
  await tap(page, '.languages button[lang=en]')
  await shown(page, 'html[lang=en]')
  const thief = await device('kiosk-thief')
  const used = await upToPhone(page, thief, 1, tap)
  await tap(page, 'button[value=no]') // somebody else scanned it
  await shown(page, 'body[data-page="code"] .alert')
  await look(page, 'kiosk-number-no', { once: true })
  await thief.goto(used)
  await p.press(thief, 'form[data-bind] button')
  assert.match(await p.heading(thief), /no longer good/)
  await thief.context().close()

  await tap(page, 'form[action="/code"] button')
  await shown(page, '.qr')
  await look(page, 'kiosk-code-upgrade')
  await phone.goto(await readQR(page))
  await p.press(phone, 'form[data-bind] button')
  await shows(page, 'number')
  await tap(page, 'button[value=yes]')
  await remove()
  await onPhone(page, phone)
  await tap(page, 'form[action="/end"] button')
  await shows(page, 'start')
  step('a Lite account is made full at the kiosk, on the same phone')
  await p.signIn(phone)
  await p.upload(phone, 'upgraded.pdf', p.document('A full account signs'))
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, 'CHAN, Tai Man'), 1)
  step('it signs')
}

/** Cards that are refused, each for its reason, and one that is pulled out. */
export async function refuses (page) {
  for (const [kind, person] of [['cloned', 2], ['tampered', 2], ['expired', 2], ['foreign', 2]]) {
    await insert(person, { kind })
    await shows(page, `no-${kind}`)
    await look(page, `kiosk-no-${kind}`)
    await remove()
  }
  await insert(2, { 'pull-out': 4 })
  await shows(page, 'again')
  await look(page, 'kiosk-again')
  await remove()
  await insert(9, { kind: 'replaced' }) // only the Immigration Department knows
  await shows(page, 'data')
  await key(page, 'form[action="/continue"] button')
  await shows(page, 'face')
  await face(page, key, async () => {}, 'no-replaced')
  await look(page, 'kiosk-no-replaced')
  await remove()
  await insert(3) // has an account
  await shows(page, 'data')
  await key(page, 'form[action="/continue"] button')
  await shows(page, 'no-registered')
  await look(page, 'kiosk-no-registered', { once: true })
  await remove()
  step('cards that are refused, by reason')
}
