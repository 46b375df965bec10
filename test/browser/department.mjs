// A department's day at its desk, in order; see department_test.go. It stops at the first thing that is not as it should
// be, and says at its end what was wrong to the eye.
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { chop, close, device, house, problems, secrets, step, testify, until } from './house.mjs'
import { findings, look, looked } from './eyes.mjs'
import { press } from './people.mjs'

const widths = [360, 768, 1280]

try {
  await story()
} catch (e) {
  console.log(e.stack)
  console.log(findings.join('\n'), problems.join('\n'))
  await testify()
  process.exitCode = 1
}
await close()

/** An operator comes with the client certificate, makes a passkey, and is admitted. */
async function operator (id, department, name, roles, locale, see = async () => {}) {
  const file = `${house.out}/${id}.p12`
  const made = chop('department operator add', '--id', id, '--department', department, '--name', name, ...roles.flatMap((r) => ['--role', r]), '--out', file)
  assert.equal(made.desk, house.department)
  const page = await device(id, { width: 1280, touch: false, locale, certificate: { origin: house.department, pfxPath: file, passphrase: made.password } })
  page.widths = widths
  await page.goto(house.department)
  assert.equal(new URL(page.url()).pathname, '/passkey')
  await see(page, 'department-passkey')
  await press(page, 'form[data-create] button.primary')
  await page.waitForSelector('h1')
  await see(page, 'department-enrolled')
  chop('department operator admit', '--id', id)
  await page.goto(house.department)
  assert.equal(new URL(page.url()).pathname, '/')
  return page
}

async function story () {
  const chan = await operator('chan', 'transport', 'CHAN Tai Man 陳大文', ['sealer', 'verifier'], 'en-HK', look)
  const wong = await operator('wong', 'transport', 'WONG Siu Ling', ['approver', 'sealer'], 'en-HK')
  const ho = await operator('ho', 'lands', 'HO Ka Yan', ['sealer', 'approver'], 'en-HK')
  step('three operators of two departments')
  await look(chan, 'department-home-empty')

  await received(chan)
  const address = await asked(chan)
  await decided(chan, wong, ho, address)
  await refused(wong)

  assert.deepEqual(problems, [])
  assert.deepEqual(findings, [])
  step(`${looked.size} pages looked at`)
  writeFileSync(`${house.out}/outcome.json`, JSON.stringify({ files: [], secrets: [...secrets] }))
}

/** A hundred files in the table: verdicts, filters, the highlighted change, three languages. */
async function received (page) {
  const want = JSON.parse(house.want)
  await page.goto(house.department + '/verify/many')
  await page.setInputFiles('#files', readdirSync(house.received).map((n) => `${house.received}/${n}`))
  await page.waitForFunction(() => document.querySelectorAll('#rows tr[data-state=done]').length === 100)
  const got = await page.$$eval('#rows tbody tr', (list) => Object.fromEntries(list.map((tr) => [tr.querySelector('.open').textContent, tr.dataset.verdict])))
  assert.deepEqual(Object.fromEntries(Object.entries(got).sort()), Object.fromEntries(Object.entries(want).sort()))
  const count = (verdict) => Object.values(want).filter((v) => v === verdict).length
  for (const verdict of ['valid', 'changed', 'invalid', 'undecided', 'unsigned', 'unreadable']) {
    await page.click(`[data-filter=${verdict}]`)
    assert.equal(await page.locator('#rows tbody tr:not([hidden])').count(), count(verdict), verdict)
  }
  step('a hundred files have their verdicts, and the filters find them')
  for (const [language, word] of [['zh-Hant-HK', '第 2 頁：內容被更改'], ['zh-Hans', '第 2 页：内容被更改'], ['en', 'Page 2: the content was changed']]) {
    await press(page, `.languages a[lang=${language}]`)
    assert.equal(await page.locator('#rows tbody tr[data-state=done]').count(), 100, language)
    await page.click('[data-filter=changed]')
    await page.click('#rows tr[data-verdict=changed] .open')
    assert.equal(await page.textContent('#rows .hatched li'), word)
    await look(page, 'department-many', { once: true })
  }
  // One on a page: what the signature covers, and where the change is.
  const one = await page.context().newPage()
  await one.goto(house.department + '/verify')
  await one.setInputFiles('#document', `${house.received}/amended-00.pdf`)
  await press(one, 'button.primary')
  assert.equal(await one.getAttribute('.verdict', 'class'), 'verdict verdict--changed')
  assert.equal(await one.locator('.sheets rect.changed').count(), 1)
  await one.close()
  step('the change is highlighted, in three languages')
}

