// Draws the icons of the installed site from the mark. Run by hand when the mark changes:
//   node test/icons.mjs
import { chromium } from 'playwright-core'
import { readFileSync } from 'node:fs'
import { flags, chromiumPath } from './browser.mjs'

const assets = new URL('../assets/', import.meta.url)
const mark = readFileSync(new URL('mark.svg', assets), 'utf8')
const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
const page = await browser.newPage()
for (const [name, size, share, paper] of [['icon-192', 192, 1, 'transparent'], ['icon-512', 512, 1, 'transparent'], ['icon-maskable-512', 512, 0.62, '#fbfaf7']]) {
  await page.setViewportSize({ width: size, height: size })
  await page.setContent(`<style>body{margin:0;display:grid;place-items:center;height:100vh;background:${paper}}svg{width:${share * 100}vw;height:${share * 100}vw}</style>${mark}`)
  await page.screenshot({ path: new URL(name + '.png', assets).pathname, omitBackground: true })
}
await browser.close()
