/** One script, which is the page's, and its worker's: so the page carries the library once. */
import { LivePage } from './page.js';
import { serve } from './worker.js';

if ('document' in globalThis) new LivePage(document.currentScript?.textContent ?? '');
else void serve();
