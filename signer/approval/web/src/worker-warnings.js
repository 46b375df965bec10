// In the worker: warnings go to the page on the port that pdf.js uses, so that
// each arrives before the page that it is about. pdf.js skips such messages.
import { hookConsole } from './warnings.js';

const tell = (text) => self.postMessage({ chopWarning: text.slice(0, 500) });
hookConsole(tell);
self.addEventListener('error', (e) => tell(String(e.message)));
self.addEventListener('unhandledrejection', (e) => tell(String(e.reason)));
