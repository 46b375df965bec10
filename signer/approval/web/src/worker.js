import './worker-warnings.js';
import 'pdfjs-dist/legacy/build/pdf.worker.mjs';
