/**
 * Where the frames of a zstd file end (RFC 8878, section 3), without decompressing them.
 */

const MAGIC = 0xfd2fb528;
/** Its last digit is free. */
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/** Bytes of a file, fewer at its end. */
type ReadAt = (at: number, length: number) => Buffer;

/** A part of a file that is decompressed for itself. */
export interface Frame {
  readonly start: number;
  /** The byte behind its last one. */
  readonly end: number;
}

/** The frames of a file that consists of nothing else, those without content left out. @throws Error when it does not */
export function zstdFrames(read: ReadAt): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; ; ) {
    const head = read(start, 8);
    if (head.length === 0) return frames;
    if (head.length < 8) throw new Error('unexpected end of file');
    const magic = head.readUInt32LE(0);
    const isSkippable = (magic & ~0xf) >>> 0 === SKIPPABLE;
    if (magic !== MAGIC && !isSkippable) throw new Error(`expected a frame of zstd at byte ${start}`);
    const end = isSkippable ? start + 8 + head.readUInt32LE(4) : endOfFrame(read, start, head.readUInt8(4));
    // Of what lies before its end the last byte is there.
    if (end === undefined || read(end - 1, 1).length === 0) throw new Error('unexpected end of file');
    if (!isSkippable) frames.push({ start, end });
    start = end;
  }
}

function endOfFrame(read: ReadAt, start: number, descriptor: number): number | undefined {
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && isSingle ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] as number);
  let at = start + 5 + (isSingle ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] as number) + sizeBytes;
  for (;;) {
    const block = read(at, 3);
    if (block.length < 3) return undefined;
    const header = block.readUIntLE(0, 3);
    const isRepeated = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : header >> 3);
    if ((header & 1) === 1) return at + ((descriptor & 4) !== 0 ? 4 : 0);
  }
}
