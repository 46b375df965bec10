// On a person's own phone: a Lite account, and a case that an officer decides.
import assert from 'node:assert/strict'
import { camera } from './camera.mjs'
import { chop, device, house, step } from './house.mjs'
import { look } from './eyes.mjs'
import * as p from './people.mjs'

export const people = chop('immd-reference --people')
export const referred = people.find((one) => one.Portrait === 'refer')

// Before a page's own script: every picture that leaves it is told to the test, byte by byte.
function witness () {
  const real = globalThis.fetch
  globalThis.fetch = async (address, options) => {
    const picture = options?.body instanceof FormData ? options.body.get('photo') : options?.body
    if (picture instanceof Blob) {
      const bytes = new Uint8Array(await picture.arrayBuffer())
      let text = ''
      for (const b of bytes) text += String.fromCharCode(b)
      await globalThis.chopPicture(btoa(text))
    }
    return real(address, options)
  }
}
/** Asks the test to remember a picture, to take a backup, to look for pictures, to kill the server. */
async function ask (act, name, body) {
  const answer = await fetch(`${house.hands}/${act}?${new URLSearchParams({ name })}`, { method: 'POST', body })
  assert.equal(answer.status, 200, await answer.text())
}
const shown = new Map()

/** A phone whose camera sees a card, and then its holder. */
async function phoneWith (name, card) {
  const eye = await camera(name, card)
  const page = await device(name, { browser: eye.browser })
  await page.context().exposeBinding('chopPicture', (_, text) => {
    shown.set(name, (shown.get(name) ?? 0) + 1)
    return ask('picture', name, Buffer.from(text, 'base64'))
  })
  await page.context().addInitScript(witness)
  page.eye = eye
  await eye.obey(page)
  return page
}

/** Everything up to the face: the notice, the card before the camera, what was read put right. */
async function upToFace (phone, card, see = async () => {}) {
  await phone.goto(`${house.portal}/register`)
  await see(phone, 'portal-register')
  await phone.check('#agree')
  await p.press(phone, 'form#form .govuk-button')
  await see(phone, 'portal-register-photo')
  await phone.click('[data-open]')
  await phone.waitForSelector('[data-shoot]:not([hidden])')
  await phone.waitForFunction(() => document.querySelector('[data-video]').videoWidth > 0)
  await Promise.all([phone.waitForURL('**/register/card'), phone.click('[data-shoot]')])
  const read = await phone.inputValue('#number')
  await phone.fill('#number', card.number)
  await phone.fill('#surname', card.surname)
  await phone.fill('#given', card.givenNames ?? '')
  await phone.fill('#chinese', card.chineseName ?? '')
  for (const [name, date] of [['birth', card.birth], ['issued', card.issued]]) {
    for (const [i, part] of ['year', 'month', 'day'].entries()) await phone.fill(`#${name}-${part}`, String(Number(date.split('-')[i] ?? 0) || ''))
  }
  await phone.check(`input[name=gender][value="${card.gender ?? ''}"]`)
  await see(phone, 'portal-register-card', { once: true })
  await p.press(phone, 'form#form > .govuk-button')
  assert.equal(new URL(phone.url()).pathname, '/register/face', await phone.locator('main').textContent())
  await see(phone, 'portal-register-face')
  return read
}

/** The face, until the page goes on; the first try suffices. */
async function face (phone, next) {
  phone.eye.show('front')
  phone.frames.length = 0
  await phone.click('[data-open]')
  await phone.waitForURL(next)
  assert.ok(!phone.frames.some((f) => f.over), JSON.stringify(phone.frames))
}

/** A Lite account: it signs in, and signs nothing. */
export async function lite () {
  const phone = await phoneWith('lite', 'card')
  const read = await upToFace(phone, people[0].Card, look)
  // A machine that is too busy to read in time suggests nothing; it never suggests another number.
  assert.ok(['', people[0].Card.number].includes(read), read)
  await face(phone, '**/register/passkey')
  await look(phone, 'portal-register-passkey')
  await phone.click('form[data-passkey=create] button')
  await phone.waitForURL('**/register/end')
  assert.match(await p.heading(phone), /Your account is active/)
  await look(phone, 'portal-register-end')
  await p.signIn(phone)
  assert.match(await phone.locator('main').textContent(), /CHAN/)
  assert.ok(shown.get('lite') >= 5, 'a card and four poses were seen leaving')
  await ask('search', 'success')
  step(`a Lite account is opened on a phone; the number was ${read ? 'read from the card' : 'not read in time'}`)
  return phone
}

