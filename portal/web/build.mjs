// Builds ../static from the sources here: one style sheet, one script, the fonts, the icons.
// Names are fixed; the server adds a hash of each file to its address.
import { build } from 'esbuild'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as sass from 'sass'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = here + '../static/'

// The placeholder stays: without it a bare clone would not compile.
for (const name of readdirSync(out)) {
  if (name !== 'placeholder.txt') rmSync(out + name, { recursive: true })
}

const { css } = sass.compile(here + 'styles/portal.scss', {
  loadPaths: [here + 'node_modules'],
  style: 'compressed',
  quietDeps: true
})

// Each script's fonts are a sheet of their own: most of it is lists of characters, and a page needs one.
// In Chinese fonts these marks are as wide as a character, which is wrong in English and in
// identity card numbers: they come from a Latin font of the same family.
const marks = `@font-face { font-family: "Chop Latin Marks"; font-weight: 100 900; font-display: swap;
  src: url("./node_modules/@fontsource-variable/noto-sans/files/noto-sans-latin-wght-normal.woff2") format("woff2");
  unicode-range: U+B7, U+2013-2014, U+2018-2019, U+201C-201D, U+2022, U+2026; }`
const sheets = {
  portal: css,
  'fonts-hk': '@import "@fontsource-variable/noto-sans-hk/wght.css";' + marks,
  'fonts-sc': '@import "@fontsource-variable/noto-sans-sc/wght.css";' + marks
}
for (const [name, contents] of Object.entries(sheets)) {
  await build({
    stdin: { contents, loader: 'css', resolveDir: here },
    bundle: true,
    minify: true,
    outfile: out + name + '.css',
    loader: { '.woff2': 'file' },
    assetNames: 'fonts/[name]-[hash]',
    logLevel: 'warning'
  })
}
await build({
  entryPoints: [here + 'scripts/portal.js'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2020',
  outfile: out + 'portal.js',
  legalComments: 'none',
  logLevel: 'warning'
})
cpSync(here + 'assets', out, { recursive: true })
writeFileSync(out + 'placeholder.txt', 'Built from portal/web by `make web-portal`.\n')
