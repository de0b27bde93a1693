/** The files that may be the addon, best first: what was built here, then what came with the package. */
import { builtin } from '../host.js';
import { targetOfProcess } from './target.js';

export interface AddonFile {
  readonly path: string;
  /** Where it came from: 'built here on 2026-11-27', 'prebuilt linux-x64'. */
  readonly origin: string;
  /** The description that was written when the file was made; absent if node-gyp alone built it in a clone. */
  readonly made?: Made;
  /** What the file needs of the system, such as 'glibc 2.17 or newer'. */
  readonly needs?: string;
}

export interface Made {
  readonly bytes: number;
  readonly sha256: string;
}

/** build/batchnorm.json, written by `batchnorm build`. */
export interface Stamp extends Made {
  readonly version: string;
  /** When it was built, such as 2026-11-27. */
  readonly date: string;
  /** Hash of the sources that it was built from. */
  readonly sources: string;
  /** That ran where it was built. */
  readonly isas: readonly string[];
}

/** prebuilds/manifest.json */
interface Manifest {
  readonly version: string;
  readonly targets: Readonly<Record<string, Made & { readonly file: string; readonly needs?: string }>>;
}

/** From the package's folder. */
export const OWN = {
  addon: 'build/Release/batchnorm.node',
  stamp: 'build/batchnorm.json',
  failure: 'build/failure.txt',
};
const MANIFEST = 'prebuilds/manifest.json';

/** The files that are there, and reasons for the others. */
export function findFiles(root: string): { files: AddonFile[]; reasons: Error[] } {
  const files: AddonFile[] = [];
  const reasons: Error[] = [];
  for (const find of [ownBuild, prebuilt]) {
    try {
      files.push(find(root, versionOf(root)));
    } catch (error) {
      reasons.push(error as Error);
    }
  }
  return { files, reasons };
}

function versionOf(root: string): string | undefined {
  return (readJson(root, 'package.json') as { version?: string } | undefined)?.version;
}

function ownBuild(root: string, version: string | undefined): AddonFile {
  const { statSync } = builtin<typeof import('node:fs')>('node:fs')!;
  const path = pathOf(root, OWN.addon);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    const failure = readText(root, OWN.failure)?.trim();
    throw new Error(failure === undefined ? 'none was built here' : `building it here failed: ${failure}`);
  }
  const stamp = readJson(root, OWN.stamp) as Stamp | undefined;
  if (stamp === undefined) return { path, origin: `built here on ${stats.mtime.toISOString().slice(0, 10)}` };
  if (stamp.version !== version) {
    throw new Error(`what was built here is of version ${stamp.version}, and this is ${version}`);
  }
  return { path, origin: `built here on ${stamp.date}`, made: stamp };
}

function prebuilt(root: string, version: string | undefined): AddonFile {
  const manifest = readJson(root, MANIFEST) as Manifest | undefined;
  if (manifest === undefined) throw new Error('no prebuilt addons came with this package');
  if (manifest.version !== version) {
    throw new Error(`the prebuilt addons are of version ${manifest.version}, and this is ${version}`);
  }
  const target = targetOfProcess();
  const made = manifest.targets[target];
  if (made === undefined) throw new Error(`there is no prebuilt addon for ${target}`);
  const { file, needs } = made;
  if (!builtin<typeof import('node:fs')>('node:fs')!.existsSync(pathOf(root, `prebuilds/${file}`))) {
    throw new Error(`prebuilds/${file}, which came with this package, is missing`);
  }
  return { path: pathOf(root, `prebuilds/${file}`), origin: `prebuilt ${target}`, made, ...(needs && { needs }) };
}

function readJson(root: string, name: string): unknown {
  const text = readText(root, name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${name} is damaged (${(cause as Error).message})`, { cause });
  }
}

/** undefined where there is no such file. */
function readText(root: string, name: string): string | undefined {
  const { readFileSync } = builtin<typeof import('node:fs')>('node:fs')!;
  try {
    return readFileSync(pathOf(root, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function pathOf(root: string, name: string): string {
  return builtin<typeof import('node:path')>('node:path')!.join(root, name);
}
