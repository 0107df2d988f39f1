/** The safetensors format: our files are the reference implementation's byte for byte, and bad ones are refused. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { fromTypedArray, scalarTensor, tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors, readSafetensorsHeader, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { ops } from '../../lib/torch/ops.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { expectBitEqual, loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

const fixture = loadFixture<{
  metadata: Record<string, string>;
  tensors: Record<string, TensorEntry>;
  file: string;
}>('safetensors.json');

const folder = mkdtempSync(join(tmpdir(), 'xpmir-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fresh(): string {
  files += 1;
  return join(folder, `${files}.safetensors`);
}

describe('the file of the reference implementation', () => {
  test('is read, every dtype', async () => {
    const path = fresh();
    writeFileSync(path, Buffer.from(fixture.file, 'base64'));
    const loaded = await loadSafetensors(path);
    expect([...loaded.keys()].sort()).toEqual(Object.keys(fixture.tensors).sort());
    for (const [name, wanted] of Object.entries(fixture.tensors))
      expectBitEqual(loaded.get(name)!, wanted, name);
    const { metadata, tensors } = await readSafetensorsHeader(path);
    expect(Object.fromEntries(metadata)).toEqual(fixture.metadata);
    expect(tensors.length).toBe(loaded.size);
  });

  test('is what we write, byte for byte', async () => {
    const path = fresh();
    const tensors = Object.fromEntries(
      Object.entries(fixture.tensors).map(([name, value]) => [name, toTensor(value)]),
    );
    await saveSafetensors(path, tensors, fixture.metadata);
    expect(readFileSync(path).equals(Buffer.from(fixture.file, 'base64'))).toBe(true);
  });
});

describe('writing', () => {
  async function roundTrip(tensors: Record<string, Tensor>): Promise<Map<string, Tensor>> {
    const path = fresh();
    await saveSafetensors(path, new Map(Object.entries(tensors)));
    return loadSafetensors(pathToFileURL(path));
  }

  test('views, gradients, conjugates and zero dimensions', async () => {
    const base = F.arange(24, { dtype: 'float32' }).view([4, 6]);
    const imaginary = F.complex(tensor([1, 2]), tensor([3, -4]));
    const loaded = await roundTrip({
      transposed: base.t(),
      sliced: base.slice(1, 1, 6, 2),
      expanded: tensor([1, 2]).expand([3, 2]),
      parameter: tensor([1, 2], { requiresGrad: true }),
      conjugate: imaginary.conj(),
      scalar: scalarTensor(2.5),
      none: F.zeros([3, 0, 2]),
    });
    expect(loaded.get('transposed')!.tolist()).toEqual(base.t().tolist());
    expect(loaded.get('sliced')!.tolist()).toEqual(base.slice(1, 1, 6, 2).tolist());
    expect(loaded.get('expanded')!.tolist()).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(loaded.get('parameter')!.requiresGrad).toBe(false);
    expect([...ops.aten.view_as_real(loaded.get('conjugate')!).toTypedArray()]).toEqual([1, -3, 2, 4]);
    expect(loaded.get('scalar')!.shape).toEqual([]);
    expect(loaded.get('scalar')!.item()).toBe(2.5);
    expect(loaded.get('none')!.shape).toEqual([3, 0, 2]);
  });

  test('names of every kind', async () => {
    const names = [
      '',
      '../up',
      '__proto__',
      'constructor',
      'a\0b',
      'x'.repeat(1_000_000),
      '漢字',
      '😀',
      '"\\',
    ];
    const path = fresh();
    await saveSafetensors(path, new Map(names.map((name, index) => [name, scalarTensor(index)])));
    const loaded = await loadSafetensors(path);
    for (const [index, name] of names.entries()) expect(loaded.get(name)!.item()).toBe(index);
    expect(loaded.size).toBe(names.length);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('more than one piece', async () => {
    const values = new Float32Array(5_000_000).map((_, index) => index);
    const path = fresh();
    await saveSafetensors(path, { values: fromTypedArray(values) });
    const [loaded] = (await loadSafetensors(path)).values();
    expect(Buffer.compare(Buffer.from(loaded!.toTypedArray().buffer), Buffer.from(values.buffer))).toBe(0);
  });

  test('replaces what was there, and leaves nothing beside', async () => {
    const path = fresh();
    await saveSafetensors(path, { a: tensor([1]) });
    await saveSafetensors(path, { b: tensor([2]) });
    expect([...(await loadSafetensors(path)).keys()]).toEqual(['b']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('what fails leaves the old file', async () => {
    const path = fresh();
    await saveSafetensors(path, { a: tensor([1]) });
    const before = readFileSync(path);
    const gone = tensor([1]);
    gone.dispose();
    const bad: [unknown, unknown?][] = [
      [{ a: gone }],
      [{ a: 1 }],
      [{ __metadata__: tensor([1]) }],
      [{ a: tensor([1], { dtype: 'complex128' }) }],
      [{ a: F.eye(2).toSparse() }],
      [{ a: F.empty([2], { device: 'meta' }) }],
      [new Map([['\ud800', tensor([1])]])],
      [new Map([[1, tensor([1])]])],
      [null],
      [{ a: tensor([1]) }, { key: 1 }],
    ];
    for (const [tensors, metadata] of bad) {
      await expect(saveSafetensors(path, tensors as never, metadata as never)).rejects.toThrow();
    }
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    for (const where of ['', 'a\0b', 7, null, join(folder, 'no', 'such', 'folder')]) {
      await expect(saveSafetensors(where as string, {})).rejects.toThrow();
    }
  });
});

test('tensors that are loaded inside a scope pass out of it with the result', async () => {
  const path = fresh();
  await saveSafetensors(path, { a: tensor([1]), b: tensor([2]) });
  const before = memory().tensors;
  const sum = await tidy(async () => {
    const loaded = await loadSafetensors(path);
    return loaded.get('a')!.add(loaded.get('b')!);
  });
  expect(sum.tolist()).toEqual([3]);
  sum.dispose();
  expect(memory().tensors).toBe(before);
});
