// How long people wait at a kiosk, from a card that is put in to its data on the screen, over many cards; see TestRegistrationSpeed. What it
// prints says as much of the machine as of us, and pcscd looks at a virtual reader every 400 ms: so there is one row from the moment in which
// pcscd told the agent, which a reader with an interrupt does at once.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { close, house, problems, step, testify } from './house.mjs'
import * as kiosk from './kiosk.mjs'

const n = process.env.CHOP_SWEEP === 'whole' ? 50 : 5
try {
  const page = await kiosk.kiosk()
  const all = []
  for (let i = 0; i < n; i++) {
    await kiosk.shows(page, 'start')
    await page.waitForTimeout(400 * Math.random()) // at any moment of pcscd's looking
    all.push(await kiosk.inserted(page, 2))
    await page.click('form[action="/end"] button')
    await kiosk.remove()
  }
  for (const [since, words] of [['put', 'from card in'], ['told', 'from pcscd’s word']]) {
    const sorted = all.map((one) => one[since]).sort((a, b) => a - b)
    const at = (share) => sorted[Math.ceil(share * n) - 1]
    step(`${n} cards, ${words} to data on the screen, ms: p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`)
  }
  assert.ok(all.every((one) => one.told > 0), JSON.stringify(all))
  assert.deepEqual(problems, [])
  writeFileSync(`${house.out}/outcome.json`, '{}')
} catch (e) {
  console.log(e.stack)
  await testify()
  process.exitCode = 1
}
await close()
