// The hotline suspends: what is waiting and what comes next is refused. Two officers resume.
// And the desk's pages that no story leads to.
import assert from 'node:assert/strict'
import { house, step, until } from './house.mjs'
import { look, speak } from './eyes.mjs'
import * as p from './people.mjs'

const CHAN = 'CHAN, Tai Man'

/** Suspended and resumed three times, the officers' pages in one language after the other. */
export async function hotline ({ wong, leung, ho }, phone, computer) {
  for (const [round, language] of ['en', 'zh-Hant-HK', 'zh-Hans'].entries()) {
    const first = round === 0
    const see = first ? look : undefined
    await p.signIn(phone)
    await phone.goto(`${house.portal}/account/code`)
    if (first) await look(phone, 'portal-code')
    await p.press(phone, p.send)
    if (first) await look(phone, 'portal-code-made')
    const code = await p.number(phone, '.code')
    // One approval waits, read to its end; something else is about to be asked for.
    await p.upload(phone, 'waiting.pdf', p.document('Waiting'))
    await p.askHere(phone)
    assert.ok(await p.readAll(phone))
    if (first) await p.upload(computer, 'next.pdf', p.document('Next'))

    await speak(ho, language)
    await suspend(ho, first ? { code } : { phone: '9123 4567', birth: '1985-03-14' }, see)

    await phone.click('button.sign')
    await phone.waitForSelector('main > section.message')
    assert.match(await p.heading(phone), /suspended/)
    if (first) {
      await look(phone, 'approve-suspended')
      await p.press(computer, 'button[value=phone]') // the very next attempt
      assert.match(await computer.textContent('main'), /suspended/)
      await look(computer, 'portal-suspended', { once: true })
      await computer.goto(`${house.portal}/signings`)
      assert.equal(new URL(computer.url()).pathname, '/sign-in')
      await phone.goto(`${house.portal}/sign-in`)
      await phone.click('form[data-passkey=get] button')
      await phone.waitForSelector('#said:not([hidden])')
      assert.match(await phone.textContent('#said'), /suspended/)
      await look(phone, 'portal-sign-in-suspended', { once: true })
      step('suspended: the one that waited, the next one, and signing in are refused')
    }

    await speak(wong, language)
    await speak(leung, language)
    await resume(wong, leung, see)
  }
  await p.signIn(phone)
  await p.upload(phone, 'again.pdf', p.document('Again'))
  await p.askHere(phone)
  await p.approve(phone)
  await p.signed(phone)
  assert.equal(await p.download(phone, CHAN), 1)
  step('resumed by two officers: signing works again')

  // "I did not ask for this" suspends too, at once.
  await p.upload(phone, 'strange.pdf', p.document('Strange'))
  await p.askHere(phone)
  await phone.waitForSelector('canvas[data-drawn]')
  await phone.click('.quit button >> nth=1')
  await look(phone, 'approve-not-me-asked')
  await phone.click('dialog button >> nth=0')
  await phone.waitForSelector('.message.note')
  await look(phone, 'approve-not-me-done')
  // The key is stopped; the portal hears of it when it next looks after the question.
  await until(phone, 'the end of the session', async () => {
    await phone.goto(`${house.portal}/account`)
    if (new URL(phone.url()).pathname === '/sign-in') return true
  }, 500)
  assert.match(await phone.textContent('main'), /suspended/)
  await resume(wong, leung)
  step('"I did not ask for this" suspends')
}

async function suspend (ho, proof, see = async () => {}) {
  await ho.goto(`${house.desk}/hotline`)
  await see(ho, 'desk-hotline')
  if (proof.code) { // first a caller who is not who they say
    await ho.fill('#code', '00000-00000')
    await p.press(ho, 'form[action="/hotline"] button.primary')
    assert.equal(await ho.locator('form[action="/hotline/suspend"]').count(), 0)
    await see(ho, 'desk-hotline-wrong', { once: true })
    await ho.fill('#code', proof.code)
  } else {
    for (const [item, value] of Object.entries(proof)) await ho.fill(`#i-${item}`, value)
  }
  await p.press(ho, 'form[action="/hotline"] button.primary')
  await see(ho, 'desk-hotline-verified')
  await ho.fill('#reason', 'the phone was stolen')
  await p.press(ho, 'form[action="/hotline/suspend"] button.primary')
  assert.ok(await ho.locator('.good').count(), await ho.locator('main').textContent())
  await look(ho, 'desk-hotline-done', { once: true })
}

async function resume (wong, leung, see = async () => {}) {
  await wong.goto(`${house.desk}/people`)
  await see(wong, 'desk-people')
  await wong.selectOption('#item', 'email')
  await wong.fill('#value', 'tai.man@example.invalid')
  await p.press(wong, 'form[action="/people"] button.primary')
  await see(wong, 'desk-person-suspended')
  await wong.selectOption('#second', 'leung')
  await wong.fill('#reason', 'here with the card')
  await p.press(wong, 'form[action$="/resume"] button.primary')
  const order = wong.url()
  await see(wong, 'desk-order')
  await p.press(wong, `form[action^="/orders/"] button.primary`)
  await look(wong, 'desk-order-signed', { once: true })
  await leung.goto(order)
  await p.press(leung, `form[action^="/orders/"] button.primary`)
  assert.ok(await leung.locator('.good').count(), await leung.locator('main').textContent())
  await look(leung, 'desk-order-done', { once: true })
}

/** Finding people, what is forbidden or not there, and a supervisor who plans a shift. */
export async function desk ({ wong, ho }) {
  await speak(wong, 'en')
  await speak(ho, 'en')
  const find = async (item, value) => {
    await wong.goto(`${house.desk}/people`)
    await wong.selectOption('#item', item)
    await wong.fill('#value', value)
    await p.press(wong, 'form[action="/people"] button.primary')
  }
  await find('phone', '9876 5432')
  await look(wong, 'desk-people-none')
  await find('phone', '9123 4567')
  assert.equal(await wong.locator('main li a').count(), 2, 'a family has one telephone')
  await look(wong, 'desk-people-several')
  await p.press(wong, 'main li a')
  await look(wong, 'desk-person')
  await wong.goto(`${house.desk}/officers`)
  await look(wong, 'desk-forbidden')
  await wong.goto(`${house.desk}/nothing-here`)
  await look(wong, 'desk-not-found')
  await p.press(wong, 'form[action="/sign-off"] button')

  await p.press(ho, 'form[action="/sign-off"] button')
  await p.signOn(ho, 'supervisor')
  await ho.goto(`${house.desk}/officers`)
  await look(ho, 'desk-officers')
  await ho.click('section:has(#o-leung) summary >> nth=0')
  await look(ho, 'desk-officers-shift', { once: true })
  const tomorrow = new Date(Date.now() + 32 * 3600e3).toISOString().slice(0, 10)
  await ho.fill('#b-leung', `${tomorrow}T09:00`)
  await ho.fill('#e-leung', `${tomorrow}T17:00`)
  await p.press(ho, 'form[action="/officers/leung/shift"] button')
  assert.equal(new URL(ho.url()).pathname, '/officers', await ho.locator('main').textContent())
  step('the desk: people, officers, shifts')
}
