/** By how much 10,000 layers, each used and dropped, make the process grow. */
import { BatchNorm, useBackend } from 'batchnorm';

useBackend('native');
const x = Float32Array.from({ length: 64 * 256 }, (_, k) => Math.sin(k));
const out = new Float32Array(x.length);

function use(layers: number): void {
  for (let i = 0; i < layers; i++) {
    const layer = new BatchNorm(256);
    layer.gamma!.fill(1 + i / 1000);
    layer.forward(x, [64, 256], { out });
    layer.backward(x, { out });
    layer.eval().forward(x, [64, 256], { out });
  }
  globalThis.gc!();
}

/** By how much the process has grown. */
function growth(): number {
  const before = process.memoryUsage().rss;
  use(10_000);
  return process.memoryUsage().rss - before;
}

// Until the heap of the process has found its size. It takes more now and then, and what stays makes every round grow.
use(10_000);
console.log(JSON.stringify({ grownBy: Math.min(growth(), growth(), growth()) }));
