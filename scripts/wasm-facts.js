// Facts that the host must know of the WebAssembly modules, as TypeScript: the constants that these files of assembly/
// export, and where the fields of the record of a call lie. The names come from the sources, the values from the
// compiler: a module that exports nothing else is compiled and asked.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const FILES = ['layout', 'kinds', 'pool'];
/** The file that is compiled; it exists in memory only. */
const ENTRY = 'assembly/facts.ts';

/** @param {string} root the folder of the package @returns {Promise<string>} */
export async function readFacts(root) {
  const sources = FILES.map((file) => [file, namesIn(read(root, `assembly/${file}.ts`), /^export const (\w+): /gm)]);
  const [, record] = read(root, 'assembly/call.ts').match(/^export class Arguments \{\n(.*?)^\}/ms);
  const fields = namesIn(record, /^ {2}(\w+): /gm);
  const values = await compile(root, [
    "import { Arguments } from './call';",
    ...sources.map(([file, names]) => `export { ${names.join(', ')} } from './${file}';`),
    ...fields.map((name) => `export const at_${name}: usize = offsetof<Arguments>('${name}');`),
  ]);
  const constants = sources.map(([file, names]) => {
    return `// ${file}.ts\n${names.map((name) => `export const ${name} = ${values[name]};\n`).join('')}`;
  });
  const offsets = fields.map((name) => `  ${name}: ${values[`at_${name}`]},\n`).join('');
  const comment = '/** Bytes from the beginning of the record of a call to each field. */';
  return `${constants.join('\n')}\n${comment}\nexport const CALL = {\n${offsets}} as const;\n`;
}

/** The values of what these lines export. */
async function compile(root, lines) {
  let binary;
  const { error, stderr } = await asc.main([ENTRY, '--baseDir', root, '--outFile', 'facts.wasm'], {
    readFile: (name) => (name === ENTRY ? lines.join('\n') : readOrNull(root, name)),
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  if (error) throw new Error(`the facts of the modules do not compile: ${error.message}\n${stderr}`);
  const env = { memory: new WebAssembly.Memory({ initial: 1 }) };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env });
  return Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, value.value]));
}

function namesIn(text, pattern) {
  const names = [...text.matchAll(pattern)].map(([, name]) => name);
  if (names.length === 0)
    throw new Error(`nothing in assembly/ matches ${pattern}: scripts/wasm-facts.js is out of date`);
  return names;
}

function read(root, name) {
  return readFileSync(join(root, name), 'utf8');
}

/** The compiler asks for files that may be elsewhere. */
function readOrNull(root, name) {
  try {
    return read(root, name);
  } catch {
    return null;
  }
}
