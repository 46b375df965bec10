// Looks at the pages for those who receive signed documents: one document with and without script, a hundred in the
// table, a lost connection, filters, downloads, three languages, axe-core at 360 and 1280 px.
//
//   WANT='{"name": "verdict"}' node test/verify.mjs http://localhost:PORT SCREENSHOTS FILES
//
// Prints one line a finding, and exits with their number.
import { chromium } from 'playwright-core'
import { readFileSync, readdirSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { flags, patience, chromiumPath } from './browser.mjs'

const [base, folder, files] = process.argv.slice(2)
const want = JSON.parse(process.env.WANT)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync(folder, { recursive: true })
const findings = []
let name = ''
const say = (what) => { findings.push(what); console.log(name + ': ' + what) }
const same = (got, wanted, what) => { if (JSON.stringify(got) !== JSON.stringify(wanted)) say(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(wanted)}`) }
const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })

async function open (language, width, more = {}) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: 'light', reducedMotion: 'reduce', ...more })
  context.setDefaultTimeout(patience)
  await context.addCookies([{ name: 'chop-language', value: language, url: base }])
  const page = await context.newPage()
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !/status of 4\d\d|ERR_FAILED/.test(m.text())) say('console: ' + m.text()) })
  page.on('pageerror', (e) => say('script: ' + e.message))
  page.on('request', (r) => { if (!r.url().startsWith(base) && !/^(data|blob):/.test(r.url())) say('asks ' + r.url()) })
  return page
}

async function look (page, title) {
  const width = page.viewportSize().width
  name = `${title} ${width}`
  await page.evaluate(() => document.fonts.ready)
  const wide = await page.evaluate(() => {
    const most = document.documentElement.clientWidth
    return document.documentElement.scrollWidth > most ? [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1).slice(0, 3).map((e) => e.tagName + '.' + (e.className.baseVal ?? e.className)) : []
  })
  if (wide.length) say('wider than the screen: ' + wide.join(', '))
  // In a world of its own, so that the page's policy stays as it is.
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Runtime.evaluate', { expression: axe })
  const { result } = await cdp.send('Runtime.evaluate', {
    expression: "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.slice(0,2).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message || n.all[0]?.message || n.none[0]?.message || '')).join(' | '))))",
    awaitPromise: true, returnByValue: true
  })
  for (const v of JSON.parse(result.value || '["axe did not run"]')) say('axe: ' + v)
  await cdp.detach()
  await page.screenshot({ path: `${folder}/verify-${title}-${width}.png`, fullPage: !/^many-(en|lost|zh)/.test(title) })
}

const first = (verdict, ext) => files + '/' + Object.keys(want).find((n) => want[n] === verdict && n.endsWith(ext))

async function check (page, verdict, ext) {
  await page.goto(base + '/verify')
  await page.setInputFiles('#document', first(verdict, ext))
  await page.selectOption('#kind', 'other')
  await Promise.all([page.waitForNavigation(), page.click('button.primary')])
  same(await page.getAttribute('.verdict', 'class'), 'verdict verdict--' + verdict, 'verdict')
}

try {
  // One document: every verdict in English on a phone and on a desk; the change in all languages, without the file.
  for (const width of [360, 1280]) {
    const page = await open('en', width)
    await page.goto(base + '/verify')
    await look(page, 'ask-en')
    for (const verdict of ['valid', 'changed', 'invalid', 'undecided', 'unsigned']) {
      await check(page, verdict, '.pdf')
      if (width === 1280 || ['valid', 'changed'].includes(verdict)) await look(page, verdict + '-en')
    }
    await check(page, 'changed', '.pdf')
    same(await page.$$eval('.marked mark', (list) => list.map((e) => e.textContent)), ['Page 2 the content was changed'], 'highlighted')
    same(await page.$$eval('.sheets rect.changed', (list) => list.map((e) => Number(e.getAttribute('y')))), [142], 'place of the change')
    for (const [language, words] of [['zh-Hant-HK', '所顯示的並非所簽署的內容'], ['zh-Hans', '所显示的并非所签署的内容']]) {
      await Promise.all([page.waitForNavigation(), page.click(`button[value=${language}]`)])
      same(await page.textContent('h1'), words, 'verdict in ' + language)
      if ((width === 360) === (language === 'zh-Hans')) await look(page, 'changed-' + language)
    }
    await page.context().close()
  }
  const bare = await open('en', 360, { javaScriptEnabled: false })
  name = 'without script'
  await check(bare, 'valid', '.xml')
  await bare.goto(base + '/verify')
  await Promise.all([bare.waitForNavigation(), bare.evaluate(() => 0).catch(() => 0), bare.locator('form.ask').evaluate((f) => { f.noValidate = true; f.submit() })])
  same(await bare.getAttribute('.summary', 'role'), 'alert', 'no file')
  await look(await (async () => { const p = await open('en', 360); await p.goto(base + '/verify'); await Promise.all([p.waitForNavigation(), p.locator('form.ask').evaluate((f) => f.submit())]); return p })(), 'wrong-en')

  // A hundred, with a connection that breaks once.
  name = 'many'
  const page = await open('en', 1280, { acceptDownloads: true })
  let sent = 0
  let broken = false
  await page.route('**/verify/files', (route) => (++sent > 40 && !broken) ? route.abort() : route.continue())
  await page.goto(base + '/verify/many')
  await look(page, 'many-empty-en')
  await page.setInputFiles('#files', readdirSync(files).map((n) => files + '/' + n))
  await page.waitForSelector('#lost:not([hidden])')
  await page.waitForFunction(() => !document.querySelector('#rows tr[data-state=sending]'))
  await look(page, 'many-lost-en')
  const before = await page.locator('#rows tr[data-state=done]').count()
  same([before > 0, before <= 40], [true, true], 'checked before the connection broke')
  broken = true
  await page.click('#resume')
  await page.waitForFunction(() => document.querySelectorAll('#rows tr[data-state=done]').length === 100)
  const got = await page.$$eval('#rows tbody tr', (list) => Object.fromEntries(list.map((tr) => [tr.querySelector('.open').textContent, tr.dataset.verdict])))
  for (const n of Object.keys(want)) if (got[n] !== want[n]) say(`${n} is ${got[n]}, want ${want[n]}`)
  same(Object.keys(got).length, 100, 'rows')
  const count = (verdict) => Object.values(want).filter((v) => v === verdict).length
  for (const verdict of ['valid', 'changed', 'invalid', 'undecided', 'unsigned', 'unreadable']) {
    await page.click(`[data-filter=${verdict}]`)
    same(await page.locator('#rows tbody tr:not([hidden])').count(), count(verdict), 'filter ' + verdict)
  }
  await page.click('[data-filter=all]')
  await page.fill('#search', 'wong siu')
  same(await page.locator('#rows tbody tr:not([hidden])').count(), count('undecided'), 'search for a signer')
  await page.fill('#search', '')
  // By keyboard: j goes down, Enter opens; the change is highlighted.
  await page.focus('.rows')
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  await page.keyboard.press('Enter')
  same(await page.getAttribute('#rows tbody tr:first-child .open', 'aria-expanded'), 'true', 'opened by keyboard')
  await page.click('#rows tr[data-verdict=changed] .open')
  same(await page.textContent('#rows .hatched li'), 'Page 2: the content was changed', 'highlighted in the table')
  await look(page, 'many-en')
  for (const [id, parse] of [['csv', (s) => s.trim().split('\r\n').length - 1], ['json', (s) => JSON.parse(s).length]]) {
    const [file] = await Promise.all([page.waitForEvent('download'), page.click('#' + id)])
    same(parse(readFileSync(await file.path(), 'utf8')), 100, id)
  }
  for (const [language, width, word] of [['zh-Hant-HK', 360, '簽署後曾更改'], ['zh-Hans', 1280, '签署后曾更改']]) {
    await page.setViewportSize({ width, height: 800 })
    await Promise.all([page.waitForNavigation(), page.click(`.languages a[lang=${language}]`)])
    same(await page.locator('#rows tbody tr[data-state=done]').count(), 100, 'rows in ' + language)
    same(await page.textContent('#rows tr[data-verdict=changed] .word'), word, 'word')
    await page.click('[data-filter=changed]')
    await page.click('#rows tr[data-verdict=changed] .open')
    await look(page, 'many-' + language)
  }
  same(await page.evaluate(() => sessionStorage.length), 0, 'left in the tab')
} catch (e) {
  say('broken: ' + e.message.split('\n').slice(0, 3).join(' '))
}
await browser.close()
console.log(findings.length ? `${findings.length} findings` : 'no findings')
process.exit(Math.min(findings.length, 100))
