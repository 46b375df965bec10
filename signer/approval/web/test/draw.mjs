// Are documents drawn as another program draws them, and is signing off where
// they are not? Files of shared/corpora (CHOP_CORPORA), if they are there.
// With arguments: a table of these files.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { go, readAll, start, tab } from './browser.mjs';
import { compare, drawn, pdftoppm } from './compare.mjs';
import * as make from './make.mjs';

const corpora = process.env.CHOP_CORPORA ?? '';
const { stub, browser, close } = await start();
const page = await tab(browser);

/** Opens a file and waits until its first page is drawn, or cannot be. */
async function open(name, bytes) {
  await go(page, `#sign/${await stub.open([{ name, bytes }])}`);
  await page.waitForSelector('canvas[data-drawn], .message.problem');
  await page.waitForTimeout(50);
  const trouble = await page.locator('.message.problem code').allTextContents();
  return trouble[0] ?? null;
}

async function measure(name, bytes) {
  const trouble = await open(name, bytes);
  if (trouble !== null) return { trouble };
  const picture = await drawn(page);
  return compare(picture, pdftoppm(bytes, picture.width, picture.height));
}

const argument = process.argv.slice(2);
for (const file of argument) {
  const name = path.basename(file);
  const r = await measure(name, await readFile(file)).catch((e) => ({ trouble: `ERROR ${String(e.message).slice(0, 80)}` }));
  console.log(r.trouble ? `${name}\t-\t${r.trouble.slice(0, 110)}` : `${name}\t${r.ink.toFixed(3)}\t${r.differ.toFixed(4)}`);
}

let passed = 0;
async function check(name, run) {
  try {
    await run();
    passed++;
    console.log(`ok ${name}`);
  } catch (e) {
    console.log(`not ok ${name}: ${e.stack}`);
    process.exitCode = 1;
  }
}
const same = (name, bytes, most = 0.01) => check(`${name} as pdftoppm draws it`, async () => {
  const r = await measure(name, bytes);
  assert.ok(!r.trouble, r.trouble);
  assert.ok(r.ink > 0.002, `only ${r.ink} is not white`);
  assert.ok(r.differ < most, `${r.differ} differs`);
  assert.ok(await readAll(page), 'cannot be signed');
});
const refused = (name, bytes, why) => check(`${name}: signing is off`, async () => {
  const trouble = await open(name, bytes) ?? ((await readAll(page)) ? null : await page.locator('.message.problem code').textContent());
  assert.match(trouble ?? 'no trouble', why);
  assert.equal(await page.locator('button.sign').isEnabled(), false);
  assert.equal(await page.locator('button.sign').isVisible(), false);
  // Enabling the button by hand is of no use either.
  const before = stub.bodies.length;
  await page.evaluate(() => {
    const b = document.querySelector('button.sign');
    b.disabled = false;
    b.click();
  });
  await page.waitForTimeout(200);
  assert.equal(stub.bodies.length, before, 'something was sent');
});

if (argument.length === 0) {
  const simple = make.pdf([['Simple', 'text']]);
  await same('text', simple);
  const image = (filter, ...data) => make.pdf([['Image']], { image: { filter, data } });
  await refused('a broken JPEG', image('DCTDecode', 0xff, 0xd8, 0xff, 0xdb, 1, 2, 3), /JPEG|JpegError|image/i);
  await refused('a broken JPX', image('JPXDecode', 1, 2, 3), /JPX|OpenJPEG|image/i);
  await refused('a broken JBIG2', image('JBIG2Decode', 1, 2, 3), /JBIG2|image|Offset/i);
  await refused('a JBIG2 with a page and nothing on it', image('JBIG2Decode', 0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), /JBIG2/);
  await refused('an unknown filter', image('NonesuchDecode', 1, 2, 3), /filter/i);
  await refused('a font that is not in the file', make.pdf([['Text']], { font: 'Nonesuch' }), /font/);
  await refused('a page that has no end', Buffer.from(simple.toString('latin1').replace('ET\n', 'XX\n'), 'latin1'), /command|operator/i);
  await refused('no PDF', Buffer.from('%PDF-1.7\nnothing'), /PDF/);

  if (existsSync(path.join(corpora, 'pdf'))) {
    const file = (name) => readFile(path.join(corpora, 'pdf', name));
    for (const name of ['bitmap-symbol-refine.pdf', 'bitmap-refine.pdf', 'bitmap-customat.pdf']) await same(`JBIG2 ${name}`, await file(name));
    const scan = /stream\r?\n([^]*)\r?\nendstream/.exec((await file('bitmap-customat.pdf')).toString('latin1'))[1];
    await refused('a JBIG2 that is cut short', image('JBIG2Decode', ...Buffer.from(scan.slice(0, scan.length >> 1), 'latin1')), /JBIG2|Offset/i);
    for (const name of ['issue5475.pdf', 'issue19326.pdf']) await same(`JPX ${name}`, await file(name));
    for (const name of ['mixedfonts.pdf']) await same(`CJK ${name}`, await file(name));
    await page.route('**/wasm/*', (r) => r.fulfill({ status: 404 }));
    await refused('JBIG2 without its decoder', await file('bitmap-symbol-refine.pdf'), /wasm|jbig2/i);
    await refused('JPX without its decoder', await file('issue5475.pdf'), /wasm|openjpeg/i);
    await page.unroute('**/wasm/*');
    await page.route('**/cmaps/*', (r) => r.fulfill({ status: 404 }));
    await refused('CJK without its maps', await file('mixedfonts.pdf'), /cmap/i);
    await page.unroute('**/cmaps/*');
  } else {
    console.log('# shared/corpora is absent');
  }
  console.log(`${passed} passed`);
}
await close();
