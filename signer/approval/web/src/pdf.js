// pdf.js, set so that a document looks the same on every device and so that
// nothing which it could not draw goes unnoticed.
import { AnnotationMode, getDocument, PDFWorker, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { hookConsole } from './warnings.js';

let heard = () => {};
hookConsole((text) => heard(text));

// The one policy that this origin's CSP allows; it makes one address.
const policy = globalThis.trustedTypes?.createPolicy('chop-pdf-worker', {
  createScriptURL: (s) => {
    if (s !== 'pdf.worker.js') throw new TypeError('not the worker of this page');
    return s;
  },
});

const here = (folder) => new URL(folder, location.origin + '/').href;

/** Most pixels of a page's canvas: phones give no more. */
const MAX_PIXELS = 12e6;

/** A document that is open in a worker of its own. */
export class Pdf {
  /** @param {(why: string) => void} onTrouble called once something could not be drawn */
  constructor(onTrouble) {
    this.onTrouble = onTrouble;
    this.trouble = null;
    heard = (text) => this.fail(text);
  }

  fail(why) {
    if (this.trouble !== null) return;
    this.trouble = String(why);
    this.onTrouble(this.trouble);
  }

  /** Opens a copy of the bytes. Rejects, after fail, if they are no document that can be shown. */
  async open(bytes) {
    try {
      this.port = new Worker(policy ? policy.createScriptURL('pdf.worker.js') : 'pdf.worker.js', { type: 'module' });
      this.port.addEventListener('message', ({ data }) => {
        if (data?.chopWarning !== undefined) this.fail(data.chopWarning);
      });
      const crashed = new Promise((_, reject) => {
        this.port.addEventListener('error', (e) => reject(new Error(`worker: ${e.message ?? 'not loaded'}`)));
      });
      this.task = getDocument({
        data: bytes.slice(),
        worker: new PDFWorker({ port: this.port, verbosity: VerbosityLevel.WARNINGS }),
        verbosity: VerbosityLevel.WARNINGS,
        stopAtErrors: true,
        cMapUrl: here('cmaps/'), cMapPacked: true, standardFontDataUrl: here('fonts/'), wasmUrl: here('wasm/'), iccUrl: here('iccs/'),
        // Glyphs are drawn from the file's own outlines, images by pdf.js's own
        // decoders: a browser's would leave out silently what it dislikes.
        disableFontFace: true, useSystemFonts: false, isImageDecoderSupported: false, disableWorkerRendering: true,
        enableXfa: false, maxImageSize: 100e6,
      });
      this.task.onPassword = () => {
        throw new Error('the document wants a password');
      };
      this.document = await Promise.race([this.task.promise, crashed]);
      const { info } = await this.document.getMetadata();
      // An XFA form is drawn by some programs instead of the pages that are shown here.
      if (info.IsXFAPresent) throw new Error('the document has a second appearance (XFA)');
      return this.document.numPages;
    } catch (e) {
      this.fail(e.message ?? e);
      throw e;
    }
  }

  /** The size of page n (from 1) in points. */
  async size(n) {
    const page = await this.document.getPage(n);
    const { width, height } = page.getViewport({ scale: 1 });
    return { width, height };
  }

  /**
   * Draws page n into canvas, which is cssWidth wide on the screen. What the page
   * holds in form fields and annotations is drawn too.
   */
  async draw(n, canvas, cssWidth) {
    try {
      const page = await this.document.getPage(n);
      const one = page.getViewport({ scale: 1 });
      let scale = (cssWidth / one.width) * Math.min(3, Math.max(globalThis.devicePixelRatio || 1, 1.5));
      scale = Math.min(scale, Math.sqrt(MAX_PIXELS / (one.width * one.height)));
      const viewport = page.getViewport({ scale });
      canvas.width = Math.max(1, Math.round(viewport.width));
      canvas.height = Math.max(1, Math.round(viewport.height));
      if (!canvas.getContext('2d')) throw new Error('no memory for the page');
      await page.render({ canvas, viewport, annotationMode: AnnotationMode.ENABLE, background: '#fff' }).promise;
      this.checkFonts(page);
    } catch (e) {
      this.fail(e.message ?? e);
      throw e;
    }
  }

  /** A font that is not in the document looks as the device pleases, or not at all. */
  checkFonts(page) {
    for (const [, object] of page.commonObjs) {
      if (object?.missingFile && !object.isType3Font) throw new Error('a font is not in the document');
    }
  }

  /** The page's text, for who hears it read. */
  async text(n) {
    const content = await (await this.document.getPage(n)).getTextContent();
    return content.items.map((i) => i.str + (i.hasEOL ? '\n' : '')).join('');
  }

  async close() {
    heard = () => {};
    await this.task?.destroy().catch(() => {});
    this.port?.terminate();
  }
}
