// What officers and residents do, step by step, as they would: by the pages' own buttons.
// Each step that shows a page for the first time may be looked at: see is called with the
// tab and the page's name, and does nothing by default.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { chop, device, house, readQR, until } from './house.mjs'

const blind = async () => {}
export const place = 'counter-central-western'

/** Presses a button, a locator or its selector, and waits for the page that answers. */
export async function press (page, button) {
  const there = typeof button === 'string' ? page.locator(button) : button
  await Promise.all([page.waitForNavigation(), there.first().click()])
}
export const heading = (page) => page.locator('h1').first().textContent()
export const number = async (page, selector = '.number') => (await page.locator(selector).first().textContent()).trim()

// ---- Officers

/** A made-up identity card number, with its check digit. */
function hkic (letter, digits) {
  const sum = 36 * 9 + (letter.charCodeAt(0) - 55) * 8 + [...digits].reduce((s, d, i) => s + Number(d) * (7 - i), 0)
  const check = (11 - sum % 11) % 11
  return `${letter}${digits}(${check === 10 ? 'A' : check})`
}

/** Appoints an officer: proposed, a passkey made at the desk, approved by two, with a shift a role. */
export async function appoint (id, name, digits, roles, locale, see = blind, width = 1280) {
  const file = `${house.out}/${id}`
  writeFileSync(file + '.hkic', hkic('E', digits))
  const made = chop('officer propose', '--id', id, '--name', name, ...roles.flatMap((r) => ['--role', r]), '--place', place,
    '--hkic-file', file + '.hkic', '--out', file + '.p12')
  const page = await device(id, { width, touch: width < 1000, mobile: false, locale, certificate: { pfxPath: file + '.p12', passphrase: made.password } })
  if (width < 1000) page.widths = [width]
  await page.goto(house.desk)
  assert.equal(new URL(page.url()).pathname, '/passkey')
  await see(page, 'desk-passkey')
  await press(page, 'button.primary')
  await see(page, 'desk-enrolled', { once: true })
  chop('officer approve', '--id', id, '--by', 'first')
  assert.equal(chop('officer approve', '--id', id, '--by', 'second').state, 'active')
  await page.goto(house.desk)
  await see(page, 'desk-sign-on-none')
  for (const role of roles) chop('officer shift', '--id', id, '--role', role, '--place', place)
  return page
}

const roles = { hotline: /Hotline|熱線|热线/, supervisor: /Supervisor|主管/ }

/** Signs an officer on to a shift: the one, or that of the role. */
export async function signOn (page, role, see = blind) {
  await page.goto(house.desk)
  if (role) {
    await see(page, 'desk-sign-on-choose')
    await press(page, page.locator('main li a', { hasText: roles[role] }))
  }
  await see(page, 'desk-sign-on')
  await press(page, 'form[action="/sign-on"] button.primary')
  assert.equal(new URL(page.url()).pathname, '/', await page.locator('main').textContent())
}

/** Opens a case and keys a card in. issued is as printed, DD-MM-YY. */
export async function enterCard (officer, card, contact, see = blind) {
  await officer.goto(house.desk)
  await see(officer, 'desk-home')
  await press(officer, 'form[action="/cases"] button')
  await see(officer, 'desk-case-opened')
  const [year, month, day] = card.issued.split('-')
  const fields = {
    number: card.number, surname: card.surname, given: card.givenNames, chinese: card.chineseName, codes: card.commercialCodes, birth: card.birth,
    issued: `${day}-${month}-${year.slice(2)}`, first: card.firstIssued, symbols: card.symbols, ...contact
  }
  const fill = async (more = {}) => {
    for (const [name, value] of Object.entries({ ...fields, ...more })) await officer.fill(`#f-${name}`, value ?? '')
    await officer.selectOption('#f-gender', card.gender)
    await officer.selectOption('#f-language', 'en')
    await press(officer, 'form[action$="/card"] button')
  }
  if (see !== blind) {
    await fill({ birth: '1985-02-30' })
    assert.equal(await officer.locator('[aria-invalid]').getAttribute('name'), 'birth')
    await see(officer, 'desk-case-wrong')
  }
  await fill()
  await see(officer, 'desk-case-entered')
  return officer.url()
}

