// Looks at every page in three languages at three widths: axe-core finds no violation,
// nothing is wider than the screen, no console message, no request to anybody else.
// Screenshots land in a folder, to be looked at by a person.
//
//   node test/pages.mjs http://localhost:PORT FOLDER
//
// The server is that of TestPages in portal/browser_test.go, whose made-up people are in
// every state. Prints one line a finding, and exits with their number.
import { chromium } from 'playwright-core'
import { readFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { flags, patience, chromiumPath } from './browser.mjs'

const [base, folder] = process.argv.slice(2)
const full = '0199f000-0000-7000-8000-000000000001'
const lite = '0199f000-0000-7000-8000-000000000002'
const long = '0199f000-0000-7000-8000-000000000003'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const languages = (process.env.LANGUAGES || 'en,zh-Hant-HK,zh-Hans').split(',')
// CHOP_SWEEP=whole looks at all; otherwise at English in both widths, and at each other language in one of them, in turn.
const whole = process.env.CHOP_SWEEP === 'whole'
const widths = (process.env.WIDTHS || (whole ? '360,768,1280' : '360,1280')).split(',').map(Number)
const schemes = (process.env.SCHEMES || 'light').split(',')
mkdirSync(folder, { recursive: true })

// The page before may be going somewhere by itself at that moment, which ends what was asked for: then once more.
async function visit (page, path) {
  try {
    await page.goto(base + path)
  } catch (e) {
    if (!e.message.includes('ERR_ABORTED')) throw e
    await page.goto(base + path)
  }
}
const go = (path) => (page) => visit(page, path)
const press = (path, selector) => async (page) => {
  await page.goto(base + path)
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}
const stop = 'form#form > .govuk-button, form#form .govuk-button-group .govuk-button'
// Two documents wait to be signed, whether or not some do already.
const twoToSign = async (page) => {
  for (const [name, kind] of [['tenancy-agreement-for-the-shop-in-tsuen-wan-2026-final-version-signed-copy.pdf', 'stampable-instrument'], ['租約.pdf', 'stampable-instrument']]) {
    await page.goto(base + '/upload')
    await page.setInputFiles('#file', { name, mimeType: 'application/pdf', buffer: Buffer.from(readFileSync(process.env.SAMPLE)) })
    await page.selectOption('#kind', kind)
    await Promise.all([page.waitForNavigation(), page.click(stop)])
  }
}
// name, who, what to do
const pages = [
  ['home', null, go('/')], ['sign-in', null, go('/sign-in')], ['sign-in-expired', null, go('/sign-in?why=expired')],
  ['link-computer', null, press('/sign-in', 'form[action="/sign-in/phone"] button')],
  ['bind-start', null, go('/bind#token')], ['bind-start-none', null, go('/bind')], ['lost', null, go('/lost')], ['stop', null, go('/stop/xxxx')],
  ['lost-wrong', null, async (page) => { await page.goto(base + '/lost'); await page.fill('#code', '1'); await Promise.all([page.waitForNavigation(), page.click(stop)]) }],
  ['accessibility', null, go('/accessibility')], ['privacy', null, go('/privacy')], ['terms', null, go('/terms')], ['upgrade', null, go('/upgrade')], ['places', null, go('/places')], ['places-sha-tin', null, go('/places/sha-tin')],
  ['register', null, async (page) => { await page.context().clearCookies({ name: 'chop-register' }); await page.goto(base + '/register') }],
  ['register-wrong', null, async (page) => { await page.context().clearCookies({ name: 'chop-register' }); await press('/register', stop)(page) }],
  ['register-photo', null, go('/test/register/noticed')],
  ['register-photo-wrong', null, async (page) => { await page.goto(base + '/test/register/noticed'); await Promise.all([page.waitForNavigation(), page.evaluate(() => document.querySelector('[data-file]').submit())]) }],
  ['register-card', null, go('/test/register/pictured')],
  ['register-card-wrong', null, async (page) => { await page.goto(base + '/test/register/pictured'); for (const id of ['#number', '#surname', '#issued-day']) await page.fill(id, ''); await Promise.all([page.waitForNavigation(), page.click(stop)]) }],
  ['register-face', null, go('/test/register/entered')],
  ['register-checking', null, go('/test/register/faced')], ['register-waiting', null, go('/test/register/faced?waiting=immigration')],
  ['register-referred', null, go('/test/register/referred')], ['register-passkey', null, go('/test/register/verified')], ['register-done', null, go('/test/register/done')],
  ...['registered', 'face', 'too-young', 'expired', 'cancelled'].map((s) => ['register-end-' + s, null, go('/test/register/refused?outcome=' + s)]),
  ['missing', null, go('/nothing-here')], ['code-gone', null, go('/link/xxxx')], ['elsewhere', null, go('/signed')],
  ['home-in', full, go('/')], ['account', full, go('/account')], ['account-linked', full + '/linked', go('/account')], ['account-lite', lite, go('/account')], ['account-long', long, go('/account')],
  ['activity', full, go('/account/activity')], ['activity-none', long, go('/account/activity')], ['contact', full, go('/account/contact')],
  ['contact-wrong', full, async (page) => { await page.goto(base + '/account/contact'); await page.fill('#email', 'nobody'); await Promise.all([page.waitForNavigation(), page.click(stop)]) }],
  ['suspend', full, go('/account/suspend')], ['close', full, go('/account/close')], ['close-wrong', full, press('/account/close', stop)], ['code', full, go('/account/code')], ['code-new', full, press('/account/code', stop)],
  ['inbox', full, go('/inbox')], ['inbox-none', lite, go('/inbox')], ['forms', full, go('/forms')], ['forms-none', full, go('/forms?q=qqqq')], ['forms-lite', lite, go('/forms')],
  ['upload', full, go('/upload')], ['upload-wrong', full, press('/upload', stop)], ['to-sign-none', long, go('/to-sign')],
  ['signings', full, go('/signings')], ['signings-none', lite, go('/signings')], ['receipt', full, go('/signings/signed/receipt')],
  ...['prepared', 'waiting', 'approved', 'signed', 'declined', 'expired', 'failed', 'cancelled'].map((s) => ['signing-' + s, full, go('/signings/' + s)]),
  ['signing-waiting-linked', full + '/linked', go('/signings/waiting')],
  ['form', full, async (page) => { await page.goto(base + '/forms'); await Promise.all([page.waitForNavigation(), page.click('.row__name a')]) }],
  ['form-wrong', full, async (page) => { await page.goto(base + '/forms'); await Promise.all([page.waitForNavigation(), page.click('.row__name a')]); await Promise.all([page.waitForNavigation(), page.click(stop)]) }],
  ['form-filled', full, async (page) => { await page.goto(base + '/forms'); await Promise.all([page.waitForNavigation(), page.click('.row__name a')]); await Promise.all([page.waitForNavigation(), page.click('[name=prefill]')]) }],
  ['to-sign', full, twoToSign],
  ['to-sign-wrong', full, async (page) => { await twoToSign(page); await press('/to-sign', '.govuk-button-group .govuk-button')(page) }],
  ['to-sign-lite', lite, async (page) => {
    await page.goto(base + '/upload')
    await page.setInputFiles('#file', { name: 'a.pdf', mimeType: 'application/pdf', buffer: Buffer.from(readFileSync(process.env.SAMPLE)) })
    await page.selectOption('#kind', 'none')
    await Promise.all([page.waitForNavigation(), page.click(stop)])
  }],
  ...['scanned', 'bound', 'accepted', 'enrolling', 'made', 'issued', 'done', 'ended'].map((s) => ['bind-' + s, null, go('/test/phone/' + s)])
]

const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
const findings = []
const only = process.env.ONLY ? new RegExp(process.env.ONLY) : /./
let looked = 0
for (const scheme of schemes) {
  for (const language of languages) {
    const context = await browser.newContext({ viewport: { width: widths[0], height: 800 }, colorScheme: scheme, locale: language === 'en' ? 'en' : language === 'zh-Hans' ? 'zh-CN' : 'zh-HK', reducedMotion: 'reduce', bypassCSP: false })
    context.setDefaultTimeout(patience)
    await context.addCookies([{ name: 'chop-language', value: language, url: base }])
    const page = await context.newPage()
    const cdp = await context.newCDPSession(page)
    let name, width
    const say = (what) => { const line = `${name} ${language} ${width} ${scheme}: ${what}`; findings.push(line); console.log(line) }
    page.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !/status of 4\d\d/.test(m.text())) say('console: ' + m.text()) })
    page.on('pageerror', (e) => say('script: ' + e.message))
    page.on('request', (r) => { if (!r.url().startsWith(base) && !r.url().startsWith('data:')) say('asks ' + r.url()) })
    let present
    for (const [n, [title, who, act]] of pages.entries()) {
      if (!only.test(title)) continue
      // A page is fetched once, at its first width, and then made wider as a window is.
      const mine = whole || language === 'en' ? widths : [widths[(n + languages.indexOf(language)) % widths.length]]
      name = title
      width = mine[0]
      try {
        await page.setViewportSize({ width, height: 800 })
        if (present !== who) {
          if (who === null) await context.clearCookies({ name: 'chop' })
          else await visit(page, '/test/enter/' + (who.includes('/') ? who : who + '/device'))
          present = who
        }
        await act(page)
        for (width of mine) {
          await page.setViewportSize({ width, height: 800 })
          await look(page, cdp, say)
          const shot = { path: `${folder}/${title}-${language}-${width}${scheme === 'light' ? '' : '-' + scheme}.png`, fullPage: true }
          await page.screenshot({ ...shot, timeout: 60000 }).catch(() => page.screenshot(shot)) // Chromium may wait for a frame that never comes
          looked++
        }
      } catch (e) {
        say('broken: ' + e.message.split('\n')[0])
      }
    }
    await context.close()
  }
}
await browser.close()
console.log(`${pages.length} pages, ${looked} views, ${findings.length} findings`)
process.exit(findings.length ? 1 : 0)

