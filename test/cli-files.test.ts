/**
 * The files that the command line writes, and reads again: what is in their place, and what others have written into
 * them.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '#demo/kit/failure.js';
import { checkWritable, writeWhole } from '#demo/kit/output-file.js';
import { renderReport } from '#demo/report/page.js';
import { loadRuns } from '#demo/runs/earlier-results.js';
import type { Results } from '#demo/runs/results.js';
import { planOf } from '#demo/runs/settings.js';
import { skipAloud } from './support/runner.js';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SHORT = ['train', '--quick', '--steps', '5', '--batch', '10', '--json'];
const home = mkdtempSync(join(tmpdir(), 'batchnorm-files-'));
const fresh = () => mkdtempSync(join(home, 'run-'));

const out = suite('--out');
const isWindows = process.platform === 'win32';

if (isWindows) skipAloud('--out: links, modes and devices', 'this is Windows');
else {
  out('links are followed, and stay; who may read the file stays, too', () => {
    const folder = fresh();
    const other = fresh();
    writeFileSync(join(other, 'target.html'), 'old', { mode: 0o600 });
    symlinkSync(join(other, 'target.html'), join(folder, 'far.html'));
    symlinkSync('far.html', join(folder, 'link.html'));
    symlinkSync('not-yet.html', join(folder, 'dangling.html'));
    for (const name of ['link.html', 'dangling.html']) {
      checkWritable(join(folder, name));
      writeWhole(join(folder, name), 'new');
      assert.ok(lstatSync(join(folder, name)).isSymbolicLink());
      assert.is(readFileSync(join(folder, name), 'utf8'), 'new');
    }
    assert.is(readlinkSync(join(folder, 'link.html')), 'far.html');
    assert.is(statSync(join(other, 'target.html')).mode & 0o777, 0o600);
    assert.equal(readdirSync(other), ['target.html']);
    assert.equal(readdirSync(folder).sort(), ['dangling.html', 'far.html', 'link.html', 'not-yet.html']);
  });

  out('a link in a folder that is a link leads where the system says', () => {
    const [folder, other] = [fresh(), fresh()];
    mkdirSync(join(other, 'deep'));
    symlinkSync(join(other, 'deep'), join(folder, 'door'));
    symlinkSync('../up.html', join(other, 'deep', 'link.html'));
    writeWhole(join(folder, 'door', 'link.html'), 'text');
    assert.is(readFileSync(join(other, 'up.html'), 'utf8'), 'text');
    assert.not.ok(existsSync(join(folder, 'up.html')));
  });

  const REFUSED: [string, (path: string) => unknown, RegExp][] = [
    ['a FIFO', (path) => spawnSync('mkfifo', [path]), /expected the name of a file, found a FIFO/],
    ['a link to a device', (path) => symlinkSync('/dev/null', path), /expected the name of a file, found a device/],
    ['a folder', (path) => mkdirSync(path), /expected the name of a file, found a folder/],
    ['links in a circle', (path) => symlinkSync(path, path), /links that go round in a circle/],
  ];
  for (const [what, make, message] of REFUSED) {
    out(`${what} is refused, and stays: for the report and for the data`, () => {
      for (const name of ['report.html', 'report.json']) {
        const folder = fresh();
        make(join(folder, name));
        const before = lstatSync(join(folder, name));
        const { status, stderr } = train(['--out', join(folder, 'report.html')]);
        assert.is(status, 1);
        assert.match(stderr, message);
        assert.throws(() => writeWhole(join(folder, name), ''), message);
        assert.is(lstatSync(join(folder, name)).ino, before.ino);
        assert.equal(readdirSync(folder), [name]);
      }
    });
  }

  if (process.getuid?.() === 0) {
    out('a device is refused, and stays (a copy of one, for root)', () => {
      const folder = fresh();
      const device = join(folder, 'null');
      // Containers may forbid it.
      if (spawnSync('mknod', ['-m', '666', device, 'c', '1', '3']).status !== 0) {
        skipAloud('--out: a device', 'mknod is not allowed here');
        return;
      }
      const { status, stderr } = train(['--out', device]);
      assert.is(status, 1);
      assert.match(stderr, /^batchnorm: --out .*null: expected the name of a file, found a device/);
      assert.ok(lstatSync(device).isCharacterDevice());
      assert.equal(readdirSync(folder), ['null']);
    });
  } else skipAloud('--out: a device', 'only root can make one');

  out('the report and its data are not the same file', () => {
    const folder = fresh();
    symlinkSync('both.json', join(folder, 'both.html'));
    assert.throws(() => checkWritable(join(folder, 'both.html')), /is the same file as its data/);
  });
}

out('no name, that of a folder, one that is too long, and one below a file are refused before training', () => {
  const folder = fresh();
  writeFileSync(join(folder, 'file'), '');
  const long = join(folder, `${'x'.repeat(252)}.html`);
  for (const path of ['', `${folder}/`, `${folder}/new/`, long, join(folder, 'file', 'report.html')]) {
    assert.throws(
      () => checkWritable(path),
      (error: Error) => error instanceof Failure,
      path,
    );
  }
});

out('a file that others planted under a temporary name is not followed', () => {
  const folder = fresh();
  writeFileSync(join(folder, 'precious'), 'mine');
  linkSync(join(folder, 'precious'), join(folder, `report.html.${process.pid}.tmp`));
  writeWhole(join(folder, 'report.html'), 'text');
  assert.is(readFileSync(join(folder, 'precious'), 'utf8'), 'mine');
});

out('a folder that goes while it trains is one line, not a stack', () => {
  const folder = fresh();
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  const script = `const { rmSync } = require('node:fs');
const { spawn } = require('node:child_process');
const options = ['train', '--quick', '--steps', '40', '--out', process.argv[2]];
const child = spawn(process.execPath, [process.argv[1], ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
let told = '';
child.stderr.on('data', (text) => {
  told += text;
  rmSync(process.argv[3], { recursive: true, force: true });
});
child.on('close', (code) => console.log(JSON.stringify({ code, told })));`;
  const given = ['-e', script, '--', MAIN, join(gone, 'r.html'), gone];
  const { code, told } = JSON.parse(spawnSync(process.execPath, given, { encoding: 'utf8' }).stdout);
  assert.is(code, 1);
  const plan = planOf({ steps: 40, batch: 60, learningRate: 0.3, seed: 1, quick: true });
  const [, instead] =
    /^batchnorm: .*gone.*r\.json: cannot be written \(.*ENOENT.*\); the report is (.*) instead$/m.exec(told)!;
  assert.is(Object.keys(JSON.parse(readFileSync(instead!.replace(/html$/, 'json'), 'utf8')).runs).length, plan.length);
  assert.match(readFileSync(instead!, 'utf8'), '<h2>Figure 1');
  rmSync(dirname(instead!), { recursive: true });
  assert.not.match(told, /^ +at /m);
});

out('where nothing can be made, as in /proc, that is said before training', () => {
  if (process.platform !== 'linux') return skipAloud('--out in /proc', 'this is no Linux');
  const { status, stderr } = train(['--out', '/proc/x.html']);
  assert.is(status, 1);
  assert.match(stderr, /^batchnorm: --out \/proc\/x\.html: cannot write into the folder \/proc/);
});

out('names are names in the page, whatever they look like', () => {
  const folder = fresh();
  const names = isWindows
    ? ['a b#c.html']
    : ['javascript:alert(1);x.html', '"><img src=x onerror=alert(1)>.html', 'a b#?%41.html'];
  for (const name of names) {
    const { status, stderr } = train(['--out', name], folder);
    assert.is(status, 0, stderr);
    const page = readFileSync(join(folder, name), 'utf8');
    const [, href] = /href="([^"]*\.json)"/.exec(page)!;
    assert.ok(href!.startsWith('./'), href);
    assert.is(fileURLToPath(new URL(href!, `file://${folder}/page.html`)), join(folder, name.replace(/html$/, 'json')));
    assert.equal(alive(page), []);
  }
});

out.run();

const resume = suite('--resume');
const folder = fresh();
const report = join(folder, 'report.html');
const file = join(folder, 'report.json');
const made = train(['--out', report]);
const good = readFileSync(file, 'utf8');
const here = JSON.parse(good) as Results;
/** One run of each kind: reading thousands of whole files would take a minute. */
const KINDS = ['plain', 'normalized', 'grid-0.1-0.1-plain', 'cost'];
const small = { ...here, runs: Object.fromEntries(KINDS.map((id) => [id, here.runs[id]])) };

