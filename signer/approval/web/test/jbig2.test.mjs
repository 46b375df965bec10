import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkJbig2 } from '../src/jbig2.js';

const page = [0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 2, 9, 9], region = [0, 0, 0, 1, 38, 0, 1, 0, 0, 0, 3, 9, 9, 9];
const endless = [0, 0, 0, 1, 38, 0, 1, 0xff, 0xff, 0xff, 0xff, 9, 9, 9];
const check = (...bytes) => checkJbig2(Uint8Array.from(bytes.flat()));

test('JBIG2: whole segments', () => {
  check(page, region);
  check(page, region, [0x0d, 0x0a]);
  check(page, endless);
  check(page, [0, 0, 0, 1, 0x46, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9]); // four-byte page, one referred
});

test('JBIG2: what is cut short, empty, or blank', () => {
  const whole = [...page, ...region];
  // Whole after the page alone would be blank; whole after the region is whole.
  for (let n = 0; n < whole.length; n++) assert.throws(() => check(whole.slice(0, n)), `${n}`);
  assert.throws(() => check(region));
  assert.throws(() => check(page, page, region));
  assert.throws(() => check(page, region, [0, 0, 0]));
  assert.throws(() => check(page, [0, 0, 0, 1, 4, 0, 1, 0xff, 0xff, 0xff, 0xff, 9]));
  assert.throws(() => check([0, 0, 0, 0, 48, 0xa0, 1, 0, 0, 0, 2, 9, 9]));
});