async function look (page, cdp, say) {
  await page.evaluate(() => document.fonts.ready)
  const wide = await page.evaluate(() => {
    const most = document.documentElement.clientWidth
    const out = []
    for (const e of document.querySelectorAll('body *')) {
      const box = e.getBoundingClientRect()
      if (box.width && box.right > most + 1 && !e.closest('.govuk-visually-hidden') && getComputedStyle(e).position !== 'absolute') out.push(e.tagName + '.' + e.className)
    }
    return document.documentElement.scrollWidth > most ? ['page'].concat(out.slice(0, 3)) : out.slice(0, 3)
  })
  if (wide.length) say('wider than the screen: ' + wide.join(', '))
  const small = await page.evaluate(() => [...document.querySelectorAll('a, button')].filter((e) => {
    const b = e.getBoundingClientRect()
    return b.width > 0 && b.height < 24 && !e.closest('p, li, .govuk-visually-hidden, .govuk-summary-list') && !e.classList.contains('govuk-skip-link') && !e.classList.contains('govuk-visually-hidden')
  }).map((e) => e.textContent.trim().slice(0, 30)))
  if (small.length) say('too small to touch: ' + small.join(', '))
  // The page's policy stays as it is: axe comes by the debugger, once a document.
  if (!await page.evaluate(() => Boolean(globalThis.axe))) await cdp.send('Runtime.evaluate', { expression: axe })
  const { result } = await cdp.send('Runtime.evaluate', {
    expression: "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.slice(0,2).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message || n.all[0]?.message || n.none[0]?.message || '')).join(' | '))))",
    awaitPromise: true, returnByValue: true
  })
  for (const v of JSON.parse(result.value || '["axe did not run"]')) say('axe: ' + v)
}
