/** Whatever is not as it was written is told from what is: by the name of a file, and by what is wrong with it. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { CheckpointStore } from '../../lib/learning/checkpoint.ts';
import { DamagedError } from '../../lib/learning/damaged.ts';
import { type Disk, disk } from '../../lib/learning/disk.ts';
import {
  MANIFEST_FILE,
  type Manifest,
  MODEL_FILE,
  readManifest,
  STATE_FILE,
  TENSORS_FILE,
  writeManifest,
} from '../../lib/learning/manifest.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { Snapshot } from '../../lib/learning/snapshot.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { contentsOf, NOTE } from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { MemoryDisk } from './memoryDisk.ts';

const test = repeatable(import.meta.url);
const FILES = [MODEL_FILE, STATE_FILE, TENSORS_FILE];
const ALL = [...FILES, MANIFEST_FILE];
const FLIPS = full ? 20_000 : 2_000;

/** Two checkpoints with all kinds of files, each of some blocks. @returns their paths */
async function twoCheckpoints(on: Disk, directory: string): Promise<[string, string]> {
  const store = new CheckpointStore(directory, { last: 2, every: 0 }, { on });
  const paths: string[] = [];
  for (const epoch of [1, 2]) {
    const losses = Array.from({ length: 600 }, (_, i) => Math.sin(i * epoch));
    const snapshot = tidy(() =>
      Snapshot.take(new Linear(200, 16), { epoch, moments: F.randn([2500]), losses }),
    );
    paths.push(await store.save({ epoch, steps: 10 * epoch }, snapshot, NOTE));
    snapshot.dispose();
  }
  return paths as [string, string];
}

/** What is wrong with how a damaged checkpoint is read; undefined where it is refused, as it must be. */
async function wrongOf(on: Disk, path: string, ...files: string[]): Promise<string | undefined> {
  try {
    await tidy(async () => void (await readCheckpoint(path, on)));
    return 'it was read';
  } catch (error) {
    if (!(error instanceof DamagedError)) return `${error}`;
    const isNamed = files.some((file) => error.message.includes(file));
    return isNamed ? undefined : `it names none of ${files}: ${error.message}`;
  }
}

async function inMemory(): Promise<{ readonly on: MemoryDisk; readonly path: string }> {
  const on = new MemoryDisk();
  await on.makeDirectory('/checkpoints');
  const [, path] = await twoCheckpoints(on, '/checkpoints');
  await tidy(async () => void (await readCheckpoint(path, on)));
  return { on, path };
}

/** Reads with one bit changed. */
async function wrongWithFlip(on: MemoryDisk, path: string, file: string, bit: number) {
  const entry = on.entryAt(join(path, file));
  if (entry.kind !== 'file') throw new Error(`${file} is no file`);
  const { content } = entry;
  entry.content = Buffer.from(content);
  (entry.content[bit >> 3] as number) ^= 1 << (bit & 7);
  const wrong = await wrongOf(on, path, file);
  entry.content = content;
  return wrong === undefined ? [] : [`bit ${bit} of ${file}: ${wrong}`];
}

test('every single bit of the manifest', async () => {
  const { on, path } = await inMemory();
  const bits = 8 * ((await contentsOf(on, path))[MANIFEST_FILE] as Buffer).length;
  const wrongs: string[] = [];
  for (let bit = 0; bit < bits; bit++) wrongs.push(...(await wrongWithFlip(on, path, MANIFEST_FILE, bit)));
  expect(wrongs.slice(0, 20)).toEqual([]);
  tell(`${bits} flips`);
});

