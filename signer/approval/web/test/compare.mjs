// Compares what the page drew with what pdftoppm draws of the same file.
import { execFileSync } from 'node:child_process';

/** What pdftoppm draws: page 1, RGB, of exactly this size. */
export function pdftoppm(bytes, width, height) {
  const out = execFileSync('pdftoppm', ['-r', '100', '-cropbox', '-f', '1', '-l', '1', '-scale-to-x', width, '-scale-to-y', height, '-'].map(String),
    { input: bytes, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });
  const head = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(out.subarray(0, 64).toString('latin1'));
  return { width: Number(head[1]), height: Number(head[2]), step: 3, data: out.subarray(head[0].length) };
}

/** What stands on the first page's canvas. */
export async function drawn(page) {
  const got = await page.evaluate(() => {
    const c = document.querySelector('.page canvas');
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let text = '';
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return { width: c.width, height: c.height, data: btoa(text) };
  });
  return { ...got, step: 4, data: Buffer.from(got.data, 'base64') };
}

const BLOCK = 6;

/** Mean grey of blocks, so that two ways to smooth an edge are alike. */
function blocks({ width, height, step, data }) {
  const w = Math.floor(width / BLOCK), h = Math.floor(height / BLOCK);
  const out = new Float64Array(w * h);
  for (let y = 0; y < h * BLOCK; y++) {
    for (let x = 0; x < w * BLOCK; x++) {
      const i = (y * width + x) * step;
      out[Math.floor(y / BLOCK) * w + Math.floor(x / BLOCK)] += (data[i] * 3 + data[i + 1] * 6 + data[i + 2]) / 10;
    }
  }
  return out.map((v) => v / (BLOCK * BLOCK));
}

/**
 * @returns {{ink: number, differ: number}} shares of the blocks: not white in the
 * second picture; clearly another grey in the first
 */
export function compare(a, b) {
  const one = blocks(a), two = blocks(b);
  if (one.length !== two.length) throw new Error(`${a.width}x${a.height} and ${b.width}x${b.height}`);
  let ink = 0, differ = 0;
  for (let i = 0; i < one.length; i++) {
    if (two[i] < 245) ink++;
    if (Math.abs(one[i] - two[i]) > 56) differ++;
  }
  return { ink: ink / one.length, differ: differ / one.length };
}
