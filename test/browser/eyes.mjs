// Looks at a page as it is, in the three languages and at two widths: axe-core finds no
// violation, nothing is wider than the screen, and a screenshot lands in the folder, to be
// looked at by a person. CHOP_SWEEP=whole takes every language at every width; otherwise
// English at both, and each of the others at one, in turn; none looks at nothing, for whoever
// works on the story.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { faces, house, shown } from './house.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const languages = ['en', 'zh-Hant-HK', 'zh-Hans']
const usual = [360, 1280]
const sweep = process.env.CHOP_SWEEP
const whole = sweep === 'whole'
mkdirSync(house.shots, { recursive: true })

/** What is wrong, one line each. */
export const findings = []
export const looked = new Set()

/** How a site is put into another language. A page that a form answered is asked for again, with its form. */
const ways = {
  [house.portal]: async (page, language) => {
    await page.context().addCookies([{ name: 'chop-language', value: language, url: house.portal }])
    await page.reload()
  },
  [house.desk]: async (page, language) => {
    await page.context().addCookies([{ name: 'desk-language', value: language, url: house.desk, secure: true }])
    await page.reload()
  },
  [house.kiosk]: async (page, language) => {
    await page.context().addCookies([{ name: '__Host-kiosk-language', value: language, url: house.kiosk + '/', secure: true, httpOnly: true, sameSite: 'Strict' }])
    await page.reload()
  },
  [house.department]: async (page, language) => {
    await page.context().addCookies([{ name: 'chop-language', value: language, url: house.department, secure: true }])
    await page.reload()
  },
  [house.approve]: (page, language) => page.evaluate((l) => document.querySelector(`.languages button[lang="${l}"]`).click(), language)
}

/** Puts a page into a language. */
export const speak = (page, language) => ways[new URL(page.url()).origin](page, language)

/**
 * Looks at the page. once: it cannot be asked for again, so it is looked at in the
 * language that it has. The page is left in English. A kiosk has one width, a tablet that of its officer.
 */
export async function look (page, name, { once = false } = {}) {
  if (sweep === 'none') return
  const before = page.viewportSize()
  const turn = looked.size
  const widths = new URL(page.url()).origin === house.kiosk ? [1080] : page.widths ?? usual
  looked.add(name)
  let spoken = await page.evaluate(() => document.documentElement.lang)
  const order = once ? [spoken] : [...languages.filter((l) => l !== spoken), spoken]
  for (const language of order) {
    if (language !== spoken) {
      await speak(page, language)
      spoken = await page.evaluate(() => document.documentElement.lang)
      if (spoken !== language) findings.push(`${name}: is in ${spoken}, not in ${language}`)
    }
    for (const [i, width] of widths.entries()) {
      if (!whole && !once && language !== 'en' && (turn + languages.indexOf(language)) % widths.length !== i) continue
      await page.setViewportSize({ width, height: before.height })
      await see(page, name, language, width)
    }
  }
  if (spoken !== order.at(-1)) await speak(page, order.at(-1))
  await page.setViewportSize(before)
}

async function see (page, name, language, width) {
  await shown(page)
  await page.evaluate(() => document.fonts.ready)
  const wide = await page.evaluate(() => {
    const most = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= most) return ''
    const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1)
    return out.slice(0, 3).map((e) => `${e.tagName}.${e.className}`).join(', ') || 'the page'
  })
  if (wide) findings.push(`${name} ${language} ${width}: wider than the screen: ${wide}`)
  for (const violation of await judge(page)) findings.push(`${name} ${language} ${width}: ${violation}`)
  await page.screenshot({ path: `${house.shots}/${name}-${language}-${width}.png`, fullPage: true, mask: faces(page) })
}

/** Runs axe-core in a world of its own, so that the page's policy stays as it is. */
async function judge (page) {
  const cdp = page.cdp // the one that has the passkeys: they end with the first session that is detached
  const { frameTree } = await cdp.send('Page.getFrameTree')
  const { executionContextId: contextId } = await cdp.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' })
  await cdp.send('Runtime.evaluate', { expression: axe, contextId })
  const { result } = await cdp.send('Runtime.evaluate', {
    expression: `axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      .then((r) => JSON.stringify(r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 2).map((n) => n.target.join(' ') + ' ' + ((n.any[0] || n.all[0] || n.none[0] || {}).message || '')).join(' | '))))`,
    contextId, awaitPromise: true, returnByValue: true
  })
  return JSON.parse(result.value ?? `["axe did not run: ${result.description}"]`)
}
