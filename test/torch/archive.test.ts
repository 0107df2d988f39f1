/** What `torch.jit.load` does with files that are no archives of PyTorch: an error each time, before libtorch sees them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { readArchive } from '../../lib/torch/io/archive.ts';
import { seeded } from '../robustness/random.ts';
import { ended } from '../support/process.ts';
import { itPython, runPython, sameTorch } from '../support/python.ts';
import { numbers, type Part, zip } from '../support/zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'xpmir-archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

let good: readonly Part[] = [];
let written: Uint8Array = new Uint8Array();
beforeAll(() => {
  const model = new torch.nn.Sequential(new torch.nn.Linear(3, 2), new torch.nn.ReLU());
  written = torch.jit.trace(model, [torch.ones([2, 3])]).toBytes({ extraFiles: { 'note.txt': 'x' } });
  good = [...readArchive(written).values()].map((entry) => ({
    name: `root/${entry.name}`,
    content: entry.read(),
  }));
});

const without = (name: string) => good.filter((part) => part.name !== `root/${name}`);
const first = (change: Partial<Part>) => [{ ...(good[0] as Part), ...change }, ...good.slice(1)];
const more = (part: Partial<Part>) => [...good, { name: 'root/more', content: Buffer.from('more'), ...part }];
const data = (change: Partial<Part>) =>
  good.map((part) => (part.name === 'root/data/0' ? { ...part, ...change } : part));
const extra64 = (...values: readonly number[]) =>
  numbers([2, 1], [2, 8 * values.length], ...values.map((value) => [8, value] as const));

describe('archives', () => {
  test('of other writers are loaded', () => {
    const packed = good.map((part) => (part.name.includes('/code/') ? { ...part, method: 8 } : part));
    const listed64 = data({ central: { size: 0xffffffff, extra: extra64(24) } });
    for (const parts of [good, packed, listed64, [...good].reverse()]) {
      const script = torch.jit.load(zip(parts));
      expect(script.forward(torch.ones([1, 3])).shape).toEqual([1, 2]);
      expect(Buffer.from(script.extraFiles.get('note.txt')!).toString()).toBe('x');
    }
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /the file is empty/],
    ['one byte', () => Buffer.from('P'), /no zip archive/],
    ['text', () => Buffer.from('a model that is none'.repeat(9)), /no zip archive/],
    ['a pickle', () => Buffer.from([0x80, 2, 0x8a, 10, 0x6c]), /a pickle/],
    ['an array of numpy', () => Buffer.from('\x93NUMPY\x01\0 and more', 'latin1'), /numpy/],
    [
      'a state dict of torch.save',
      () => zip(without('constants.pkl').filter(({ name }) => !name.includes('code'))),
      /torch\.save/,
    ],
    [
      'a .pt2 package',
      () => zip([{ name: 'm/archive_format', content: Buffer.from('pt2') }]),
      /\.pt2 package/,
    ],
    ['no code', () => zip(good.filter(({ name }) => !name.includes('/code/'))), /torch\.save|no code/],
    ['an empty archive', () => zip([]), /no zip archive/],
    ['an end without a beginning', () => zip(good).subarray(1), /no zip archive/],
    ['cut in the middle', () => zip(good).subarray(0, 700), /cut short/],
    ['cut by a byte', () => zip(good).subarray(0, -1), /cut short/],
    ['a byte behind the end', () => zip(good, { after: Buffer.from('x') }), /behind its end/],
    [
      'an archive behind an archive',
      () => Buffer.concat([zip(good), zip(good)]),
      /not where|over something|before/,
    ],
    ['bytes before it', () => zip(good, { before: Buffer.from('MZ') }), /no zip archive/],
    [
      'bytes before it that look like it',
      () => zip(good, { before: numbers([4, 0x04034b50]) }),
      /before its entries/,
    ],
    ['several disks', () => zip(good, { disk: 1 }), /several disks/],
    ['more entries than listed', () => zip(good, { count: 3 }), /other bytes/],
    ['fewer entries than listed', () => zip(good, { count: 60_000 }), /60000 entries/],
    ['one entry too many', () => zip(good, { count: good.length + 1 }), /damaged|entries/],
    ['a directory elsewhere', () => zip(good, { at: 100 }), /not where its end says/],
    ['a directory of another size', () => zip(good, { size: 10 }), /not where its end says/],
    ['a name above the root', () => zip(more({ name: 'root/../../escaped' })), /file of the name/],
    ['an absolute name', () => zip(more({ name: '/above/escaped' })), /file of the name/],
    ['a drive', () => zip(more({ name: 'C:/root' })), /file of the name/],
    ['a backslash', () => zip(more({ name: 'root\\..\\escaped' })), /file of the name/],
    ['NUL in a name', () => zip(more({ name: 'root/a\0.py' })), /file of the name/],
    ['an empty name', () => zip(more({ name: '' })), /file of the name/],
    ['a dot', () => zip(more({ name: 'root/./a' })), /file of the name/],
    ['a directory', () => zip(more({ name: 'root/code/' })), /file of the name/],
    ['no root', () => zip(more({ name: 'alone' })), /file of the name/],
    ['a name of 5,000 letters', () => zip(more({ name: `root/${'a'.repeat(5000)}` })), /file of the name/],
    ['a name that is no UTF-8', () => zip(more({ central: { name: Buffer.from([0x72, 0xff]) } })), /UTF-8/],
    ['two roots', () => zip(more({ name: 'other/a' })), /2 root folders/],
    ['one name twice', () => zip(more({ name: 'root/version' })), /two files of the name/],
    ['names that differ in case', () => zip(more({ name: 'root/Version' })), /two files of the name/],
    ['a link', () => zip(more({ central: { attributes: (0o120777 << 16) >>> 0 } })), /is a link/],
    ['encryption', () => zip(more({ central: { flags: 1 }, local: { flags: 1 } })), /encrypted/],
    ['another packing', () => zip(more({ method: 12 })), /method 12/],
    ['two packings', () => zip(first({ local: { method: 8 } })), /two headers/],
    ['two names', () => zip(first({ local: { name: `root/${'x'.repeat(9)}` } })), /two names|outside|over/],
    ['two sums', () => zip(first({ local: { crc: 1 } })), /two sizes/],
    ['two sizes, stored', () => zip(first({ central: { size: 1_000_000 } })), /two sizes/],
    ['two sizes in the headers', () => zip(data({ local: { size: 1, packed: 1 } })), /two sizes/],
    ['a size beyond the file', () => zip(data({ central: { size: 2 ** 31, packed: 2 ** 31 } })), /outside/],
    [
      '2.2 GB of nothing',
      () => zip(more({ method: 8, central: { size: 2_200_000_000 } })),
      /would have 2200000000 bytes/,
    ],
    [
      'a bomb',
      () => zip(more({ method: 8, content: Buffer.alloc(2 ** 24), central: { size: 2 ** 31 } })),
      /would have/,
    ],
    ['packed weights', () => zip(data({ method: 8 })), /is packed/],
    [
      'a size that has no room in its extra field',
      () => zip(data({ central: { size: 0xffffffff } })),
      /damaged/,
    ],
    [
      'a size of 2^63 bytes',
      () =>
        zip(
          data({
            central: {
              size: 0xffffffff,
              extra: Buffer.concat([numbers([2, 1], [2, 8]), Buffer.from('00000000000000ff', 'hex')]),
            },
          }),
        ),
      /would have/,
    ],
    [
      'an extra field that is too long',
      () => zip(data({ central: { size: 0xffffffff, extra: numbers([2, 1], [2, 80], [8, 24]) } })),
      /damaged/,
    ],
    ['an entry over another one', () => zip(more({ central: { at: 0 } })), /over something|two names/],
    [
      'an entry in the directory',
      () => zip(more({ central: { at: zip(good).length - 60 } })),
      /over|outside|cut/,
    ],
    ['an entry without a header', () => zip(first({ local: { signature: 0x1234 } })), /no zip archive/],
    ['a directory without a header', () => zip(first({ central: { signature: 0x1234 } })), /damaged/],
  ])('%s', (_, make, reason) => {
    let bytes = new Uint8Array();
    const load = () => {
      bytes = make() as Uint8Array<ArrayBuffer>;
      torch.jit.load(bytes);
    };
    expect(load).toThrow(reason);
    expect(load).toThrow(expect.objectContaining({ code: 'ERR_FILE' }));
    expect(load).toThrow(ArgumentError);
  });

  test('2,000 of which some bytes are others: an error or the files, at once', () => {
    const dice = seeded(1);
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from(written);
      // Half of the changes hit the directory, which is near the end.
      for (let k = dice.below(3); k >= 0; k--) {
        const at = dice.below(2) === 0 ? dice.below(bytes.length) : bytes.length - 1 - dice.below(900);
        bytes[at] = dice.below(256);
      }
      try {
        for (const entry of readArchive(
          bytes.subarray(0, bytes.length - (dice.below(9) === 0 ? dice.below(99) : 0)),
        ).values())
          expect(entry.read()).toHaveLength(entry.size);
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

test('the SHA-256 that is asked for is checked first', () => {
  const right = 'a'.repeat(64);
  expect(() => torch.jit.load(written, { sha256: right })).toThrow(/SHA-256 a{64} but received [0-9a-f]{64}/);
  expect(() => torch.jit.load(written, { sha256: 'abc' })).toThrow(/64 hexadecimal digits/);
});

test('files beside the model', () => {
  const script = torch.jit.load(written);
  expect([...script.extraFiles.keys()]).toEqual(['note.txt']);
  expect(torch.jit.load(script.toBytes()).extraFiles.has('note.txt')).toBe(true);
  const other = script.toBytes({ extraFiles: new Map([['a/b', Buffer.from([1, 0, 255])]]) });
  expect([...torch.jit.load(other).extraFiles]).toEqual([['a/b', new Uint8Array([1, 0, 255])]]);
  for (const name of ['../a', '', 'a//b', 'a\\b', '/a'])
    expect(() => script.toBytes({ extraFiles: { [name]: '' } })).toThrow(
      /a relative path for a name in extraFiles/,
    );
  expect(() => script.toBytes({ extraFiles: { a: 3 as never } })).toThrow(ArgumentError);
});

test('calls on another thread give what calls here give, in their order, and fail as they do', async () => {
  const script = torch.jit.load(written);
  const inputs = [1, 2, 3].map((rows) => torch.randn([rows, 3]));
  const found = await Promise.all(inputs.map((x) => script.forwardAsync(x)));
  for (const [i, x] of inputs.entries()) expect(found[i]!.equal(script.forward(x))).toBe(true);
  expect(found[0]!.requiresGrad).toBe(true);
  // The executor keeps to the mode of its first calls, from Python too.
  const fresh = torch.jit.load(written);
  const without = await torch.noGrad(() => fresh.forwardAsync(inputs[0]!));
  expect(without.requiresGrad).toBe(false);
  await expect(script.forwardAsync(torch.ones([2, 5]))).rejects.toMatchObject({ code: 'ERR_TORCH' });
  await expect(script.callAsync('none')).rejects.toThrow(ArgumentError);
  await expect(script.forwardAsync(3)).rejects.toThrow(ArgumentError);
  // What is changed meanwhile waits.
  const running = script.forwardAsync(torch.ones([4, 3]));
  script.train().eval();
  expect((await running).shape).toEqual([4, 2]);
});

/** In a process of its own, as jest's cannot start others that read TypeScript. */
async function probed(
  path: string,
  options: object = {},
): Promise<{ found?: torch.jit.ProbeReport; problem?: string }> {
  const { output, errors } = await ended(
    process.execPath,
    ['--import', 'tsx', 'test/torch/probed.ts', path, JSON.stringify(options)],
    process.env,
  );
  if (output === '') throw new Error(errors);
  return JSON.parse(output) as { found?: torch.jit.ProbeReport; problem?: string };
}

