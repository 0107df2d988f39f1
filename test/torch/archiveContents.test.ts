import { describe, expect, test } from '@jest/globals';
import { readArchive } from '../../lib/torch/io/archive.ts';
import { load } from '../../lib/torch/jit/index.ts';
import { checkPickle } from '../../lib/torch/jit/pickle.ts';
import { loadFixture } from '../support/fixtures.ts';
import { type Part, zip } from '../support/zip.ts';

/** Archives that are whole, every checksum right, and whose content would end or fill the process that reads it. */

const { archives } = loadFixture<{ archives: Record<string, string> }>('jit.json.gz');
const whole = Buffer.from(archives.ranker as string, 'base64');

/** The archive with one of its files changed. */
function changed(name: RegExp, change: (content: Buffer) => Uint8Array): Uint8Array {
  let found = false;
  const parts = [...readArchive(whole).values()].map((entry): Part => {
    const content = Buffer.from(entry.read());
    if (!name.test(entry.name)) return { name: `root/${entry.name}`, content };
    found = true;
    return { name: `root/${entry.name}`, content: change(content) };
  });
  expect(found).toBe(true);
  return zip(parts);
}

function replaced(content: Buffer, from: string, to: string): Buffer {
  const text = content.toString('latin1');
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to), 'latin1');
}

const CODE = /^code\/.*\.py$/;
const deep = (open: string, inside: string, close: string, levels: number) =>
  Buffer.from(
    `class A(Module):\n  def f(self) -> int:\n    return ${open.repeat(levels)}${inside}${close.repeat(levels)}\n`,
  );

test('the archive with nothing changed loads', () => {
  expect(load(changed(/^version$/, (content) => content)).training).toBe(true);
});

test.each<[what: string, archive: () => Uint8Array, reason: RegExp]>([
  [
    'a record that is shorter than its storage',
    () => changed(/^data\/3$/, (content) => content.subarray(0, 8)),
    /storage of \d+ bytes, of which the archive has 8/,
  ],
  [
    'a text longer than its pickle',
    () =>
      changed(/^data\.pkl$/, (content) =>
        replaced(content, 'X\x08\x00\x00\x00training', 'X\x08\x00\x00ptraining'),
      ),
    /data\.pkl ends too early/,
  ],
  [
    'lists in lists',
    () =>
      changed(/^data\.pkl$/, () =>
        Buffer.from(`\x80\x02${']('.repeat(300_000)}${'e'.repeat(300_000)}.`, 'latin1'),
      ),
    /nests more than 1000 levels/,
  ],
  [
    'tuples in tuples',
    () => changed(/^constants\.pkl$/, () => Buffer.from(`\x80\x02)${'\x85'.repeat(300_000)}.`, 'latin1')),
    /nests more than 1000 levels/,
  ],
  [
    'an opcode that runs',
    () => changed(/^data\.pkl$/, () => Buffer.from("\x80\x02(S'id'\nios\nsystem\n.", 'latin1')),
    /opcode 83/,
  ],
  ['parentheses', () => changed(CODE, () => deep('(', '1', ')', 10_000)), /expression that nests too deep/],
  ['brackets', () => changed(CODE, () => deep('[', '1', ']', 10_000)), /expression that nests too deep/],
  ['signs', () => changed(CODE, () => deep('-', '1', '', 50_000)), /expression that nests too deep/],
  [
    'negations',
    () => changed(CODE, () => deep('not ', 'True', '', 50_000)),
    /expression that nests too deep/,
  ],
  ['sums', () => changed(CODE, () => deep('1 + ', '1', '', 50_000)), /expression that nests too deep/],
  [
    'calls of calls',
    () => changed(CODE, () => deep('', 'f', '()', 50_000)),
    /expression that nests too deep/,
  ],
  [
    'blocks',
    () =>
      changed(CODE, () =>
        Buffer.from(Array.from({ length: 5000 }, (_, i) => `${'  '.repeat(i)}if True:\n`).join('')),
      ),
    /blocks that nest too deep/,
  ],
  [
    'a version of many digits',
    () => changed(/^version$/, () => Buffer.from('9'.repeat(100_000))),
    /version is no number/,
  ],
])('%s: refused before libtorch reads it', (_, archive, reason) => {
  expect(() => load(archive())).toThrow(reason);
});

describe('a pickle', () => {
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes.toString('latin1');
  };
  const text = (value: string) => `X${uint32(value.length)}${value}`;
  const int = (value: number) => `J${uint32(value >>> 0)}`;
  const tuple = (...items: string[]) => `(${items.join('')}t`;
  const storage = (elements: number, type = 'torch\nFloatStorage') =>
    `${tuple(text('storage'), `c${type}\n`, text('0'), text('cpu'), int(elements))}Q`;
  const tensor = (of: string, offset: number, sizes: number[], strides: number[]) =>
    `ctorch._utils\n_rebuild_tensor_v2\n${tuple(of, int(offset), tuple(...sizes.map(int)), tuple(...strides.map(int)), '\x89')}R`;
  const check =
    (pickle: string, size = 48) =>
    () =>
      checkPickle(Buffer.from(`\x80\x02${pickle}.`, 'latin1'), (key) => (key === '0' ? size : undefined));

  test.each([
    ['a matrix', tensor(storage(12), 0, [3, 4], [4, 1])],
    ['its transpose', tensor(storage(12), 0, [4, 3], [1, 4])],
    ['its last element', tensor(storage(12), 11, [], [])],
    ['the same element many times', tensor(storage(12), 3, [1000, 1000], [0, 0])],
    ['nothing of it', tensor(storage(12), 40, [0, 1000], [1000, 1])],
    ['a list that is used twice', '(]q\x00(K\x01K\x02eh\x00h\x00t'],
  ])('is taken: %s', (_, pickle) => {
    expect(check(pickle)).not.toThrow();
  });

  test.each([
    ['a storage beyond its record', storage(13)],
    ['a storage of another type', storage(12, 'torch\nNoStorage')],
    ['a storage without a record', storage(12).replace('\x01\x00\x00\x000', '\x01\x00\x00\x001')],
    ['more rows', tensor(storage(12), 0, [4, 4], [4, 1])],
    ['a later beginning', tensor(storage(12), 1, [3, 4], [4, 1])],
    ['longer steps', tensor(storage(12), 0, [3, 4], [5, 1])],
    ['steps back', tensor(storage(12), 4, [3], [-1])],
    ['sizes below zero', tensor(storage(12), 0, [-3], [1])],
    ['fewer steps than sizes', tensor(storage(12), 0, [3, 4], [1])],
    ['a list in itself', ']q\x00h\x00a'],
    ['what grows after it was put elsewhere', '(]q\x00]h\x00ah\x00K\x01a'],
    ['a value from an empty stack', 'a'],
    ['a mark that is not there', 't'],
    ['a value that was not kept', 'h\x07'],
    ['a type in types', text(`${'List['.repeat(1000)}int${']'.repeat(1000)}`)],
  ])('is refused: %s', (_, pickle) => {
    expect(check(pickle)).toThrow();
  });
});