/** A sealer brings forty letters, and asks. */
async function asked (chan) {
  await chan.goto(house.department)
  await press(chan, 'a[href="/batches/new"]')
  await look(chan, 'department-new')
  await chan.fill('#reason', 'Licence renewals 續牌通知')
  await chan.selectOption('#level', 'B-T')
  await press(chan, 'form[action="/batches"] button.primary')
  await look(chan, 'department-draft-empty')
  await Promise.all([chan.waitForNavigation(), chan.setInputFiles('#documents', readdirSync(house.letters).map((n) => `${house.letters}/${n}`))])
  assert.equal(await chan.locator('[data-document]').count(), 40)
  await look(chan, 'department-draft')
  // The same again changes nothing; another of the same name is refused, and said so.
  await Promise.all([chan.waitForNavigation(), chan.setInputFiles('#documents', `${house.letters}/${readdirSync(house.letters)[0]}`)])
  assert.equal(await chan.locator('[data-document]').count(), 40)
  await chan.setInputFiles('#documents', { name: readdirSync(house.letters)[0], mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 another') })
  await chan.waitForSelector('#lost:not([hidden]) li')
  await look(chan, 'department-draft-refused', { once: true })
  await chan.reload()
  await press(chan, 'form[action$="/ask"] button.primary')
  await chan.waitForSelector('[data-state=asked]')
  await look(chan, 'department-asked')
  step('a sealer asks for the seal on forty letters')
  return chan.url()
}

/** Another operator approves; the server is killed while it seals, and goes on. */
async function decided (chan, wong, ho, address) {
  assert.equal(await chan.locator('form[action$="/approve"]').count(), 0, 'whoever asks is not asked to approve')
  assert.equal((await ho.goto(address)).status(), 404, 'another department finds nothing')
  await look(ho, 'department-unknown', { once: true })
  await wong.goto(house.department)
  await look(wong, 'department-home')
  await wong.goto(address)
  await look(wong, 'department-decide')
  const download = wong.waitForEvent('download')
  await wong.click('[data-document="1"] a')
  assert.ok(readdirSync(house.letters).includes((await download).suggestedFilename()))
  await press(wong, 'form[action$="/approve"] button.primary')
  await wong.waitForSelector('[data-state=approved], [data-state=done]')
  await until(wong, 'the first sealed letters', async () => {
    const now = await wong.evaluate((a) => fetch(a + '/progress').then((r) => r.json()), address)
    return now.sealed > 2 ? true : undefined
  })
  await wong.route('**/progress', () => {}) // no answer: a page that leaves in the middle of its picture gives none
  await look(wong, 'department-sealing', { once: true })
  await wong.unroute('**/progress')
  await fetch(house.hands + '/kill', { method: 'POST' })
  step('the server was killed while it sealed')
  await until(chan, 'the batch to be done', async () => {
    const now = await chan.evaluate((a) => fetch(a + '/progress').then((r) => r.json()), address).catch(() => ({})) // the page may leave, too
    return now.state === 'done' ? true : undefined
  }, 1000)
  await chan.goto(address)
  assert.equal(await chan.locator('.state--sealed').count(), 40)
  await look(chan, 'department-done')
  const [zip] = await Promise.all([chan.waitForEvent('download'), chan.click('a[href$="/sealed.zip"]')])
  await zip.saveAs(`${house.out}/sealed.zip`)
  step('forty letters are sealed, and taken away')
}

/** Who was removed is refused at once. */
async function refused (wong) {
  chop('department operator remove', '--id', 'wong', '--reason', 'left the department')
  assert.equal((await wong.goto(house.department)).status(), 403)
  assert.equal((await wong.goto(house.department + '/verify')).status(), 403)
}
