import './worker-warnings.js';
import 'pdfjs-dist/legacy/build/pdf.worker.mjs';
import { checkJbig2 } from './jbig2.js';

// build.mjs has pdf.js call this before it decodes such an image.
globalThis.chopCheckJbig2 = checkJbig2;
