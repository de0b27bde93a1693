/** Models as the command line reads and shows them. */
import { loadSafetensors, type Naming, type Safetensors } from '../interop/index.js';
import { Failure } from './failure.js';

/** How frameworks are called, by the naming of their tensors. */
export const FRAMEWORKS: Readonly<Record<Naming, string>> = {
  pytorch: 'PyTorch',
  keras: 'Keras',
  'keras-numbered': 'Keras 3, by number',
  flax: 'flax',
  onnx: 'ONNX',
};

/** @throws Failure, or ERR_BATCHNORM_FILE where it is no safetensors file */
export async function loadModel(path: string): Promise<Safetensors> {
  try {
    return await loadSafetensors(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BATCHNORM_FILE') throw cause;
    throw new Failure(`${path}: cannot be read (${message})`, { cause });
  }
}

/** A text of a file, which may hold anything, for a terminal, which obeys what cannot be seen. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
