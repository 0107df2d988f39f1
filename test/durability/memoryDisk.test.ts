/** The disk in memory does what the one of the system does; only then do tests on it tell something. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { codeOf } from '../../lib/experiment/files.ts';
import { type Disk, disk } from '../../lib/learning/disk.ts';
import type { Random } from '../robustness/random.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { contentOf } from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { MemoryDisk, PowerCut } from './memoryDisk.ts';

const PATHS = ['a', 'b', 'l', 'a/x', 'a/y', 'b/x', 'a/x/z', 'l/x', 'b/m', 'b/m/x'];
const TARGETS = ['a', 'b', 'l', 'a/x', 'nowhere', 'm'];
const SEQUENCES = full ? 4_000 : 400;
const CALLS = 40;

type Call = readonly [text: string, run: (on: Disk, root: string) => Promise<unknown>];

function anyCall(random: Random): Call {
  const [path, other] = [random.pick(PATHS), random.pick(PATHS)];
  const target = random.pick(TARGETS);
  const content = Buffer.alloc(random.below(1000), random.below(256));
  const calls: Call[] = [
    [`makeDirectory ${path}`, (on, root) => on.makeDirectory(join(root, path))],
    [`list ${path}`, async (on, root) => (await on.list(join(root, path))).sort()],
    [
      `create ${path}`,
      async (on, root) => {
        const file = await on.create(join(root, path));
        await file.write(content);
        await file.write(content.subarray(3));
        await file.sync();
        await file.close();
      },
    ],
    [
      `read ${path}`,
      async (on, root) => (await contentOf(on, join(root, path)))?.toString('hex') ?? 'no file',
    ],
    [`rename ${path} ${other}`, (on, root) => on.rename(join(root, path), join(root, other))],
    [`link ${path} ${other}`, (on, root) => on.link(join(root, path), join(root, other))],
    [`symlink ${target} ${path}`, (on, root) => on.symlink(target, join(root, path))],
    [`remove ${path}`, (on, root) => on.remove(join(root, path))],
    [`removeDirectory ${path}`, (on, root) => on.removeDirectory(join(root, path))],
    [
      `sync ${path}`,
      async (on, root) => {
        await on.list(join(root, path)); // what is no directory is never asked for this
        await on.sync(join(root, path));
      },
    ],
  ];
  return random.pick(calls);
}

async function outcome(run: Promise<unknown>): Promise<unknown> {
  try {
    return (await run) ?? 'done';
  } catch (error) {
    return codeOf(error) ?? `${error}`;
  }
}

repeatable(import.meta.url)('answers every call as the disk of the system does', async () => {
  const base = temporaryDirectory();
  const answers = new Map<string, number>();
  for (let i = 0; i < SEQUENCES; i++) {
    const random = randomOf(i);
    const memory = new MemoryDisk();
    const root = join(base, `${i}`);
    await disk.makeDirectory(root);
    for (const name of ['a', 'b']) {
      await disk.makeDirectory(join(root, name));
      await memory.makeDirectory(`/${name}`);
    }
    const done: string[] = [];
    for (let j = 0; j < CALLS; j++) {
      const [text, run] = anyCall(random);
      const [real, ours] = [await outcome(run(disk, root)), await outcome(run(memory, '/'))];
      done.push(`${text}: ${JSON.stringify(real)}`);
      if (JSON.stringify(real) !== JSON.stringify(ours)) {
        const told = done.map((line) => line.slice(0, 80)).join('\n');
        throw new Error(`sequence ${i}: the disk in memory says ${JSON.stringify(ours)}\n${told}`);
      }
      const answer = typeof real === 'string' && /^E[A-Z]+/.test(real) ? real : 'done';
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  }
  const codes = ['EEXIST', 'EISDIR', 'ELOOP', 'ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EPERM', 'done'];
  expect([...answers.keys()].sort()).toEqual(expect.arrayContaining(codes));
  tell(`${SEQUENCES * CALLS} calls: ${[...answers].map(([code, count]) => `${count} ${code}`).join(', ')}`);
});

test('what was forced to the disk is there after a power failure, what was not may be', async () => {
  const on = new MemoryDisk();
  const write = async (path: string, content: string, sync: boolean) => {
    const file = await on.create(path);
    await file.write(Buffer.from(content));
    if (sync) await file.sync();
    await file.close();
  };
  await on.makeDirectory('/d');
  await on.sync('/');
  await write('/d/named', 'whole', true);
  await write('/d/old', 'whole', true);
  await on.sync('/d');
  await write('/d/torn', 'x'.repeat(2000), false);
  await write('/d/unnamed', 'whole', true);
  await on.rename('/d/old', '/d/new');
  on.cutAt(2);
  await on.list('/d');
  await expect(on.list('/d')).rejects.toThrow(PowerCut);
  await expect(on.sync('/d')).rejects.toThrow(PowerCut);

  const seen = new Map<string, Set<string>>();
  for (let i = 0; i < 500; i++) {
    const found = on.afterPowerLoss(randomOf(i));
    const names = await found.list('/d');
    const note = (name: string, what: string) => seen.set(name, (seen.get(name) ?? new Set()).add(what));
    for (const name of ['named', 'torn', 'unnamed', 'old', 'new']) {
      const content = names.includes(name) ? await contentOf(found, `/d/${name}`) : undefined;
      const x = content?.filter((byte) => byte === 120).length;
      if (content === undefined) note(name, 'missing');
      else if (`${content}` === 'whole' || x === 2000) note(name, 'whole');
      else note(name, content.length === 2000 ? 'garbage' : content.length % 512 === 0 ? 'cut' : 'odd');
    }
    note('renamed', `${names.includes('old')} ${names.includes('new')}`);
  }
  const lists = Object.fromEntries([...seen].map(([name, fates]) => [name, [...fates].sort()]));
  expect(lists).toEqual({
    named: ['whole'],
    torn: ['cut', 'garbage', 'missing', 'whole'],
    unnamed: ['missing', 'whole'],
    old: ['missing', 'whole'],
    new: ['missing', 'whole'],
    renamed: ['false false', 'false true', 'true false', 'true true'],
  });
});