/** The second officer compares with the card and signs that it is so; the first asks the Immigration Department. */
export async function confirmAndVerify (officer, second, address, see = blind) {
  await second.goto(house.desk)
  await see(second, 'desk-home-cases')
  await second.goto(address)
  await see(second, 'desk-case-confirm')
  await press(second, 'form[action$="/confirm"] button.primary')
  await officer.waitForSelector('form[action$="/verify"]') // by itself
  await see(officer, 'desk-case-confirmed')
  await press(officer, 'form[action$="/verify"] button')
}

/** The desk shows a code, the phone scans it, the officer compares the numbers. */
export async function bind (officer, phone, see = blind) {
  await see(officer, 'desk-case-verified')
  await press(officer, 'form[action$="/offer"] button')
  await see(officer, 'desk-case-code')
  const address = await readQR(officer)
  assert.match(address, new RegExp(`^${house.portal}/bind#`))
  await phone.goto(address)
  assert.equal(new URL(phone.url()).hash, '', 'the token left the address')
  await see(phone, 'portal-bind-start', { once: true })
  await press(phone, 'form[data-bind] button')
  await officer.waitForSelector('form[action$="/number"]') // by itself
  assert.equal(await number(phone, '.code'), await number(officer))
  await see(officer, 'desk-case-number')
  await see(phone, 'portal-bind-number')
  await press(officer, 'form[action$="/number"] button')
  await phone.waitForSelector('#agree') // by itself
  return address
}

/** The resident agrees, makes the passkey that signs in, and goes to the approval origin. */
export async function agree (officer, phone, see = blind) {
  await see(officer, 'desk-case-agreement')
  await see(phone, 'portal-bind-agreement')
  if (see !== blind) {
    await press(phone, 'form#form .govuk-button')
    assert.match(await phone.textContent('.govuk-error-summary'), /Tick the box/)
    await see(phone, 'portal-bind-agreement-wrong')
  }
  await phone.check('#agree')
  await press(phone, 'form#form .govuk-button')
  await see(phone, 'portal-bind-passkey')
  await press(phone, 'form[data-passkey=create] button')
  await see(phone, 'portal-bind-signing')
  await press(phone, 'form:has(input[value=enrol]) button')
  await phone.waitForSelector('button.primary')
  assert.equal(new URL(phone.url()).origin, house.approve)
}

/** On the approval origin: the signing passkey, the officer's ticket, two answers, the certificate. */
export async function enrol (officer, phone, see = blind) {
  await see(phone, 'approve-enrol')
  await see(officer, 'desk-case-passkey')
  assert.equal(await number(phone, '.match .code'), await number(officer))
  await phone.click('button.primary')
  await ticket(officer, phone, see)
  await see(phone, 'approve-enrol-twice')
  await phone.click('button.primary')
  await issued(officer, phone, see)
}

/** The officer compares the number once more and signs the ticket. */
export async function ticket (officer, phone, see = blind) {
  await phone.waitForSelector('.waiting')
  await see(phone, 'approve-enrol-officer')
  await officer.waitForSelector('form[action$="/ticket"]') // by itself
  assert.equal(await number(phone, '.match .code'), await number(officer))
  await see(officer, 'desk-case-ticket')
  await press(officer, 'form[action$="/ticket"] button.primary')
  await phone.waitForSelector('button.primary') // by itself
}

/** Both screens say that it is done; the account is active. */
export async function issued (officer, phone, see = blind) {
  await phone.waitForSelector('.message.good') // by itself
  await see(phone, 'approve-enrol-done')
  await officer.waitForSelector('main .good') // by itself
  await see(officer, 'desk-case-done')
  await press(phone, 'main a.button')
  assert.equal(new URL(phone.url()).origin, house.portal)
  await phone.waitForSelector('main a.govuk-button[href="/sign-in"]')
  await see(phone, 'portal-bind-done')
}

// ---- Residents

/** Signs in with the passkey of this device, unless that was done before. */
export async function signIn (phone) {
  await phone.goto(`${house.portal}/sign-in`)
  if (new URL(phone.url()).pathname === '/sign-in') await press(phone, 'form[data-passkey=get] button')
  assert.equal(new URL(phone.url()).pathname, '/account')
}

export const send = 'form#form > .govuk-button, form#form .govuk-button-group .govuk-button'