/** The officer opens the case that waits, and sees both pictures; they are what the test looks for later. */
async function opened (reviewer, see = async () => {}) {
  await reviewer.goto(`${house.desk}/referred`)
  await see(reviewer, 'desk-referred')
  await p.press(reviewer, 'main tbody a')
  const seen = await reviewer.locator('.faces img').evaluateAll((list) => Promise.all(list.map(async (i) => {
    await i.decode()
    let text = ''
    for (const b of new Uint8Array(await (await fetch(i.src)).arrayBuffer())) text += String.fromCharCode(b)
    return { address: i.src, width: i.naturalWidth, text: btoa(text) }
  })))
  assert.ok(seen.length === 2 && seen.every((one) => one.width >= 400), `pictures ${seen.map((one) => one.width)}`)
  for (const one of seen) await ask('picture', one.address.split('/').pop(), Buffer.from(one.text, 'base64'))
  await see(reviewer, 'desk-referral')
  return seen.map((one) => one.address)
}

/** Of a phone whose camera saw the card: up to the officer. */
async function waits (phone, see = async () => {}) {
  phone.eye.show('card-referred')
  await upToFace(phone, referred.Card)
  await face(phone, '**/register/wait')
  await phone.waitForSelector('text=/officer/i')
  await see(phone, 'portal-register-referred')
}

/**
 * Cases that the Immigration Department refers to an officer. The server is killed while one waits; a person leaves;
 * the officer refuses; the officer approves. The pictures vanish each time: from the officers' screens, and from
 * the backup that was taken before.
 */
export async function decided (reviewer) {
  const phone = await phoneWith('referred', 'card-referred')
  await waits(phone)
  await opened(reviewer)
  await ask('backup', 'killed')
  await ask('kill', '')
  await phone.waitForURL('**/register/photo') // by itself: what only memory held went with the process
  await ask('search', 'kill -9')
  step('the server is killed while a case waits: it begins again with the photo')

  phone.eye.show('card-referred')
  await phone.click('[data-open]')
  await phone.waitForSelector('[data-shoot]:not([hidden])')
  await phone.waitForFunction(() => document.querySelector('[data-video]').videoWidth > 0)
  await Promise.all([phone.waitForURL('**/register/card'), phone.click('[data-shoot]')])
  await ask('backup', 'left')
  await p.press(phone, 'form[action="/register/leave"] button')
  await ask('search', 'leaving')
  await phone.goto(`${house.portal}/register`)
  await p.press(phone, 'form[action="/register/anew"] button')

  await waits(phone)
  await opened(reviewer)
  await ask('backup', 'refused')
  await reviewer.check('input[name=reason] >> nth=0')
  await p.press(reviewer, 'button[value=refuse]')
  await phone.waitForURL('**/register/end') // by itself
  await look(phone, 'portal-register-refused')
  await ask('search', 'refusal')
  await phone.context().close()
  step('a person leaves, an officer refuses: the pictures are gone')

  const again = await phoneWith('again', 'card-referred')
  await waits(again, look)
  const addresses = await opened(reviewer, look)
  await ask('backup', 'approved')
  const open = reviewer.url()
  // A colleague's page, or a second tab, still shows them.
  const second = await reviewer.context().newPage()
  await second.goto(open)
  await p.press(reviewer, 'button[value=approve]')
  await second.waitForURL('**/referred') // by itself
  assert.equal(await second.locator('.faces img').count(), 0)
  for (const address of [...addresses, open]) assert.equal((await reviewer.goto(address)).status(), 404, address)
  await second.close()
  await ask('search', 'approval')

  await again.waitForURL('**/register/passkey') // by itself
  await again.click('form[data-passkey=create] button')
  await again.waitForURL('**/register/end')
  await p.signIn(again)
  step('an officer approves a referred case, and the pictures are gone')
}
