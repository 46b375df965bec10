// Residents sign: on one device, across two, several documents at once, and over a
// connection that comes and goes.
import assert from 'node:assert/strict'
import { device, house, lose, readQR, step } from './house.mjs'
import { look } from './eyes.mjs'
import * as p from './people.mjs'

const CHAN = 'CHAN, Tai Man'
const WONG = 'WONG, Siu Lip'

/** Signs in, signs a form of the catalogue, and a document of their own. */
export async function onOneDevice (phone) {
  await phone.goto(house.portal)
  await look(phone, 'portal-home')
  await phone.goto(`${house.portal}/sign-in`)
  await look(phone, 'portal-sign-in')
  await p.signIn(phone)
  await look(phone, 'portal-account')
  await p.fillForm(phone, look)
  await look(phone, 'portal-to-sign')
  await p.askHere(phone)
  assert.match(await p.heading(phone), /Transport Department/)
  await phone.waitForSelector('canvas[data-drawn]')
  assert.equal(await phone.locator('button.sign').isEnabled(), false, 'nothing was read yet')
  await look(phone, 'approve-document')
  assert.ok(await p.readAll(phone))
  await look(phone, 'approve-ready')
  await p.approve(phone)
  await look(phone, 'approve-done')
  await p.signed(phone)
  assert.equal(await p.download(phone, CHAN, look), 1)
  step('a form is signed')

  await phone.goto(`${house.portal}/upload`)
  await look(phone, 'portal-upload')
  await p.upload(phone, 'letter.pdf', p.document('A letter'))
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, CHAN), 1)
  step('an uploaded PDF is signed')
}

/** A computer without passkeys is signed in by the phone; the phone approves what the computer asks for. */
export async function acrossTwo (phone) {
  const computer = await device('computer', { width: 1280, prf: null })
  await computer.goto(`${house.portal}/sign-in`)
  await p.press(computer, 'form[action="/sign-in/phone"] button')
  await look(computer, 'portal-link-computer')
  const link = await readQR(computer)
  await phone.goto(link)
  assert.equal(await p.number(phone, '.code'), await p.number(computer, '.code'))
  await look(phone, 'portal-link-phone')
  await p.press(phone, 'button[value=same]')
  await look(phone, 'portal-link-answered', { once: true })
  await computer.waitForURL('**/account') // by itself
  await look(computer, 'portal-account-linked')

  for (const [what, make] of [['form', () => p.fillForm(computer)], ['upload', () => p.upload(computer, '租約.pdf', p.document('A lease'))]]) {
    await make()
    assert.equal(await computer.locator('button[value=here]').count(), 0, 'a computer that was let in approves nothing')
    await p.press(computer, 'button[value=phone]')
    if (what === 'form') await look(computer, 'portal-signing-waiting')
    const shown = await p.number(computer, '.code')
    assert.match(shown, /^\d{4}$/)
    await phone.goto(await readQR(computer))
    await phone.waitForSelector('.step .code')
    assert.equal(await p.number(phone, '.step .code'), shown)
    await p.approve(phone)
    await computer.waitForSelector('a[download]') // by itself
    assert.equal(await p.download(computer, CHAN), 1)
    step(`across two devices: ${what}`)
  }
  return computer
}

/** Three documents, one approval. */
export async function threeAtOnce (phone) {
  await p.fillForm(phone)
  for (const name of ['first.pdf', 'second.pdf']) await p.upload(phone, name, p.document(name))
  await p.askHere(phone)
  await phone.waitForSelector('.tabs button >> nth=2')
  await look(phone, 'approve-documents')
  await p.approve(phone)
  await look(phone, 'approve-done-three')
  await p.signed(phone)
  assert.equal(await p.download(phone, CHAN), 3)
  step('three documents in one approval')
}

/** Lost documents, requests and answers while approving; and an approval that is given up. */
export async function losesConnection (phone, second) {
  await p.signIn(second)
  await p.upload(second, '聲明書.pdf', p.document('A declaration'))
  await second.route('**/documents/0', (route) => route.abort(), { times: 1 })
  await p.askHere(second)
  await second.waitForSelector('.message.problem button')
  await look(second, 'approve-document-offline')
  await second.click('.message.problem button')
  assert.ok(await p.readAll(second))

  await second.context().setOffline(true)
  await second.click('button.sign')
  await second.waitForSelector('.step .message.problem')
  await look(second, 'approve-offline')
  await second.context().setOffline(false)
  await lose(second, '*/approve')
  await second.click('button.sign')
  await second.waitForSelector('.step .message.problem')
  await second.click('button.sign') // it had arrived
  await second.waitForSelector('section.done')
  await p.signed(second)
  assert.equal(await p.download(second, WONG), 1)
  step('signed over a connection that comes and goes')

  // A computer that loses its connection while it waits says so, and goes on by itself.
  await p.upload(second, 'notice.pdf', p.document('A notice'))
  await second.goto(`${house.portal}/to-sign`)
  await p.press(second, 'button[value=phone]')
  const address = await readQR(second)
  await second.context().setOffline(true)
  await second.waitForSelector('[data-lost]:not([hidden])')
  await second.context().setOffline(false)
  await second.waitForSelector('[data-lost][hidden]', { state: 'attached' })

  // The tab is closed, and the page opened again: the same question. Declined, it is nothing.
  const waiting = second.url()
  await second.goto(address)
  await second.waitForSelector('canvas[data-drawn]')
  await second.goto('about:blank')
  await second.goto(address)
  await second.waitForSelector('canvas[data-drawn]')
  await second.click('.quit button >> nth=0')
  await look(second, 'approve-decline-asked')
  await second.click('dialog button >> nth=0')
  await second.waitForSelector('.message.note')
  await look(second, 'approve-declined')
  await second.goto(waiting)
  assert.equal(await second.locator('a[download]').count(), 0)
  await look(second, 'portal-signing-declined')
  step('what is given up is cleanly nothing')
}
