/** The files of kernels, as scripts/kernel-sources.js reads them from native/kernels/isa.gypi. */
const SCRIPT = new URL('../../scripts/kernel-sources.js', import.meta.url).href;
const { kernelSources } = (await import(SCRIPT)) as { kernelSources: () => string[] };

export const KERNEL_SOURCES: readonly string[] = kernelSources();
