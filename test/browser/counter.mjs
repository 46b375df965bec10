// At the counter: an account is opened; another one over a connection that comes and goes;
// some that cannot be.
import assert from 'node:assert/strict'
import { chop, device, house, lose, step } from './house.mjs'
import { look } from './eyes.mjs'
import * as p from './people.mjs'

const people = chop('immd-reference --people')
const contact = { phone: '9123 4567', email: 'tai.man@example.invalid' }

/** The whole way, every page looked at. Returns the resident's phone. */
export async function opens ({ wong, leung }) {
  const phone = await device('phone')
  const address = await p.enterCard(wong, people[0].Card, contact, look)
  await p.confirmAndVerify(wong, leung, address, look)
  await p.bind(wong, phone, look)
  await p.agree(wong, phone, look)
  await p.enrol(wong, phone, look)
  step('an account is opened')
  return phone
}

/** Lost requests, lost answers, a page loaded anew: it goes on, and nothing is made twice. */
export async function losesConnection ({ wong, leung }) {
  const phone = await device('second')
  const context = phone.context()
  const address = await p.enterCard(wong, people[2].Card, { ...contact, email: 'siu.lip@example.invalid' })
  await p.confirmAndVerify(wong, leung, address)
  await p.bind(wong, phone)
  await phone.reload()
  await p.agree(wong, phone)

  await phone.reload() // the address no longer has the task: the tab remembers it
  await phone.waitForSelector('button.primary')
  await context.setOffline(true)
  await phone.click('button.primary')
  await phone.waitForSelector('.message.problem')
  assert.match(await phone.textContent('.message.problem'), /could not reach/)
  await look(phone, 'approve-enrol-offline')
  await context.setOffline(false)
  await phone.click('button.primary')
  await p.ticket(wong, phone)

  // The key is made, and the answer that says so is lost.
  await lose(phone, '*/seal')
  await phone.click('button.primary')
  await phone.waitForSelector('.message.problem')
  await phone.click('button.primary')
  await p.issued(wong, phone)
  const { credentials } = await phone.cdp.send('WebAuthn.getCredentials', { authenticatorId: phone.authenticatorId })
  assert.deepEqual(credentials.map((c) => c.rpId).sort(), ['approve.localhost', 'localhost'], 'one passkey a site')
  step('an account is opened over a connection that comes and goes')
  return phone
}

/** A child; somebody deceased; a phone without PRF; a second scanner; a caller with a registered card. */
export async function refuses ({ wong, leung }) {
  await p.enterCard(wong, people[5].Card, contact)
  assert.match(await wong.textContent('.alert'), /refused/)
  await look(wong, 'desk-refused-at-once', { once: true })
  await wong.goto(wong.url().replace(/\/card$/, ''))
  await look(wong, 'desk-case-too-young')
  let address = await p.enterCard(wong, people[7].Card, contact)
  await p.confirmAndVerify(wong, leung, address)
  await wong.goto(address)
  await look(wong, 'desk-case-deceased')

  address = await p.enterCard(wong, people[1].Card, contact)
  await p.confirmAndVerify(wong, leung, address)
  const thief = await device('thief')
  const poor = await device('poor', { prf: false })
  const code = await p.bind(wong, poor)
  await thief.goto(code)
  await p.press(thief, 'form[data-bind] button')
  assert.match(await p.heading(thief), /no longer good/)
  await look(thief, 'portal-bind-scanned-twice', { once: true })
  await p.agree(wong, poor)
  await poor.click('button.primary')
  await poor.waitForSelector('main > section.message')
  assert.match(await p.heading(poor), /cannot be set up/)
  await look(poor, 'approve-enrol-noprf')
  await wong.goto(address)
  await p.press(wong, 'form[action$="/cancel"] button')
  await wong.goto(address)
  await look(wong, 'desk-case-ended')
  await poor.goto(`${house.portal}/bind/phone`)
  await look(poor, 'portal-bind-ended')
  await poor.context().close()
  await thief.context().close()
  step('who cannot have an account has none')
}