resume.before(() => assert.is(made.status, 0, made.stderr));
resume.after(() => rmSync(home, { recursive: true }));

resume('what was written is read as it was', () => {
  const { runs, host } = loadRuns(report, here);
  assert.equal(runs, here.runs);
  assert.is(host, here.host);
});

/** Deeper than any recursion goes. */
const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
const HOSTILE = [
  ...[
    '"<img src=x onerror=alert(1)>"',
    '"\\" onload=\\"alert(1)"',
    '"\\u001b[2Jx\\u009b2J"',
    '""',
    `"${'x'.repeat(501)}"`,
  ],
  ...['-1', '1e308', '1e999', '0.5', 'null', 'true', '[]', '[[1]]', '{}', '{"toString":1}', '{"length":3}', DEEP],
];

type Path = (string | number)[];

/** All fields; of lists the first and the last. */
function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Array.isArray(value) ? [0, value.length - 1] : Object.keys(value);
  return [path, ...keys.flatMap((key) => paths((value as never)[key], [...path, key]))];
}

const MARK = '\u0000mark';

/** The file with something in the place of what is there. */
function tampered(path: Path): (text: string) => string {
  if (path.length === 0) return (text) => text;
  const copy = JSON.parse(JSON.stringify(small));
  const parent = path.slice(0, -1).reduce((value, key) => value[key], copy);
  parent[path.at(-1)!] = MARK;
  const [before, after] = JSON.stringify(copy).split(JSON.stringify(MARK));
  return (text) => before! + text + after!;
}

