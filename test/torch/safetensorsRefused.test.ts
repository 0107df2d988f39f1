/** Files that are not exactly in the safetensors format, each refused for its reason; the odd but valid ones accepted. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors, readSafetensorsHeader, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import { SafetensorsError, type SafetensorsReason } from '../../lib/torch/io/safetensorsHeader.ts';
import { memory } from '../../lib/torch/scope.ts';

const folder = mkdtempSync(join(tmpdir(), 'xpmir-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fresh(): string {
  files += 1;
  return join(folder, `${files}.safetensors`);
}

/** A file of a header and data. */
function file(header: string | Uint8Array, data: Uint8Array | number = 0, length?: bigint): string {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  const path = fresh();
  writeFileSync(path, Buffer.concat([prefix, text, typeof data === 'number' ? new Uint8Array(data) : data]));
  return path;
}

/** An entry of a header. */
function entry(dtype: unknown, shape: unknown, offsets: unknown): string {
  return `{"dtype":${JSON.stringify(dtype)},"shape":${raw(shape)},"data_offsets":${raw(offsets)}}`;
}

function raw(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function reasonOf(path: string): Promise<SafetensorsReason | 'accepted'> {
  try {
    for (const loaded of (await loadSafetensors(path)).values()) loaded.dispose();
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as SafetensorsError).code).toBe('ERR_FILE');
    expect((error as SafetensorsError).message).toContain(path);
    return (error as SafetensorsError).reason;
  }
}