test('any single bit of the other files', async () => {
  const { on, path } = await inMemory();
  const contents = await contentsOf(on, path);
  const sizes = FILES.map((name) => (contents[name] as Buffer).length);
  const wrongs: string[] = [];
  for (let i = 0; i < FLIPS; i++) {
    const random = randomOf(i);
    let byte = random.below(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (; byte >= (sizes[at] as number); at++) byte -= sizes[at] as number;
    wrongs.push(...(await wrongWithFlip(on, path, FILES[at] as string, 8 * byte + random.below(8))));
  }
  expect(wrongs.slice(0, 20)).toEqual([]);
  expect(on.openFiles).toBe(0);
  tell(`${FLIPS} flips in ${sizes} bytes`);
});

/** What happens to a checkpoint. @param other another one, of the epoch before */
type Damage = (path: string, other: string) => void;
type DamageCase = readonly [name: string, damage: Damage, files: readonly string[]];

const rewrite =
  (file: string, change: (content: Buffer) => Buffer): Damage =>
  (path) =>
    writeFileSync(join(path, file), change(readFileSync(join(path, file))));

function truncations(file: string, size: number): DamageCase[] {
  const blocks = Array.from({ length: Math.floor(size / 4096) }, (_, i) => 4096 * (i + 1));
  const lengths = [0, 1, 7, 8, 9, ...blocks.flatMap((at) => [at - 1, at, at + 1]), size - 1];
  return [...new Set(lengths)]
    .filter((length) => length < size)
    .map((length) => [`${length} bytes of`, rewrite(file, (content) => content.subarray(0, length)), [file]]);
}

function changes(file: string, content: Buffer): DamageCase[] {
  const cases = truncations(file, content.length);
  for (const count of [1, 8, 4096])
    for (const value of [0, 255]) {
      const more = Buffer.alloc(count, value);
      cases.push([
        `${count} times ${value} behind`,
        rewrite(file, (before) => Buffer.concat([before, more])),
        [file],
      ]);
    }
  for (const count of [1, 8, 512, 4096]) {
    if (content.subarray(-count).every((byte) => byte === 0)) continue;
    const zero = (before: Buffer) => before.fill(0, Math.max(0, before.length - count));
    cases.push([`${count} zeros at the end of`, rewrite(file, zero), [file]]);
  }
  return cases;
}

/** Something else has the name of a file. */
const INSTEAD: Readonly<Record<string, (at: string, moved: string) => void>> = {
  nothing: () => {},
  'a folder': (at) => mkdirSync(at),
  'a folder with the file in it': (at, moved) => {
    mkdirSync(at);
    cpSync(moved, join(at, 'file'));
  },
  'a named pipe': (at) => execFileSync('mkfifo', [at]),
  'a link to the file': (at, moved) => symlinkSync(moved, at),
  'a link to nothing': (at) => symlinkSync('nowhere', at),
  'a link to itself': (at) => symlinkSync(at, at),
  'a link to a folder': (at) => symlinkSync('.', at),
  'a link to an endless device': (at) => symlinkSync('/dev/zero', at),
};

function instead(file: string): DamageCase[] {
  return Object.entries(INSTEAD).map(([name, put]) => [
    `${name} instead of`,
    (path) => {
      const moved = `${path}.moved`;
      renameSync(join(path, file), moved);
      put(join(path, file), moved);
    },
    [file],
  ]);
}

function swaps(file: string): DamageCase[] {
  const others = ALL.slice(ALL.indexOf(file) + 1);
  const swap = (other: string) => (path: string) => {
    renameSync(join(path, file), join(path, 'between'));
    renameSync(join(path, other), join(path, file));
    renameSync(join(path, 'between'), join(path, other));
  };
  return others.map((other) => [`${other} swapped with`, swap(other), [file, other]]);
}

test('whatever becomes of a file', async () => {
  const directory = temporaryDirectory();
  const [other, path] = await twoCheckpoints(disk, directory);
  const contents = await contentsOf(disk, path);
  const cases = ALL.flatMap((file) => {
    const copyOther: Damage = (to, from) => cpSync(join(from, file), join(to, file));
    const named = file === MANIFEST_FILE ? FILES : [file];
    const all: DamageCase[] = [
      ...changes(file, contents[file] as Buffer),
      ...instead(file),
      ...swaps(file),
      ['that of another checkpoint for', copyOther, named],
    ];
    return all.map(([name, ...rest]): DamageCase => [`${name} ${file}`, ...rest]);
  });
  const wrongs: string[] = [];
  for (const [name, damage, files] of cases) {
    const copy = join(directory, 'copy');
    cpSync(path, copy, { recursive: true });
    damage(copy, other);
    const wrong = await wrongOf(disk, copy, ...files);
    if (wrong !== undefined) wrongs.push(`${name}: ${wrong}`);
    for (const each of [copy, `${copy}.moved`]) rmSync(each, { recursive: true, force: true });
  }
  expect(wrongs).toEqual([]);
  tell(`${cases.length} cases`);
});

test('a socket in place of a file, a file in place of a checkpoint, and none', async () => {
  const directory = temporaryDirectory();
  const [, path] = await twoCheckpoints(disk, directory);
  rmSync(join(path, STATE_FILE));
  const server = createServer().listen(join(path, STATE_FILE));
  try {
    expect(statSync(join(path, STATE_FILE)).isSocket()).toBe(true);
    expect(await wrongOf(disk, path, STATE_FILE)).toBeUndefined();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  writeFileSync(join(directory, 'file'), '');
  expect(await wrongOf(disk, join(directory, 'file'), MANIFEST_FILE)).toBeUndefined();
  expect(await wrongOf(disk, join(directory, 'nothing'), MANIFEST_FILE)).toBeUndefined();
});

const HOSTILE_NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__'],
  ...['', '.', '..', '../x', '../copy/state.json', 'a/b.json', '/etc/passwd', 'a\\b.json', 'C:x.json'],
  ...[
    '.hidden',
    '~',
    '-rf',
    'x\0.json',
    'x.json\n',
    'x.json ',
    '%2e%2e.json',
    'ü.json',
    'x..json',
    MANIFEST_FILE,
  ],
  `${'a'.repeat(300)}.json`,
];

const HOSTILE_ENTRIES: readonly unknown[] = [
  ...[null, [], 'text', 1, true, {}, { size: 1 }, { sha256: '0'.repeat(64) }],
  ...[-1, 1.5, '1', null, 2 ** 53, [1]].map((size) => ({ size, sha256: '0'.repeat(64) })),
  ...[1, null, '', 'A'.repeat(64), '0'.repeat(63), ['0'.repeat(64)]].map((sha256) => ({ size: 1, sha256 })),
];

const HOSTILE_LISTS: readonly object[] = [
  ...[null, [], 'text', 1].map((files) => ({ files })),
  ...[null, '1', 1.5, -1, 2 ** 60, [1], undefined].flatMap((value) => [{ epoch: value }, { steps: value }]),
  ...[null, 1, undefined].map((id) => ({ id })),
  ...[null, '2', 2.5, undefined].map((version) => ({ version })),
];

test('a manifest that somebody made to do harm', async () => {
  const { on, path } = await inMemory();
  const { sha256: _, files, ...described } = { sha256: '', ...(await readManifest(on, path)) };
  const entry = files[STATE_FILE];
  const named = (name: string, value: unknown) => {
    const more = Object.fromEntries([[name, value]]); // an own property, also of a name like __proto__
    return { files: Object.assign(Object.create(null), files, more) };
  };
  const lists = [
    ...HOSTILE_NAMES.map((name) => named(name, entry)),
    named('__proto__', { size: 1, polluted: true }),
    ...HOSTILE_ENTRIES.map((value) => named(STATE_FILE, value)),
    ...HOSTILE_LISTS,
    { files: { [STATE_FILE]: entry } },
    { files: {} },
  ];
  const wrongs: string[] = [];
  for (const list of lists) {
    const text = JSON.stringify(list);
    await rewriteManifest(on, path, { ...described, files, ...list } as Manifest);
    const wrong = await wrongOf(on, path, 'manifest.json is no list of files', 'manifest.json does not name');
    if (wrong !== undefined) wrongs.push(`${text.slice(0, 200)}: ${wrong}`);
  }
  expect(wrongs).toEqual([]);
  expect([({} as { polluted?: unknown }).polluted, on.openFiles]).toEqual([undefined, 0]);
  for (const version of [0, 3, 1000]) {
    await rewriteManifest(on, path, { ...described, files, version });
    await expect(readCheckpoint(path, on)).rejects.toThrow(ArgumentError);
    await expect(readCheckpoint(path, on)).rejects.toThrow(`received version ${version}`);
  }
  await rewriteManifest(on, path, { ...described, files });
  await tidy(async () => void (await readCheckpoint(path, on)));
  tell(`${lists.length} manifests`);
});

/** Writes one that is sealed as ours are. */
async function rewriteManifest(on: Disk, path: string, { files, ...described }: Manifest): Promise<void> {
  await on.remove(join(path, MANIFEST_FILE));
  await writeManifest(on, path, described, files);
}
