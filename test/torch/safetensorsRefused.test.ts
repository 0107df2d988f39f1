/** Files that are not exactly in the safetensors format, each refused for its reason; the odd but valid ones accepted. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { tensor } from '../../lib/torch/factories.ts';
import {
  loadSafetensors,
  openSafetensors,
  readSafetensorsHeader,
  saveSafetensors,
} from '../../lib/torch/io/safetensors.ts';
import { SafetensorsError, type SafetensorsReason } from '../../lib/torch/io/safetensorsHeader.ts';
import { memory } from '../../lib/torch/scope.ts';
import { itPython, runPython } from '../support/python.ts';
import { cases, entry, fileOf } from './safetensorsCases.ts';

const folder = mkdtempSync(join(tmpdir(), 'xpmir-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fresh(): string {
  files += 1;
  return join(folder, `${files}.safetensors`);
}

/** A file with this content. */
function file(bytes: Uint8Array): string {
  const path = fresh();
  writeFileSync(path, bytes);
  return path;
}

async function reasonOf(path: string, mmap = false): Promise<SafetensorsReason | 'accepted'> {
  try {
    const opened = await openSafetensors(path, { mmap });
    try {
      for (const loaded of (await opened.getTensors()).values()) loaded.dispose();
    } finally {
      await opened.close();
    }
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as SafetensorsError).code).toBe('ERR_FILE');
    expect((error as SafetensorsError).message).toContain(path);
    return (error as SafetensorsError).reason;
  }
}

describe('files that are refused, each for its reason', () => {
  test.each(cases)('%s: %s', async (_, reason, make) => {
    const before = memory().tensors;
    const path = file(make());
    expect(await reasonOf(path)).toBe(reason);
    expect(await reasonOf(path, true)).toBe(reason);
    // Those of other tests may be collected meanwhile.
    expect(memory().tensors).toBeLessThanOrEqual(before);
  });

  test('every reason is in the table', () => {
    expect(new Set(cases.map(([, reason]) => reason)).size).toBe(17);
    expect(cases.length).toBeGreaterThan(100);
  });

  test('every truncation of a file', async () => {
    const path = fresh();
    await saveSafetensors(path, { a: tensor([1, 2]), b: tensor([3], { dtype: 'int64' }) });
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      const cut = fresh();
      writeFileSync(cut, whole.subarray(0, length));
      expect([length, await reasonOf(cut)]).not.toEqual([length, 'accepted']);
    }
  });

  test('100,000 tensors are no reason to refuse', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => `"layer.${i}":${entry('U8', [1], [i, i + 1])}`);
    const path = file(fileOf(`{${entries.join(',')}}`, 100_000));
    expect((await readSafetensorsHeader(path)).tensors.length).toBe(100_000);
  });

  test('a folder, a missing file and a named pipe', async () => {
    await expect(loadSafetensors(folder)).rejects.toThrow();
    await expect(loadSafetensors(join(folder, 'none'))).rejects.toThrow('ENOENT');
    const pipe = fresh();
    execFileSync('mkfifo', [pipe]);
    await expect(loadSafetensors(pipe)).rejects.toThrow('Expected a file');
  });

  test('a link to a file is that file', async () => {
    const [path, link] = [fresh(), fresh()];
    await saveSafetensors(path, { a: tensor([1]) });
    symlinkSync(path, link);
    expect((await loadSafetensors(link)).get('a')!.tolist()).toEqual([1]);
  });
});

/** What Python's library takes and we refuse. */
const STRICTER: readonly string[] = [
  // The format forbids these, that library does not look.
  'a leading space',
  'a tensor twice',
  'a metadata key twice',
  'metadata that is null',
  // Strides of such a shape, or so many of them, are beyond what libtorch's operators work on.
  'sizes too large beside 0',
  '65 dimensions',
  '1,000 dimensions',
  // Undefined behaviour in every operator.
  'a bool of 2',
  'a bool of 255 behind many',
];

itPython({ safetensors: undefined })('Python refuses the same files, but for those that are named', () => {
  const paths = cases.map(([, , make]) => file(make()));
  const program = `
import json, sys
from safetensors import safe_open
def verdict(path):
    try:
        with safe_open(path, framework='pt') as f:
            for name in f.keys():
                f.get_tensor(name)
        return 'accepted'
    except BaseException as error:
        return str(error)
print(json.dumps([verdict(path) for path in json.load(open(sys.argv[1]))]))
`;
  const list = fresh();
  writeFileSync(list, JSON.stringify(paths));
  const theirs = JSON.parse(runPython(program, list)) as string[];
  const differing = (ours: boolean) =>
    cases
      .filter(([, reason], i) => (reason === 'accepted') === ours && (theirs[i] === 'accepted') !== ours)
      .map(([name]) => name);
  expect({ stricter: differing(false), lenient: differing(true) }).toEqual({
    stricter: STRICTER,
    lenient: [],
  });
});