describe('files that are refused, each for its reason', () => {
  const F32 = (shape: unknown, offsets: unknown) => entry('F32', shape, offsets);
  const spaces = ' '.repeat(100_000);
  const cases: [name: string, reason: SafetensorsReason | 'accepted', path: () => string][] = [
    ['no byte', 'too short', () => bare(0)],
    ['7 bytes', 'too short', () => bare(7)],
    ['length 0', 'no brace', () => bare(8)],
    ['length 1 of nothing', 'header past the end', () => file('', 0, 1n)],
    ['length past the end by one', 'header past the end', () => file('{}', 0, 3n)],
    ['length 2^63', 'header too large', () => file('{}', 0, 2n ** 63n)],
    ['length 2^64 - 1', 'header too large', () => file('{}', 0, 2n ** 64n - 1n)],
    ['length 100,000,001', 'header too large', () => file('{}', 0, 100_000_001n)],
    ['length 100,000,000', 'header past the end', () => file('{}', 0, 100_000_000n)],
    ['length cuts the header', 'not JSON', () => file('{"a":1}', 0, 5n)],
    ['an array', 'no brace', () => file('[]')],
    ['a leading space', 'no brace', () => file(' {}')],
    ['a byte order mark', 'no brace', () => file('\ufeff{}')],
    ['a string', 'no brace', () => file('"{}"')],
    ['UTF-16', 'not UTF-8', () => file(Buffer.from('\ufeff{}', 'utf16le'))],
    ['bytes that are no UTF-8', 'not UTF-8', () => file(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['overlong UTF-8', 'not UTF-8', () => file(Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d]))],
    ['half a surrogate pair', 'not UTF-8', () => file(`{"\\ud800":${F32([0], [0, 0])}}`)],
    ['only a brace', 'not JSON', () => file('{')],
    ['a single quote', 'not JSON', () => file("{'a':1}")],
    ['a trailing comma', 'not JSON', () => file(`{"a":${F32([], [0, 4])},}`, 4)],
    ['junk at the end', 'not JSON', () => file(`{}x`)],
    ['two objects', 'not JSON', () => file('{}{}')],
    ['a NUL at the end', 'not JSON', () => file('{}\0')],
    ['a comment', 'not JSON', () => file('{/**/}')],
    ['a line break in a string', 'not JSON', () => file('{"a\n":1}')],
    ['an unknown escape', 'not JSON', () => file('{"\\x41":1}')],
    ['a string without end', 'not JSON', () => file('{"a')],
    ['an escaped last quote', 'not JSON', () => file('{"a\\":1}')],
    ['NaN', 'not JSON', () => file('{"a":NaN}')],
    ['100,000 brackets', 'not JSON', () => file(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
    ['100,000 braces', 'not JSON', () => file('{"a":'.repeat(100_000))],
    ['a tensor twice', 'duplicate key', () => file(`{"a":${F32([1], [0, 4])},"a":${F32([1], [0, 4])}}`, 4)],
    [
      'a tensor twice, once escaped',
      'duplicate key',
      () => file(`{"a":${F32([1], [0, 4])},"\\u0061":${F32([1], [4, 8])}}`, 8),
    ],
    [
      'a field twice',
      'duplicate key',
      () => file('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}', 8),
    ],
    ['metadata twice', 'duplicate key', () => file('{"__metadata__":{},"__metadata__":{}}')],
    ['a metadata key twice', 'duplicate key', () => file('{"__metadata__":{"a":"1","a":"2"}}')],
    ['metadata that is a string', 'metadata', () => file('{"__metadata__":"pt"}')],
    ['metadata that is null', 'metadata', () => file('{"__metadata__":null}')],
    ['metadata of a number', 'metadata', () => file('{"__metadata__":{"a":1}}')],
    ['metadata of an object', 'metadata', () => file('{"__metadata__":{"a":{}}}')],
    ['metadata that is an array', 'metadata', () => file('{"__metadata__":[]}')],
    ['a tensor that is null', 'entry', () => file('{"a":null}')],
    ['a tensor that is an array', 'entry', () => file('{"a":[]}')],
    ['a tensor that is a number', 'entry', () => file('{"a":1}')],
    ['no dtype', 'entry', () => file('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4)],
    ['no shape', 'entry', () => file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4)],
    ['no offsets', 'entry', () => file('{"a":{"dtype":"F32","shape":[1]}}', 4)],
    ['an unknown dtype', 'dtype', () => file(`{"a":${entry('F33', [1], [0, 4])}}`, 4)],
    ['a lower-case dtype', 'dtype', () => file(`{"a":${entry('f32', [1], [0, 4])}}`, 4)],
    ['a dtype below a byte', 'dtype', () => file(`{"a":${entry('F4', [2], [0, 1])}}`, 1)],
    ['a dtype that is a number', 'dtype', () => file(`{"a":${entry(1, [1], [0, 4])}}`, 4)],
    ['a dtype that is null', 'dtype', () => file(`{"a":${entry(null, [1], [0, 4])}}`, 4)],
    ['a dtype named constructor', 'dtype', () => file(`{"a":${entry('constructor', [1], [0, 4])}}`, 4)],
    ['a shape that is a number', 'shape', () => file(`{"a":${F32(1, [0, 4])}}`, 4)],
    ['a shape that is null', 'shape', () => file(`{"a":${F32(null, [0, 4])}}`, 4)],
    ['a negative size', 'shape', () => file(`{"a":${F32([-1], [0, 4])}}`, 4)],
    ['two negative sizes', 'shape', () => file(`{"a":${F32([-1, -1], [0, 4])}}`, 4)],
    ['minus zero', 'shape', () => file(`{"a":${F32('[-0]', [0, 0])}}`)],
    ['a fraction', 'shape', () => file(`{"a":${F32([1.5], [0, 4])}}`, 4)],
    ['1.0', 'shape', () => file(`{"a":${F32('[1.0]', [0, 4])}}`, 4)],
    ['1e0', 'shape', () => file(`{"a":${F32('[1e0]', [0, 4])}}`, 4)],
    ['01', 'not JSON', () => file(`{"a":${F32('[01]', [0, 4])}}`, 4)],
    ['a size that is a string', 'shape', () => file(`{"a":${F32(['1'], [0, 4])}}`, 4)],
    ['a size that is true', 'shape', () => file(`{"a":${F32([true], [0, 4])}}`, 4)],
    ['a size of 2^53 + 1', 'shape', () => file(`{"a":${F32('[9007199254740993]', [0, 4])}}`, 4)],
    [
      'a product of 4 modulo 2^64',
      'shape',
      () => file(`{"a":${entry('U8', [4194305, 4194305, 211106198978564], [0, 4])}}`, 4),
    ],
    ['sizes too large beside 0', 'shape', () => file(`{"a":${F32([0, 2 ** 40, 2 ** 40], [0, 0])}}`)],
    ['65 dimensions', 'shape', () => file(`{"a":${F32(Array(65).fill(1), [0, 4])}}`, 4)],
    ['1,000 dimensions', 'shape', () => file(`{"a":${F32(Array(1000).fill(1), [0, 4])}}`, 4)],
    ['negative offsets', 'offsets', () => file(`{"a":${F32([1], [-4, 0])}}`, 4)],
    ['reversed offsets', 'offsets', () => file(`{"a":${F32([1], [4, 0])}}`, 4)],
    ['one offset', 'offsets', () => file(`{"a":${F32([1], [4])}}`, 4)],
    ['three offsets', 'offsets', () => file(`{"a":${F32([1], [0, 4, 4])}}`, 4)],
    ['offsets that are strings', 'offsets', () => file(`{"a":${F32([1], ['0', '4'])}}`, 4)],
    [
      'offsets of 2^53 and more',
      'offsets',
      () => file(`{"a":${F32([1], '[9007199254740992,9007199254740996]')}}`, 4),
    ],
    ['offsets that are floats', 'offsets', () => file(`{"a":${F32([1], '[0.0,4.0]')}}`, 4)],
    ['too few bytes for the shape', 'size', () => file(`{"a":${F32([2], [0, 4])}}`, 4)],
    ['too many bytes for the shape', 'size', () => file(`{"a":${F32([1], [0, 8])}}`, 8)],
    ['bytes for an empty tensor', 'size', () => file(`{"a":${F32([0], [0, 4])}}`, 4)],
    ['not from the beginning', 'hole or overlap', () => file(`{"a":${F32([1], [4, 8])}}`, 8)],
    ['a hole', 'hole or overlap', () => file(`{"a":${F32([1], [0, 4])},"b":${F32([1], [8, 12])}}`, 12)],
    ['an overlap', 'hole or overlap', () => file(`{"a":${F32([2], [0, 8])},"b":${F32([1], [4, 8])}}`, 8)],
    [
      'the same bytes twice',
      'hole or overlap',
      () => file(`{"a":${F32([1], [0, 4])},"b":${F32([1], [0, 4])}}`, 4),
    ],
    ['an empty tensor past the end', 'hole or overlap', () => file(`{"a":${F32([0], [4, 4])}}`)],
    ['past the end', 'end', () => file(`{"a":${F32([2], [0, 8])}}`, 4)],
    ['bytes that belong to no tensor', 'end', () => file(`{"a":${F32([1], [0, 4])}}`, 5)],
    ['data without tensors', 'end', () => file('{}', 1)],
    ['a bool of 2', 'bool', () => file(`{"a":${entry('BOOL', [2], [0, 2])}}`, Uint8Array.of(1, 2))],

    ['nothing in it', 'accepted', () => file('{}')],
    ['only metadata', 'accepted', () => file('{"__metadata__":{"format":"pt"}}')],
    ['spaces at the end', 'accepted', () => file(`{}${spaces}`)],
    ['spaces and line breaks between', 'accepted', () => file(`{ "a" :\n\t${F32([1], [0, 4])}\r\n}`, 4)],
    ['no dimension', 'accepted', () => file(`{"a":${F32([], [0, 4])}}`, 4)],
    ['64 dimensions', 'accepted', () => file(`{"a":${F32(Array(64).fill(1), [0, 4])}}`, 4)],
    [
      'empty tensors where others meet',
      'accepted',
      () => file(`{"a":${F32([1], [0, 4])},"e":${F32([0, 9], [4, 4])},"b":${F32([1], [4, 8])}}`, 8),
    ],
    [
      'empty tensors at one place',
      'accepted',
      () => file(`{"a":${F32([0], [0, 0])},"b":${F32([2, 0], [0, 0])}}`),
    ],
    [
      'another order than the data',
      'accepted',
      () => file(`{"b":${F32([1], [4, 8])},"a":${F32([1], [0, 4])}}`, 8),
    ],
    [
      'a field more',
      'accepted',
      () => file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":1.5}}', 4),
    ],
    ['an escaped name', 'accepted', () => file(`{"\\u00e9\\ud83d\\ude00":${F32([1], [0, 4])}}`, 4)],
    [
      'data that is not aligned',
      'accepted',
      () => file(`{"a":${entry('U8', [1], [0, 1])},"b":${F32([1], [1, 5])}}`, 5),
    ],
  ];

  function bare(length: number): string {
    const path = fresh();
    writeFileSync(path, new Uint8Array(length));
    return path;
  }

  test.each(cases)('%s: %s', async (_, reason, path) => {
    const before = memory().tensors;
    expect(await reasonOf(path())).toBe(reason);
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

  test('random changes of a header end in an error or in tensors', async () => {
    const path = fresh();
    await saveSafetensors(path, {
      a: tensor([1, 2]),
      b: tensor([3], { dtype: 'int64' }),
      c: F.zeros([2, 0]),
    });
    const whole = readFileSync(path);
    const headerEnd = 8 + Number(whole.readBigUInt64LE());
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const outcomes = new Set<string>();
    const changed = fresh();
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(whole);
      for (let change = random(3); change >= 0; change--)
        bytes[random(headerEnd)] = random(2) === 0 ? 48 + random(10) : random(256);
      writeFileSync(changed, bytes);
      outcomes.add(await reasonOf(changed));
    }
    expect(outcomes.size).toBeGreaterThan(6);
  });

  test('100,000 tensors are no reason to refuse', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => `"layer.${i}":${entry('U8', [1], [i, i + 1])}`);
    const path = file(`{${entries.join(',')}}`, 100_000);
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
