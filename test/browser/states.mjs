// The approval page in each of its states, the story's aside: what it says when something
// is wrong. Answers that the service gives only after a long time, or never, are put into
// its mouth here.
import assert from 'node:assert/strict'
import { answerOnce, device, house, readQR, step, withoutSecrets } from './house.mjs'
import { look } from './eyes.mjs'
import * as p from './people.mjs'

const nobody = 'A'.repeat(22)

/** Every state that can be had on the resident's phone; it is left without an open question. */
export async function approval (phone) {
  const open = async (address) => {
    await phone.goto('about:blank')
    await phone.goto(address)
    await phone.waitForSelector('h1:not(.loading)')
  }
  const answers = async (path, status, code) => phone.route(path, (route) => route.fulfill({ status, contentType: 'application/problem+json', json: { code, title: code, status } }))
  const said = async (name, words) => {
    assert.match(await p.heading(phone), words)
    await look(phone, `approve-${name}`)
    await phone.unrouteAll()
  }

  await open(house.approve)
  await said('home', /where you sign/)
  await open(`${house.approve}/#sign/${nobody}`)
  await said('unknown', /not known/)
  for (const [code, words] of [
    ['expired', /time to sign is over/], ['used', /already answered/], ['cancelled', /withdrawn/], ['failed', /could not be signed/],
    ['assertion', /not the device/], ['refused', /refused/], ['unavailable', /does not answer/]
  ]) {
    phone.fault = code === 'unavailable' ? 503 : undefined
    await answers('**/api/tx/*', phone.fault ?? 409, code)
    await open(`${house.approve}/#sign/${nobody}`)
    await said(code, words)
    phone.fault = undefined
  }
  await phone.route('**/api/tx/*', (route) => route.abort())
  await open(`${house.approve}/#sign/${nobody}`)
  await said('no-connection', /No connection/)
  await phone.route('**/identity.json', (route) => route.fulfill({ json: { key: 'another', portal: house.portal } }))
  await open(`${house.approve}/#sign/${nobody}`)
  await said('identity', /for your safety/)
  for (const [code, words] of [['expired', /time is over/], ['failed', /could not be set up/], ['unknown', /code is not known/]]) {
    await answers('**/api/enrol/*', code === 'unknown' ? 404 : 409, code)
    await open(`${house.approve}/#enrol/${nobody}`)
    await said(`enrol-${code}`, words)
  }

  // A real question, whose document is changed on its way.
  await p.signIn(phone)
  await p.upload(phone, 'changed.pdf', p.document('Changed'))
  await phone.goto(`${house.portal}/to-sign`)
  await p.press(phone, 'button[value=phone]')
  const address = await readQR(phone)
  await answerOnce(phone, '*/documents/0', async ({ requestId, responseStatusCode: responseCode, responseHeaders }) => {
    const { body } = await phone.cdp.send('Fetch.getResponseBody', { requestId })
    const bytes = Buffer.from(body, 'base64')
    bytes[bytes.indexOf('Changed')] ^= 1
    await phone.cdp.send('Fetch.fulfillRequest', { requestId, responseCode, responseHeaders, body: bytes.toString('base64') })
  })
  await open(address)
  await phone.waitForSelector('main > section.message')
  await said('mismatch', /for your safety/)

  // A passkey that gives no secret; a browser that has no passkeys. The question stays open.
  await open(address)
  assert.ok(await p.readAll(phone))
  const undo = await withoutSecrets(phone)
  await phone.click('button.sign')
  await phone.waitForSelector('main > section.message')
  await said('noprf', /cannot sign/)
  await undo()
  const old = await device('old', { prf: null })
  await old.addInitScript(() => { delete globalThis.PublicKeyCredential })
  await old.goto(address)
  await old.waitForSelector('main > section.message')
  assert.match(await p.heading(old), /no passkeys/)
  await look(old, 'approve-no-passkeys')
  await old.context().close()
  await open(address)
  await phone.click('.quit button >> nth=0')
  await phone.click('dialog button >> nth=0')
  await phone.waitForSelector('.message.note')

  // What cannot be drawn whole cannot be signed.
  await p.upload(phone, 'nonesuch.pdf', p.document('Nonesuch', 'Nonesuch'))
  await p.askHere(phone)
  await phone.waitForSelector('.message.problem')
  assert.equal(await phone.locator('button.sign').isVisible(), false)
  await look(phone, 'approve-cannot-draw')
  await phone.click('.quit button >> nth=0')
  await phone.click('dialog button >> nth=0')
  await phone.waitForSelector('.message.note')

  for (const path of ['signings', 'inbox', 'account/activity', 'account/contact', 'account/suspend', 'account/close', 'lost', 'accessibility', 'privacy', 'terms', 'upgrade']) {
    await phone.goto(`${house.portal}/${path}`)
    await look(phone, `portal-${path.replace('/', '-')}`)
  }
  await phone.goto(`${house.portal}/signings`)
  await p.press(phone, 'li:has(.govuk-tag--good) a')
  await p.press(phone, 'a[href$="/receipt"]')
  await look(phone, 'portal-receipt')
  step('the approval page in its states; the portal’s other pages')
}
