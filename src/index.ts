export { backend, backends, ready, useBackend } from './backends/select.js';
