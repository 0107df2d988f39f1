import { describe, expect, test } from '@jest/globals';
import { zstdFrames } from '../../lib/learning/zstdFrames.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** Frames by hand, as RFC 8878 describes them. */
const FRAMES: Readonly<Record<string, readonly number[]>> = {
  'of one block, with its size': [...MAGIC, 0x20, 2, 0x11, 0, 0, 7, 7],
  'of two blocks, one of them a byte repeated, with a checksum': [
    ...[...MAGIC, 0x04, 0x58],
    ...[0x08, 0, 0, 7],
    ...[0x03 | (200 << 3), 0x06, 0, 7],
    ...[1, 2, 3, 4],
  ],
  'with a dictionary, and a size of eight bytes': [...MAGIC, 0xc3, 0x58, ...Array(4 + 8).fill(0), 0x01, 0, 0],
  'to be skipped': [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9],
};

const framesOf = (bytes: readonly number[]) =>
  zstdFrames((at, length) => Buffer.from(bytes.slice(at, at + length)));

describe('frames of zstd', () => {
  test.each(Object.entries(FRAMES))('%s end where they end, and nowhere before', (name, frame) => {
    const isSkipped = name === 'to be skipped';
    expect(framesOf(frame)).toEqual(isSkipped ? [] : [{ start: 0, end: frame.length }]);
    for (let length = 1; length < frame.length; length++)
      expect(() => framesOf(frame.slice(0, length))).toThrow('unexpected end of file');
  });

  test('one after the other', () => {
    const all = Object.values(FRAMES);
    const starts = all.map((_, i) => all.slice(0, i).flat().length);
    const ends = starts.map((start, i) => ({ start, end: start + (all[i]?.length ?? 0) }));
    expect(framesOf(all.flat())).toEqual(ends.slice(0, 3));
    expect(() => framesOf([...all.flat(), ...Array(8).fill(0)])).toThrow(
      `expected a frame of zstd at byte ${all.flat().length}`,
    );
  });
});
