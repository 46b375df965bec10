import { chromium } from 'playwright-core'
import { flags, chromiumPath } from './browser.mjs'
import { readFileSync } from 'node:fs'
const [out, width, ...files] = process.argv.slice(2)
const b = await chromium.launch({ executablePath: chromiumPath, args: flags })
const p = await b.newPage({ viewport: { width: 1600, height: 900 } })
await p.setContent('<body style="margin:0;background:#888;display:flex;flex-wrap:wrap;gap:8px;align-items:flex-start">' + files.map(f => `<img style="width:${width}px;max-height:${process.env.MAXH||1500}px;object-fit:cover;object-position:top" src="data:image/png;base64,${readFileSync(f).toString('base64')}">`).join(''))
await p.screenshot({ path: out, fullPage: true })
await b.close()
