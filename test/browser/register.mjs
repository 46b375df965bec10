// The ways to an account, in order; see registration_test.go. It stops at the first thing that is not as it
// should be, and says at its end what was wrong to the eye.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { chop, close, house, problems, secrets, step, testify } from './house.mjs'
import { findings, looked } from './eyes.mjs'
import * as kiosk from './kiosk.mjs'
import * as remote from './remote.mjs'
import * as tablet from './tablet.mjs'
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
  const kwok = await appoint('kwok', 'KWOK Ming Wai', '100004', ['reviewer'], 'en-HK')
  const wong = await appoint('wong', 'WONG Siu Ling', '100001', ['counter'], 'en-HK', undefined, 768)
  const leung = await appoint('leung', 'LEUNG Ka Yan', '100002', ['counter'], 'en-HK')
  chop('officer pin')
  for (const officer of [kwok, wong, leung]) await signOn(officer)
  step('three officers are on shift')

  const phone = await remote.lite()
  await remote.decided(kwok)
  const screen = await kiosk.kiosk()
  const old = await kiosk.full(screen)
  await kiosk.upgrade(screen, phone)
  await kiosk.refuses(screen)
  await tablet.chip(wong)
  await tablet.another(wong, leung, old)
  await tablet.search(kwok)

  assert.deepEqual(problems, [])
  assert.deepEqual(findings, [])
  step(`${looked.size} pages looked at, ${files.length} files signed`)
  writeFileSync(`${house.out}/outcome.json`, JSON.stringify({ files, secrets: [...secrets] }))
}
