// Reads binding.gyp, so that sources, definitions and flags are written down once: for node-gyp, and for the addons
// that are built beforehand. Of gyp's language it knows what is used there.
import { execFileSync, execSync } from 'node:child_process';
import { dirname, join } from 'node:path';

/**
 * What is compiled, in units that share their flags: the edge and its helpers, and the kernels of each instruction set.
 *
 * @returns {{ isa: string | undefined, sources: string[], defines: string[], flags: string[] }[]} sources from the
 *   root's folder
 */
export function unitsOf(root, { os, arch, compiler }) {
  const printed = (command) =>
    execSync(command, { cwd: root, env: { ...process.env, CXX: compiler }, encoding: 'utf8' })
      .split(/\s+/)
      .filter(Boolean);
  const gyp = withConditions(readLiteral(join(root, 'binding.gyp')), os, arch);
  return gyp.targets.map((target) => {
    const unit = withConditions(withIncludes(target, root), os, arch);
    const defines = unit.defines ?? [];
    return {
      isa: defines.find((define) => define.startsWith('BN_ISA='))?.slice('BN_ISA='.length),
      sources: unit.sources,
      defines,
      flags: [...(unit.cflags ?? []), ...(unit.cflags_cc ?? [])].flatMap((flag) => {
        const command = /^<!@\((.*)\)$/.exec(flag)?.[1];
        return command === undefined ? [flag] : printed(command);
      }),
    };
  });
}

/** gyp files are literals of Python, which node-gyp needs anyway. */
function readLiteral(file) {
  const program = 'import ast, json, sys; print(json.dumps(ast.literal_eval(open(sys.argv[1]).read())))';
  return JSON.parse(execFileSync('python3', ['-c', program, file], { encoding: 'utf8' }));
}

/** With what is included put before its own; the paths of sources there are those of the included file's folder. */
function withIncludes({ includes = [], ...own }, root) {
  return includes.reduce((target, include) => {
    const found = readLiteral(join(root, include));
    const sources = found.sources?.map((source) => join(dirname(include), source)) ?? [];
    return merge({ ...found, sources }, target);
  }, own);
}

function withConditions({ conditions = [], ...own }, os, arch) {
  const holds = { [`OS=="${os}"`]: true, [`OS!="win"`]: os !== 'win', [`target_arch=="${arch}"`]: true };
  return conditions.filter(([condition]) => holds[condition]).reduce((all, [, more]) => merge(all, more), own);
}

/** Lists one after the other; of anything else the second. */
function merge(first, second) {
  const merged = { ...first };
  for (const [key, value] of Object.entries(second)) {
    merged[key] = Array.isArray(value) && Array.isArray(first[key]) ? [...first[key], ...value] : value;
  }
  return merged;
}
