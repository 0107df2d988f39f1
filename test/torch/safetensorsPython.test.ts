/** Files of ours and of Python's own library, byte for byte, in one run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { DType } from '../../lib/torch/dtype.ts';
import * as torch from '../../lib/torch/index.ts';
import { DTYPES } from '../../lib/torch/io/safetensorsHeader.ts';
import { itPython, runPython, sameTorch } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Bytes that are a value of every dtype: bools are 0 or 1. */
const DRAWN = `
import sys, json, torch
from safetensors.torch import save_file, load_file, save
def drawn(dtype, shape):
    count = torch.Size(shape).numel() * dtype.itemsize
    data = torch.randint(0, 2 if dtype == torch.bool else 256, [count], dtype=torch.uint8)
    return data.view(dtype).reshape(shape)
names = json.loads(sys.argv[1])
folder = sys.argv[2]
torch.manual_seed(3)
for name in names:
    dtype = getattr(torch, name)
    tensors = {'row.' + str(i): drawn(dtype, shape) for i, shape in enumerate([[2, 4], [1], [0, 2], [3, 0], [1, 1, 6]])}
    if name != 'float4_e2m1fn_x2':
        tensors['scalar'] = drawn(dtype, [])
    tensors['\\u00e9 "x"'] = drawn(dtype, [5])
    save_file(tensors, folder + '/' + name, metadata={'format': 'pt'})
`;

describe('every dtype', () => {
  const names = [...DTYPES.values()];

  itPython(sameTorch)('their file is what we write of what we read', async () => {
    const folder = temporaryDirectory();
    runPython(DRAWN, JSON.stringify(names), folder);
    for (const name of names) {
      const theirs = join(folder, name);
      const file = await torch.openSafetensors(theirs);
      const tensors = await file.getTensors();
      expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set([name]));
      expect(tensors.get('row.0')!.shape).toEqual([2, 4]);
      await torch.saveSafetensors(`${theirs}.ours`, tensors, Object.fromEntries(file.metadata()));
      await file.close();
      expect([name, readFileSync(`${theirs}.ours`).equals(readFileSync(theirs))]).toEqual([name, true]);
    }
  });

  itPython(sameTorch)('all in one file, which Python reads and writes again', async () => {
    const folder = temporaryDirectory();
    const tensors: Record<string, torch.Tensor> = {};
    for (const dtype of names) {
      // Only bytes: of some dtypes libtorch makes no values.
      tensors[`w.${dtype}`] = torch.arange(16, { dtype: 'uint8' }).view([2, 8]).view(dtype);
      tensors[`none.${dtype}`] = torch.zeros([0, 8], { dtype: 'uint8' }).view(dtype);
    }
    tensors['w.bool'] = torch.tensor([true, false]);
    tensors.scalar = torch.scalarTensor(2.5);
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    await torch.saveSafetensors(ours, tensors, { note: 'é "\\ \u{1f600}' });
    runPython(
      `
import sys
from safetensors import safe_open
from safetensors.torch import save_file
with safe_open(sys.argv[1], framework='pt') as f:
    save_file(f.get_tensors(), sys.argv[2], metadata=f.metadata())
`,
      ours,
      theirs,
    );
    expect(readFileSync(theirs).equals(readFileSync(ours))).toBe(true);
  });

  test('that the format lacks, or that PyTorch lacks, is refused by name', async () => {
    const path = join(temporaryDirectory(), 'file');
    const lacking: DType[] = ['complex128', 'complex32', 'quint8', 'qint8'];
    for (const dtype of lacking) {
      const tensor = dtype.startsWith('q')
        ? torch.quantizePerTensor(torch.ones([2]), 1, 0, dtype)
        : torch.zeros([2], { dtype });
      await expect(torch.saveSafetensors(path, { a: tensor })).rejects.toThrow(`received "${dtype}"`);
    }
    const nibble = torch.tensor([3], { dtype: 'uint8' }).view('float4_e2m1fn_x2').view([]);
    await expect(torch.saveSafetensors(path, { nibble })).rejects.toThrow(/at least one dimension/);
    for (const kind of ['F6_E2M3', 'F6_E3M2']) {
      const header = Buffer.from(`{"a":{"dtype":"${kind}","shape":[4],"data_offsets":[0,3]}}`);
      writeFileSync(
        path,
        Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), header, Buffer.alloc(3)]),
      );
      await expect(torch.loadSafetensors(path)).rejects.toThrow(
        `is of ${kind}, for which PyTorch has no dtype`,
      );
    }
  });
});