/** Fills in the catalogue's form for a vehicle licence, with what the account holds and what it does not; more is what this one does not hold. */
export async function fillForm (page, see = blind, more = {}) {
  await page.goto(`${house.portal}/forms`)
  await see(page, 'portal-forms')
  await press(page, 'a[href="/forms/vehicle-licence"]')
  await see(page, 'portal-form')
  if (see !== blind) {
    await press(page, send)
    await see(page, 'portal-form-wrong')
  }
  await press(page, '[name=prefill]')
  const year = new Date().getFullYear() + 1
  const answers = {
    registrationMark: 'ZZ 1234', insurer: 'Example Insurance', policyNumber: 'P-2026-1', address: 'Flat A, 1/F, 12 Example Street, Kowloon',
    'expiry-day': '1', 'expiry-month': '2', 'expiry-year': String(year), 'insuredUntil-day': '1', 'insuredUntil-month': '2', 'insuredUntil-year': String(year)
  }
  for (const [name, value] of Object.entries({ ...answers, ...more })) await page.fill(`[name="${name}"]`, value)
  await page.check('[name=vehicleClass] >> nth=0')
  await page.check('[name=period] >> nth=1')
  await see(page, 'portal-form-filled', { once: true })
  await press(page, send)
  assert.equal(new URL(page.url()).pathname, '/to-sign', await page.locator('main').textContent())
}

/** Uploads a document of one's own. */
export async function upload (page, name, buffer) {
  await page.goto(`${house.portal}/upload`)
  await page.setInputFiles('#file', { name, mimeType: 'application/pdf', buffer })
  await page.selectOption('#kind', 'none')
  await press(page, send)
  assert.equal(new URL(page.url()).pathname, '/to-sign', await page.locator('main').textContent())
}

/** Asks for the approval on this device, and is on the approval origin. */
export async function askHere (page) {
  await page.goto(`${house.portal}/to-sign`)
  await press(page, 'button[value=here]')
  await page.waitForSelector('h1:not(.loading)')
  assert.equal(new URL(page.url()).origin, house.approve, await page.locator('main').textContent())
}

/** Scrolls through all that is to be signed; true once it can be. */
export function readAll (page) {
  const button = page.locator('button.sign')
  return until(page, 'the end of the document', async () => {
    if (await page.locator('.message.problem').count()) return false
    if (await button.isEnabled()) return true
    const jump = page.locator('.bar button')
    if (await jump.isVisible()) await jump.click({ timeout: 2000 }).catch(() => {}) // gone meanwhile: look again
    await page.mouse.wheel(0, 400)
  })
}

/** Reads and signs, on the approval origin. */
export async function approve (page) {
  assert.ok(await readAll(page), await page.locator('main').textContent())
  await page.click('button.sign')
  await page.waitForSelector('section.done')
}

/** Goes back from the approval origin to the signing, and waits until it is signed. */
export async function signed (page) {
  await press(page, 'main a.button')
  await page.waitForSelector('a[download]')
}

export const files = []
/** Downloads what was signed, as the person does. */
export async function download (page, signer, see = blind) {
  await see(page, 'portal-signed')
  const links = page.locator('main a[download]')
  const n = await links.count()
  for (let i = 0; i < n; i++) {
    const [saved] = await Promise.all([page.waitForEvent('download'), links.nth(i).click()])
    const name = `${files.length}-${saved.suggestedFilename()}`
    await saved.saveAs(`${house.out}/${name}`)
    files.push({ name, signer })
  }
  return n
}

// ---- Documents

/** A page of Latin text, with no font in it unless one is named that nobody has. */
export function document (title, font = 'Helvetica') {
  const content = `BT /F 20 Tf 60 760 Td (${title}) Tj ET`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [4 0 R] /Count 1 >>', `<< /Type /Font /Subtype /Type1 /BaseFont /${font} /Encoding /WinAnsiEncoding >>`,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F 3 0 R >> >> >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`
  ]
  let out = '%PDF-1.7\n'
  const at = objects.map((o, i) => {
    const here = out.length
    out += `${i + 1} 0 obj\n${o}\nendobj\n`
    return here
  })
  const xref = out.length
  out += `xref\n0 6\n0000000000 65535 f \n${at.map((n) => `${String(n).padStart(10, '0')} 00000 n \n`).join('')}`
  return Buffer.from(`${out}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`, 'latin1')
}
