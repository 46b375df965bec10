// A JBIG2 image whose data stops too early is drawn blank by the decoder, without
// a word. Here the segments are walked first: whole, in order, with a page and
// something on it. ITU-T T.88, 7.2; ISO 32000-1, 7.4.7.

const UNKNOWN = 0xffffffff, PAGE = 48, GENERIC_IMMEDIATE = [38, 39];
/** Types of segments that put something on the page at once. */
const REGIONS = [6, 7, 22, 23, 38, 39, 42, 43];

/** Throws unless bytes are whole segments, as a PDF embeds them. @param {Uint8Array} bytes */
export function checkJbig2(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0, pages = 0, regions = 0;
  while (at < bytes.length) {
    // Some writers count the line's end before "endstream" in.
    if (bytes.length - at <= 2 && bytes.subarray(at).every((b) => b === 10 || b === 13)) break;
    const number = view.getUint32(at), flags = bytes[at + 4];
    at += 5;
    let referred = bytes[at] >> 5;
    if (referred === 7) {
      referred = view.getUint32(at) & 0x1fffffff;
      at += 4 + Math.ceil((referred + 1) / 8);
    } else if (referred <= 4) at += 1;
    else throw new Error('JBIG2: segment header');
    at += referred * (number <= 256 ? 1 : number <= 65536 ? 2 : 4) + (flags & 0x40 ? 4 : 1);
    const length = view.getUint32(at);
    at += 4;
    const type = flags & 63;
    if (type === PAGE) pages++;
    if (REGIONS.includes(type)) regions++;
    if (length === UNKNOWN) {
      if (!GENERIC_IMMEDIATE.includes(type)) throw new Error('JBIG2: segment length');
      at = bytes.length; // ends by a mark of its own, which the decoder looks for
    } else at += length;
    if (at > bytes.length) throw new Error('JBIG2: the data stops too early');
  }
  if (pages !== 1 || regions === 0) throw new Error('JBIG2: no page, or nothing on it');
}