describe('a probe', () => {
  const file = (bytes: Uint8Array) => {
    const path = join(folder, `${Math.random()}.pt`);
    writeFileSync(path, bytes);
    return path;
  };

  test('tells what is in a file, or why it is not loaded', async () => {
    const { found } = await probed(file(written));
    expect(found).toMatchObject({ originalName: 'Sequential', methods: ['forward'] });
    expect(found?.state).toEqual([
      ['0.weight', [2, 3]],
      ['0.bias', [2]],
    ]);
    expect(torch.jit.load(written, { sha256: found?.sha256 as string }).originalName).toBe('Sequential');
    expect((await probed(file(Buffer.from('nothing')))).problem).toMatch(/^ERR_FILE: .*no zip archive/);
    expect((await probed(file(written), { timeout: 0.01 })).problem).toMatch(/took longer than 0.01 s/);
    expect((await probed(file(written), { memory: 1e7 })).problem).toMatch(
      /more than 10000000 bytes of memory/,
    );
    expect((await probed(join(folder, 'none'))).problem).toMatch(/^ERR_FILE: .*ENOENT/);
  }, 120_000);
});

itPython(sameTorch)('Python reads the files beside a model', () => {
  const path = join(folder, 'extra.pt');
  writeFileSync(path, written);
  const program =
    'import sys, torch; f = {"note.txt": ""}; torch.jit.load(sys.argv[1], _extra_files=f); print(f)';
  expect(runPython(program, path)).toBe("{'note.txt': b'x'}\n");
});
