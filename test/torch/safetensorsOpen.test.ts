/** Open safetensors files: tensors that are made when they are asked for, read or over the pages of the file. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { runChild } from '../robustness/child.ts';
import { itPython, runPython } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { entry, fileOf } from './safetensorsCases.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryDirectory();
});
const ROWS = 300;
const COLUMNS = 100;

let files = 0;
async function saved(tensors?: Record<string, torch.Tensor>): Promise<string> {
  files += 1;
  const path = join(folder, `${files}.safetensors`);
  const large = torch.arange(ROWS * COLUMNS, { dtype: 'float32' }).view([ROWS, COLUMNS]);
  const others = {
    small: torch.tensor([1, 2]),
    none: torch.zeros([0, 3]),
    flags: torch.ones([70_000], { dtype: 'bool' }),
  };
  await torch.saveSafetensors(path, tensors ?? { large, ...others }, { format: 'pt', note: 'x' });
  return path;
}

const linux = process.platform === 'linux' ? test : test.skip;

describe.each([false, true])('mmap %s', (mmap) => {
  test('tensors, names and metadata', async () => {
    const path = await saved();
    const file = await torch.openSafetensors(path, { mmap });
    expect(file.keys()).toEqual(['large', 'none', 'small', 'flags']);
    expect([...file.metadata()]).toEqual([
      ['format', 'pt'],
      ['note', 'x'],
    ]);
    const all = await file.getTensors();
    const again = await torch.loadSafetensors(path);
    for (const name of file.keys()) {
      expect(all.get(name)!.equal(again.get(name)!)).toBe(true);
      expect((await file.getTensor(name)).equal(again.get(name)!)).toBe(true);
    }
    await expect(file.getTensor('nothing')).rejects.toThrow(/Expected the name of a tensor in .* "nothing"/);
    expect(() => file.getSlice('nothing')).toThrow(ArgumentError);
    await file.close();
    await file.close();
    expect(all.get('large')!.sum().item()).toBe(again.get('large')!.sum().item());
    await expect(file.getTensor('large')).rejects.toThrow(/open file/);
  });

  test('what is written into a tensor stays in it', async () => {
    const path = await saved();
    const before = readFileSync(path);
    const file = await torch.openSafetensors(path, { mmap });
    const [one, other] = [await file.getTensor('large'), await file.getTensor('large')];
    one.fill_(7);
    expect(other.equal(await file.getTensor('large'))).toBe(true);
    expect(one.sum().item()).toBe(7 * ROWS * COLUMNS);
    one.requiresGrad = true;
    one.mul(other).sum().backward();
    expect(one.grad!.equal(other)).toBe(true);
    await file.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a file that is replaced stays what it was', async () => {
    const [path, other] = [await saved(), await saved({ large: torch.zeros([ROWS, COLUMNS]) })];
    const file = await torch.openSafetensors(path, { mmap });
    const before = await file.getTensor('large');
    renameSync(other, path);
    expect((await file.getTensor('large')).equal(before)).toBe(true);
    expect(before.at(1, 1).item()).toBe(COLUMNS + 1);
    await file.close();
  });

  test('data that is not aligned is copied', async () => {
    const values = Float32Array.from({ length: 20_000 }, (_, i) => i);
    const header = `{"a":${entry('U8', [1], [0, 1])},"b":${entry('F32', [20_000], [1, 80_001])}}`;
    for (const pad of ['', ' ', '  ', '   ']) {
      const path = join(folder, `unaligned${pad.length}.safetensors`);
      const data = Buffer.concat([Buffer.from([5]), Buffer.from(values.buffer)]);
      writeFileSync(path, fileOf(header + pad, data));
      const file = await torch.openSafetensors(path, { mmap });
      expect((await file.getTensor('b')).toTypedArray()).toEqual(values);
      await file.close();
    }
  });

  test('parts are what indexing of the whole gives', async () => {
    const file = await torch.openSafetensors(await saved(), { mmap });
    const whole = await file.getTensor('large');
    const slice = file.getSlice('large');
    expect([slice.shape, slice.dtype]).toEqual([[ROWS, COLUMNS], 'float32']);
    const indices: torch.Index[][] = [
      [],
      [3],
      [-1],
      [':'],
      ['...', 2],
      [null, 4],
      [{ start: 10, stop: 20 }],
      [{ start: -5 }],
      [{ stop: -290 }, { start: 1, stop: 90, step: 7 }],
      [{ start: 5, stop: 200, step: 40 }, 3],
      [{ start: 20, stop: 10 }],
      [{ start: 400, stop: 500 }],
      [{ start: null, stop: 1000 }, -1],
      [':', { start: 98 }],
      [[1, 5, 299]],
      [2, torch.tensor([0, 99], { dtype: 'int64' })],
    ];
    for (const each of indices) {
      const part = await slice.index(each);
      const wanted = whole.index(each);
      expect([part.shape, part.equal(wanted)]).toEqual([wanted.shape, true]);
    }
    for (const each of [[300], [-301], [0.5], [{ start: 0.5 }], [0, 0, 0], [{ step: 0 }], ['x']])
      await expect(slice.index(each as torch.Index[])).rejects.toThrow();
    expect((await file.getSlice('none').index([{ start: 0, stop: 5 }])).shape).toEqual([0, 3]);
    await file.close();
  });

  test('no tensor is left where one fails', async () => {
    const path = join(folder, 'bool.safetensors');
    const header = `{"a":${entry('F32', [20_000], [0, 80_000])},"b":${entry('BOOL', [1], [80_000, 80_001])}}`;
    writeFileSync(path, fileOf(`${header} `, new Uint8Array(80_001).fill(2)));
    const file = await torch.openSafetensors(path, { mmap });
    const before = torch.memory().tensors;
    await expect(file.getTensors()).rejects.toThrow(/bool\.safetensors is no safetensors file: tensor "b"/);
    expect(torch.memory().tensors).toBeLessThanOrEqual(before);
    await file.close();
  });
});

test('bad options', async () => {
  const path = await saved();
  for (const options of [{ mmap: 1 }, { device: 3 }, { device: 'nowhere' }])
    await expect(torch.openSafetensors(path, options as never).then((f) => f.getTensors())).rejects.toThrow();
  await expect(torch.openSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_FILE' });
});

linux(
  'a file that is shortened is an error where it is read, and the end of a process that asked for its pages',
  async () => {
    const run = async (mmap: boolean) => {
      const values = torch.ones([200_000]);
      const path = await saved({ first: values, second: values });
      const script = new URL('children/shortened.ts', import.meta.url);
      return runChild(script, { args: [path, `${mmap}`] });
    };
    const read = await run(false);
    expect([read.code, JSON.parse(read.stdout)]).toEqual([0, { second: 'end', sum: 200_000 }]);
    expect((await run(true)).signal).toBe('SIGBUS');
  },
  60_000,
);

itPython({ safetensors: undefined })("Python's safe_open tells the same", async () => {
  const path = await saved();
  const program = `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework='pt') as f:
    s = f.get_slice('large')
    print(json.dumps([f.metadata(), sorted(f.keys()), s.get_shape(), s[3:5, -1].tolist()]))
`;
  const file = await torch.openSafetensors(path);
  const slice = file.getSlice('large');
  const part = await slice.index([{ start: 3, stop: 5 }, -1]);
  expect(JSON.parse(runPython(program, path))).toEqual([
    Object.fromEntries(file.metadata()),
    file.keys().sort(),
    slice.shape,
    part.tolist(),
  ]);
  await file.close();
});
