// At a counter, on a tablet: the card's chip opens a case that one officer suffices for; a full account gets another
// phone by two officers, and the old phone's approvals are worth nothing; a reviewer searches.
import assert from 'node:assert/strict'
import { device, house, step } from './house.mjs'
import { look } from './eyes.mjs'
import { hand } from './kiosk.mjs'
import * as p from './people.mjs'
import { people } from './remote.mjs'

/** The chip read at the counter: nothing is typed but how the person is reached, no second officer, no picture. */
export async function chip (wong) {
  const phone = await device('by-chip')
  await wong.goto(house.desk)
  await look(wong, 'desk-tablet-home')
  await p.press(wong, 'a[href="/chip"]')
  await look(wong, 'desk-chip-none')
  await wong.fill('#f-phone', '9876 1234')
  await wong.selectOption('#f-language', 'en')
  await hand('insert', { slot: 1, person: 4 })
  await wong.waitForSelector('button[name=card]') // by itself
  assert.equal(await wong.inputValue('#f-phone'), '9876 1234', 'what was typed is still there')
  assert.match(await wong.textContent('button[name=card]'), /reader 2/)
  await look(wong, 'desk-chip-read', { once: true })
  await p.press(wong, 'button[name=card]')
  await hand('remove', { slot: 1 })
  assert.match(await wong.locator('main').textContent(), /Read from the card’s chip/)
  await look(wong, 'desk-chip-case')
  await p.press(wong, 'form[action$="/verify"] button')
  await p.bind(wong, phone)
  await p.agree(wong, phone)
  await p.enrol(wong, phone)
  await look(wong, 'desk-chip-done')
  assert.ok(!wong.asked.some((url) => /photo|face|camera/.test(url)), 'no way for a picture at a counter')
  await p.signIn(phone)
  await p.upload(phone, 'chip.pdf', p.document('Opened by the chip'))
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, 'LAU, Kam'), 1)
  step('the card is read at the counter: one officer, and the account signs')
}

/** Another phone for the account of the kiosk. What the old one had been asked to approve is refused. */
export async function another (wong, leung, old) {
  await p.signIn(old)
  await p.upload(old, 'before.pdf', p.document('Before'))
  await p.askHere(old)
  assert.ok(await p.readAll(old), 'it could be signed')

  const phone = await device('another')
  await wong.goto(house.desk)
  await p.press(wong, 'button[value=replace]')
  const { card } = { card: people[2].Card }
  const [year, month, day] = card.issued.split('-')
  const fields = { number: card.number, surname: card.surname, given: card.givenNames, chinese: card.chineseName, birth: card.birth, issued: `${day}-${month}-${year.slice(2)}`, symbols: card.symbols }
  for (const [name, value] of Object.entries(fields)) await wong.fill(`#f-${name}`, value ?? '')
  await wong.selectOption('#f-gender', card.gender)
  await p.press(wong, 'form[action$="/card"] button')
  await look(wong, 'desk-replace-entered')
  const address = wong.url()
  await p.confirmAndVerify(wong, leung, address)
  await p.bind(wong, phone)
  await p.agree(wong, phone)
  await p.enrol(wong, phone)

  await old.click('button.sign')
  await old.waitForSelector('main > section.message')
  await look(old, 'approve-replaced', { once: true })
  await old.goto(`${house.portal}/account`)
  assert.equal(new URL(old.url()).pathname, '/sign-in', 'its session is over')
  await old.click('form[data-passkey=get] button')
  await old.waitForSelector('#said:not([hidden])')
  await p.signIn(phone)
  await p.upload(phone, 'after.pdf', p.document('After'))
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, 'WONG, Siu Lip'), 1)
  p.files.find((f) => f.signer === 'WONG, Siu Lip').superseded = true // by the old phone: valid, and its certificate is revoked now
  step('another phone is registered: the old one signs nothing and signs in no more')
}

/** A reviewer searches by status and date. */
export async function search (reviewer) {
  await reviewer.goto(`${house.desk}/search`)
  await look(reviewer, 'desk-search')
  await reviewer.selectOption('#state', 'done')
  await p.press(reviewer, 'main form button.primary')
  assert.ok(await reviewer.locator('tbody tr').count() >= 3, await reviewer.locator('main').textContent())
  await look(reviewer, 'desk-search-found')
  await reviewer.goto(`${house.desk}/search?what=cases`)
  await look(reviewer, 'desk-search-wrong')
  step('a reviewer searches by status and date')
}
