/** The number of threads by default under quotas of control groups: made-up files, and where root may, a real quota. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import * as assert from 'uvu/assert';
import { cpuQuota } from '#dist/backends/cgroups.js';
import { budgetOf, threadBudget } from '#dist/backends/threads.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('threads under quotas');

const V1 = '33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct';
const V1_MEMORY = '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory';
const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const HYBRID_V2 = '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw';

/** The quota by files alone: those of /proc by their last name, those of groups by their path. */
function quota(files: Readonly<Record<string, string>>) {
  const named = (path: string) => path.replace(/^\/proc\/self\//, '');
  return cpuQuota((path) => files[named(path)]);
}

test('version 2: the quota of the own group', () => {
  const files = { cgroup: '0::/app\n', mountinfo: `${V2}\n`, '/sys/fs/cgroup/app/cpu.max': '150000 100000\n' };
  assert.equal(quota(files), { processors: 1.5, file: '/sys/fs/cgroup/app/cpu.max' });
});

test('version 2: the least of all levels, to the root of what is mounted', () => {
  const folder = '/sys/fs/cgroup';
  const limits = ['200000 100000', '50000 100000', '400000 100000'];
  for (let turn = 0; turn < 3; ++turn) {
    const [own, parent, root] = [0, 1, 2].map((i) => limits[(i + turn) % 3]);
    const files = {
      cgroup: '0::/pod/app\n',
      mountinfo: V2,
      [`${folder}/pod/app/cpu.max`]: own!,
      [`${folder}/pod/cpu.max`]: parent!,
      [`${folder}/cpu.max`]: root!,
    };
    assert.is(quota(files)?.processors, 0.5, `turn ${turn}`);
  }
});

test('version 2: "max" is no limit, nor is a group without the controller', () => {
  const files = { cgroup: '0::/pod/app\n', mountinfo: V2, '/sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n' };
  assert.is(quota(files), undefined);
  assert.equal(quota({ ...files, '/sys/fs/cgroup/pod/cpu.max': '300000 100000\n' })?.processors, 3);
});

test('version 2 in a container: its own group is the root', () => {
  assert.is(quota({ cgroup: '0::/\n', mountinfo: V2, '/sys/fs/cgroup/cpu.max': '25000 50000\n' })?.processors, 0.5);
});

test('version 1: the quota of the own group and of those above', () => {
  const folder = '/sys/fs/cgroup/cpu,cpuacct';
  const files = {
    cgroup: '9:memory:/other\n4:cpu,cpuacct:/a/b\n1:name=systemd:/c\n',
    mountinfo: `${V1_MEMORY}\n${V1}\n`,
    [`${folder}/a/b/cpu.cfs_quota_us`]: '-1\n',
    [`${folder}/a/b/cpu.cfs_period_us`]: '100000\n',
    [`${folder}/a/cpu.cfs_quota_us`]: '200000\n',
    [`${folder}/a/cpu.cfs_period_us`]: '100000\n',
    [`${folder}/cpu.cfs_quota_us`]: '-1\n',
    [`${folder}/cpu.cfs_period_us`]: '100000\n',
  };
  assert.equal(quota(files), { processors: 2, file: `${folder}/a/cpu.cfs_quota_us` });
});

test('version 1 in a container: the host’s path leads to what is mounted of it', () => {
  const mountinfo = '33 31 0:29 /docker/f00 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu';
  const limit = (folder: string) => ({
    [`${folder}/cpu.cfs_quota_us`]: '50000',
    [`${folder}/cpu.cfs_period_us`]: '100000',
  });
  const at = '/sys/fs/cgroup/cpu';
  assert.is(quota({ cgroup: '1:cpu:/docker/f00', mountinfo, ...limit(at) })?.processors, 0.5);
  assert.is(quota({ cgroup: '1:cpu:/docker/f00/in', mountinfo, ...limit(`${at}/in`) })?.processors, 0.5);
  assert.is(quota({ cgroup: '1:cpu:/docker/f00d', mountinfo, ...limit(at) })?.processors, 0.5, 'another group');
});

test('a group outside of the namespace is not looked for outside of the mount', () => {
  const files = { cgroup: '0::/../../secret\n', mountinfo: V2, '/sys/fs/cgroup/cpu.max': '70000 100000' };
  assert.is(quota(files)?.processors, 0.7);
});

test('hybrid: both hierarchies are asked', () => {
  const v1 = { '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '300000' };
  const period = { '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000' };
  const both = { cgroup: '4:cpu,cpuacct:/a\n0::/b\n', mountinfo: `${V1}\n${HYBRID_V2}\n`, ...v1, ...period };
  assert.is(quota(both)?.processors, 3);
  assert.is(quota({ ...both, '/sys/fs/cgroup/unified/b/cpu.max': '200000 100000' })?.processors, 2);
});

test('odd periods, and names with blanks', () => {
  const mountinfo = '30 23 0:26 / /my\\040groups rw - cgroup2 none rw';
  assert.is(quota({ cgroup: '0::/a:b', mountinfo, '/my groups/a:b/cpu.max': '1000 3000' })?.processors, 1 / 3);
  assert.is(quota({ cgroup: '0::/', mountinfo, '/my groups/cpu.max': '3333 1000000' })?.processors, 0.003333);
});

test('what cannot be read or understood is no limit', () => {
  assert.is(quota({}), undefined);
  assert.is(quota({ cgroup: '0::/a' }), undefined);
  assert.is(quota({ mountinfo: V2, '/sys/fs/cgroup/cpu.max': '100000 100000' })?.processors, 1, 'without a group');
  for (const text of ['', 'max', '100000', '0 100000', '-5 100000', '100000 0', 'x y', '100000 -1']) {
    assert.is(quota({ cgroup: '0::/', mountinfo: V2, '/sys/fs/cgroup/cpu.max': text }), undefined, text);
  }
  const v1 = { cgroup: '1:cpu:/', mountinfo: V1, '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '50000' };
  assert.is(quota(v1), undefined, 'a period that cannot be read');
  assert.is(quota({ cgroup: 'nonsense\n\n::', mountinfo: 'nonsense\n1 2 3 - cgroup2\n- -\n' }), undefined);
});

test('threads: the least of processors and the quota rounded up, at least one', () => {
  const threads = (processors: number, quota: number) => budgetOf(processors, { processors: quota, file: '' }).threads;
  assert.is(budgetOf(64, undefined).threads, 64);
  assert.equal(
    [0.01, 0.5, 1, 1.01, 1.5, 2, 2.5, 63.5, 64, 128].map((quota) => threads(64, quota)),
    [1, 1, 1, 2, 2, 2, 3, 64, 64, 64],
  );
  assert.is(threads(1, 2.5), 1);
});

test('threads: never more than the processors of this process', () => {
  const { threads, processors } = threadBudget();
  assert.is(processors, availableParallelism());
  assert.ok(threads >= 1 && threads <= processors);
});

/** Where the quota of a new group below this process's is set: the folder, and what is written for half a processor. */
function ownGroup(): { folder: string; file: string; text: string } | undefined {
  const mounts = [
    { point: '/sys/fs/cgroup/cpu', file: 'cpu.cfs_quota_us', text: '50000' },
    { point: '/sys/fs/cgroup/cpu,cpuacct', file: 'cpu.cfs_quota_us', text: '50000' },
    { point: '/sys/fs/cgroup', file: 'cpu.max', text: '50000 100000' },
  ];
  for (const { point, file, text } of mounts) {
    const folder = `${point}/batchnorm-test-${process.pid}`;
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    if (existsSync(`${folder}/${file}`)) return { folder, file, text };
    rmdirSync(folder);
  }
  return undefined;
}

const group = ownGroup();
if (group === undefined) {
  skipAloud('a real quota', 'no control group of processors can be made here (not root, or a read-only mount)');
} else {
  test('a real quota of half a processor: one thread, and doctor says why', () => {
    const { folder, file, text } = group;
    try {
      writeFileSync(`${folder}/${file}`, text);
      assert.match(readFileSync(`${folder}/${file}`, 'utf8'), /^50000/);
      const script = "import('batchnorm').then(({ backend }) => console.log(String(backend().threads)))";
      const inGroup = ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder, process.execPath];
      const env = { ...process.env, BATCHNORM_BACKEND: 'wasm', BATCHNORM_THREADS: '' };
      const { stdout, stderr } = spawnSync('sh', [...inGroup, '-e', script], { env, encoding: 'utf8' });
      assert.is(stdout.trim(), '1', stderr);
      const doctor = spawnSync('sh', [...inGroup, 'dist/cli/main.js', 'doctor'], { env, encoding: 'utf8' });
      const expected = `threads     1: a quota of 0.5 processors (${folder}/${file})`;
      assert.ok(doctor.stdout.includes(expected), doctor.stdout + doctor.stderr);
    } finally {
      rmdirSync(folder);
    }
  });
}
