// Shows one document: all its pages below each other, drawn when they come near,
// and remembers which of them was drawn whole and seen from top to bottom.
import { h, say } from './ui.js';
import { Pdf } from './pdf.js';

const ZOOMS = [1, 1.5, 2, 3];
/** How far from the window pages are drawn ahead, and how far they are kept. */
const NEAR = '150% 0px', KEEP_PAGES = 6;

export class Viewer {
  /**
   * @param {Uint8Array} bytes
   * @param {{onSeen: () => void, onTrouble: (why: string) => void}} on
   */
  constructor(bytes, on) {
    this.bytes = bytes;
    this.on = on;
    this.pages = [];
    this.zoom = 0;
    this.pdf = new Pdf((why) => this.on.onTrouble(why));
    this.sheet = h('div', { class: 'sheet', tabindex: '0', role: 'region', label: 'doc.region' });
    this.smaller = h('button', { type: 'button', class: 'small', t: 'doc.smaller', onclick: () => this.setZoom(-1) });
    this.bigger = h('button', { type: 'button', class: 'small', t: 'doc.bigger', onclick: () => this.setZoom(+1) });
    this.element = h('div', { class: 'viewer' }, h('div', { class: 'tools' }, this.smaller, this.bigger), this.sheet);
  }

  get seen() {
    return this.pages.filter((p) => p.seen).length;
  }

  get count() {
    return this.pages.length;
  }

  get done() {
    return this.count > 0 && this.seen === this.count && this.pdf.trouble === null;
  }

  /** Opens the document and lays out its pages; they are drawn as they come near. */
  async open() {
    const count = await this.pdf.open(this.bytes);
    for (let n = 1; n <= count; n++) this.pages.push(this.makePage(n, await this.pdf.size(n), count));
    this.sheet.replaceChildren(...this.pages.map((p) => p.element));
    this.applyZoom();
    this.near = new IntersectionObserver((entries) => this.onNear(entries), { rootMargin: NEAR });
    this.edges = new IntersectionObserver((entries) => this.onEdges(entries), { threshold: 0 });
    for (const p of this.pages) this.near.observe(p.element);
  }

  makePage(n, size, all) {
    const canvas = h('canvas', { role: 'img', label: 'doc.page', p: { n, all } });
    // The two edges of the paper; a page is seen once both were in the window.
    const top = h('span', { class: 'edge top' }), bottom = h('span', { class: 'edge bottom' });
    const paper = h('div', { class: 'paper' }, canvas, top, bottom);
    const words = h('pre', { class: 'words' });
    const details = h('details', {}, h('summary', { t: 'doc.text' }), words);
    const element = h('figure', { class: 'page' }, paper, h('figcaption', { t: 'doc.page', p: { n, all } }), details);
    const page = { n, size, element, paper, canvas, top, bottom, drawn: 0, seen: false, edges: new Set() };
    for (const e of [top, bottom]) e.page = page;
    element.page = page;
    details.addEventListener('toggle', async () => {
      if (!details.open || words.textContent) return;
      const text = await this.pdf.text(n).catch(() => '');
      if (text.trim()) words.textContent = text;
      else say(words, 'doc.notext');
    });
    return page;
  }

  setZoom(by) {
    this.zoom = Math.min(ZOOMS.length - 1, Math.max(0, this.zoom + by));
    this.applyZoom();
  }

  applyZoom() {
    this.smaller.disabled = this.zoom === 0;
    this.bigger.disabled = this.zoom === ZOOMS.length - 1;
    for (const p of this.pages) {
      p.paper.style.width = `${ZOOMS[this.zoom] * 100}%`;
      p.paper.style.aspectRatio = `${p.size.width} / ${p.size.height}`;
    }
    for (const p of this.pages) if (p.isNear) this.want(p);
  }

  onNear(entries) {
    for (const { target, isIntersecting } of entries) {
      target.page.isNear = isIntersecting;
      if (isIntersecting) this.want(target.page);
    }
  }

  /** Draws a page unless it is drawn as large already; one at a time. */
  want(page) {
    const width = Math.max(200, page.paper.clientWidth);
    if (page.drawn >= width) return;
    page.drawn = width;
    this.queue = (this.queue ?? Promise.resolve()).then(() => this.draw(page, width)).catch(() => {});
  }

  async draw(page, width) {
    if (this.closed) return;
    // Drawn beside, then put in place whole: half a page is never seen.
    const canvas = document.createElement('canvas');
    await this.pdf.draw(page.n, canvas, width);
    if (this.closed) return;
    page.canvas.width = canvas.width;
    page.canvas.height = canvas.height;
    page.canvas.getContext('2d').drawImage(canvas, 0, 0);
    canvas.width = canvas.height = 0;
    page.canvas.dataset.drawn = 'true';
    this.last = [...(this.last ?? []).filter((p) => p !== page), page];
    this.forget();
    if (!page.seen) for (const e of [page.top, page.bottom]) this.edges.observe(e);
  }

  /** Gives back the memory of pages that are far away. They are drawn again when they come near. */
  forget() {
    while (this.last.length > KEEP_PAGES) {
      const far = this.last.find((p) => !p.isNear);
      if (!far) return;
      this.last = this.last.filter((p) => p !== far);
      far.canvas.width = far.canvas.height = 1;
      delete far.canvas.dataset.drawn;
      far.drawn = 0;
    }
  }

  onEdges(entries) {
    for (const { target, isIntersecting } of entries) {
      const page = target.page;
      if (!isIntersecting || page.seen || page.canvas.dataset.drawn !== 'true') continue;
      page.edges.add(target);
      if (page.edges.size < 2) continue;
      page.seen = true;
      this.edges.unobserve(page.top);
      this.edges.unobserve(page.bottom);
      this.on.onSeen();
    }
  }

  /** Scrolls to the first page that was not seen. */
  goto() {
    const page = this.pages.find((p) => !p.seen);
    page?.element.scrollIntoView({ block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }

  /** Removes the observers' hold while another document is shown. */
  async close() {
    this.closed = true;
    this.near?.disconnect();
    this.edges?.disconnect();
    await this.pdf.close();
  }
}

