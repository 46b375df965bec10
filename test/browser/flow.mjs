// The story of a few days, in order; see browser_test.go. It stops at the first thing that
// is not as it should be, and says at its end what was wrong to the eye.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { asked, bodies, chop, close, device, house, problems, secrets, step, testify } from './house.mjs'
import { findings, look, looked } from './eyes.mjs'
import * as counter from './counter.mjs'
import * as signing from './signing.mjs'
import * as stopping from './stopping.mjs'
import * as states from './states.mjs'
import { appoint, files, signOn } from './people.mjs'

try {
  await story()
} catch (e) {
  console.log(e.stack)
  console.log(findings.join('\n'), problems.join('\n'))
  await testify()
  process.exitCode = 1
}
await close()

async function story () {
  const officers = {
    wong: await appoint('wong', 'WONG Siu Ling', '100001', ['counter'], 'en-HK', look),
    leung: await appoint('leung', 'LEUNG Ka Yan', '100002', ['counter'], 'zh-HK', look),
    ho: await appoint('ho', 'HO Tsz Ching', '100003', ['hotline', 'supervisor'], 'zh-CN', look)
  }
  chop('officer pin')
  await signOn(officers.wong, null, look)
  await signOn(officers.leung)
  await signOn(officers.ho, 'hotline', look)
  step('three officers are appointed, and on shift')

  const phone = await counter.opens(officers)
  const second = await counter.losesConnection(officers)
  await counter.refuses(officers)

  await signing.onOneDevice(phone)
  const computer = await signing.acrossTwo(phone)
  await signing.threeAtOnce(phone)
  await signing.losesConnection(phone, second)
  await states.approval(phone)

  await stopping.hotline(officers, phone, computer)
  await stopping.desk(officers)

  hybrid()
  secret()
  assert.deepEqual(problems, [])
  assert.deepEqual(findings, [])
  step(`${looked.size} pages looked at, ${files.length} files signed`)
  writeFileSync(`${house.out}/outcome.json`, JSON.stringify({ files, secrets: [...secrets] }))
}

/** Signing in leaves the browser every way to a passkey, a phone nearby included, and asks for no secret. */
function hybrid () {
  const there = asked.filter((a) => a.origin === house.portal && a.act === 'get')
  assert.ok(there.length > 3)
  for (const a of there) {
    assert.deepEqual({ rp: a.rp, hints: a.hints, transports: a.transports, prf: a.prf, verification: a.verification },
      { rp: 'localhost', hints: ['client-device', 'hybrid'], transports: [], prf: false, verification: 'required' })
  }
  const approvals = asked.filter((a) => a.origin === house.approve && a.act === 'get')
  assert.ok(approvals.length > 8)
  for (const a of approvals) assert.deepEqual({ rp: a.rp, transports: a.transports, prf: a.prf, verification: a.verification }, { rp: 'approve.localhost', transports: [[]], prf: true, verification: 'required' })
}

/** s left no browser, in no form in which bytes are written. */
function secret () {
  assert.equal(secrets.size, 2, 'one a resident')
  const approvals = bodies.filter((b) => /\/approve$/.test(b.url) && b.body.length > 0)
  assert.ok(approvals.length > 5, 'approvals were recorded')
  assert.ok(bodies.some((b) => b.body.includes('ciphertext')), 'and can be searched')
  for (const hex of secrets) {
    const s = Buffer.from(hex, 'hex')
    assert.equal(s.length, 32)
    const forms = [s, hex, hex.toUpperCase(), s.toString('base64').slice(0, 40), s.toString('base64url').slice(0, 40), JSON.stringify([...s]).slice(1, -1)]
    for (const { url, body } of bodies) {
      for (const form of forms) assert.ok(!body.includes(form) && !url.includes(String(form)), `s is in what was sent to ${url}`)
    }
  }
}