/** What of a page would do something, or fetch something. */
function alive(page: string): string[] {
  const { document } = parseHTML(page);
  return [...document.querySelectorAll('*')].flatMap((element) => {
    const attributes = [...element.attributes].map(({ name, value }) => `${name}=${value}`);
    const active = attributes.filter((text) => /^on|^src=|^href=(?!#|\.\/|https:)/i.test(text));
    return /^(img|script|link|iframe|object|embed|base|form)$/i.test(element.localName) ? [element.localName] : active;
  });
}

/** What the file holds now; null where it is refused in one line. */
function read(what: string): Pick<Results, 'runs' | 'host'> | null {
  try {
    return loadRuns(report, here);
  } catch (error) {
    if (!(error instanceof Failure)) throw new Error(`${what}: ${error}`, { cause: error });
    assert.match(error.message, /^--resume: .*report\.json (holds no data|was made with other settings)/, what);
    assert.ok(error.message.length < 500, what);
    assert.not.match(error.message, /\p{Cc}/u, what);
    return null;
  }
}

resume('a tampered file is refused in a line, or nothing in its page is alive', async () => {
  const all = paths(small);
  assert.ok(all.length > 100, `${all.length} places`);
  const drawn = new Set<string>();
  let refused = 0;
  for (const path of all) {
    const tamper = tampered(path);
    // Texts are shown as they are; of numbers, which go everywhere alike, one of each kind is drawn.
    const isText = ['host', 'name'].includes(String(path.at(-1)));
    for (const value of HOSTILE) {
      const what = `${path.join('.')} = ${value.slice(0, 50)}`;
      writeFileSync(file, tamper(value));
      const found = read(what);
      const kind = `${path.findLast((key) => typeof key === 'string')} ${isText ? value : ''}`;
      if (found === null) refused++;
      else if (!drawn.has(kind)) {
        drawn.add(kind);
        const page = renderReport({ ...here, ...found }, report);
        assert.equal(alive(page), [], what);
        assert.not.match(page, /\[object/, what);
        assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
      }
    }
  }
  assert.ok(refused > 1000, `${refused} refused`);
  assert.ok(drawn.size >= 20, `${drawn.size} drawn`);
});

resume('a field that is missing, a run of no plan, and what no file may hold are refused', () => {
  const refuse = (text: string | Buffer, message: RegExp) => {
    writeFileSync(file, text);
    assert.throws(
      () => loadRuns(report, here),
      (error: Error) => error instanceof Failure && message.test(error.message),
    );
  };
  for (const path of paths(small).filter((path) => typeof path.at(-1) === 'string')) {
    const copy = JSON.parse(JSON.stringify(small));
    delete path.slice(0, -1).reduce((value, key) => value[key], copy)[path.at(-1)!];
    writeFileSync(file, JSON.stringify(copy));
    // What is written anew each time is not asked for, and runs may be missing.
    const unread = /^(date|backend|machine|data\.(division|attribution)|runs\.[\w-.]+)$/;
    if (path.length <= 2 && unread.test(path.join('.'))) assert.ok(loadRuns(report, here));
    else
      assert.throws(
        () => loadRuns(report, here),
        (error: Error) => error instanceof Failure,
        path.join('.'),
      );
  }
  const plain = JSON.stringify(here.runs['plain']);
  refuse(
    good.replace('"runs": {', `"runs": { "mine": ${plain},`),
    /runs\.mine: expected no run of this name, found an object/,
  );
  refuse(good.replace('"runs": {', `"runs": { "__proto__": ${plain},`), /__proto__: expected no run of this name/);
  refuse(good.replace('"runs": {', `"runs": { "constructor": ${plain},`), /constructor: expected no run of this name/);
  refuse(good.slice(0, -20), /it is no JSON/);
  refuse('', /it is no JSON/);
  refuse(DEEP, /the whole: expected an object, found a list of 1/);
  refuse('{"format": "batchnorm-report/2"}', /format: expected "batchnorm-report\/1", found "batchnorm-report\/2"/);
});

resume('what is no regular file is not waited for', () => {
  if (isWindows) return skipAloud('--resume from a FIFO', 'this is Windows');
  rmSync(file);
  symlinkSync('/dev/zero', file);
  assert.throws(
    () => loadRuns(report, here),
    /report\.json cannot be read \(expected a regular file, found a device\)/,
  );
  rmSync(file);
});

resume('on the command line it is one line', () => {
  const copy = JSON.parse(good);
  for (const run of Object.values<{ steps: unknown }>(copy.runs)) run.steps = '<img src=x onerror=alert(1)>';
  writeFileSync(file, JSON.stringify(copy));
  rmSync(report);
  const { status, stderr } = train(['--resume', '--out', report]);
  assert.is(status, 1);
  assert.match(
    stderr,
    new RegExp(
      String.raw`^batchnorm: --resume: .*report\.json holds no data of batchnorm train ` +
        String.raw`\(runs\.[\w.-]+\.steps: expected \d+, found "<img.*\); start without --resume\n$`,
    ),
  );
  assert.not.ok(existsSync(report));
});

resume.run();

function train(options: string[], cwd = home) {
  return spawnSync(process.execPath, [MAIN, ...SHORT, ...options], { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
}
