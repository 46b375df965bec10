// Builds the page into ../static, or the folder that is named: the same bytes
// each time. node build.mjs [folder]
import { build } from 'esbuild';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, '../static'));
const pdfjs = path.join(here, 'node_modules/pdfjs-dist');
const KEPT = ['.gitignore', 'README.md'];

await mkdir(out, { recursive: true });
for (const name of await readdir(out)) if (!KEPT.includes(name)) await rm(path.join(out, name), { recursive: true });

// pdf.js's JBIG2 decoder does not say that data is missing: it is asked before.
const DECODE = 'async decode(bytes, width, height, globals, CCITTOptions) {';
const strictJbig2 = {
  name: 'strict JBIG2',
  setup(b) {
    b.onLoad({ filter: /pdf\.worker\.mjs$/ }, async ({ path: file }) => {
      const parts = (await readFile(file, 'utf8')).split(DECODE);
      if (parts.length !== 2) throw new Error('pdf.js decodes JBIG2 elsewhere now');
      return { contents: parts.join(`${DECODE}\n    if (!CCITTOptions) globalThis.chopCheckJbig2(bytes);`), loader: 'js' };
    });
  },
};

const options = {
  plugins: [strictJbig2], bundle: true, minify: true, write: false, format: 'esm', platform: 'browser', charset: 'utf8', legalComments: 'none',
  target: ['chrome120', 'firefox122', 'safari17'], absWorkingDir: here, logLevel: 'warning',
};

const script = async (entry) => {
  const { outputFiles } = await build({ ...options, entryPoints: [entry] });
  return outputFiles[0].text;
};

// The page's script stands in the page, so that its hash in the policy is
// compared by every browser. "<!--" and "<script" in it would change how HTML
// is read; esbuild writes </script apart.
const page = await script('src/main.js');
if (/<!--|<script|<\/script|\r/i.test(page)) throw new Error('the script cannot stand in the page');
const template = await readFile(path.join(here, 'index.html'), 'utf8');
await writeFile(path.join(out, 'index.html'), template.replace('/*SCRIPT*/', () => page));
await writeFile(path.join(out, 'pdf.worker.js'), await script('src/worker.js'));

const { outputFiles } = await build({ ...options, entryPoints: ['src/page.css'] });
await writeFile(path.join(out, 'page.css'), outputFiles[0].text);
await cp(path.join(here, 'seal.svg'), path.join(out, 'seal.svg'));

// What pdf.js fetches: image decoders, character maps, the 14 standard fonts.
// Not its decoders without WebAssembly, and not its JavaScript for forms.
const copy = async (from, to, wanted) => {
  await mkdir(path.join(out, to), { recursive: true });
  for (const name of (await readdir(path.join(pdfjs, from))).sort()) {
    if (!wanted(name)) continue;
    const licence = name.startsWith('LICENSE');
    await writeFile(path.join(out, to, licence ? `${name}.txt` : name), await readFile(path.join(pdfjs, from, name)));
  }
};
await copy('wasm', 'wasm', (n) => !/quickjs|nowasm/i.test(n));
await copy('cmaps', 'cmaps', () => true);
await copy('standard_fonts', 'fonts', () => true);
await copy('iccs', 'iccs', () => true);
await writeFile(path.join(out, 'LICENSE_PDFJS.txt'), await readFile(path.join(pdfjs, 'LICENSE')));
