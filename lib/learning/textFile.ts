/**
 * Bytes of a file, from wherever in it.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { ArgumentError } from '../errors.ts';
import type { MaybePromise } from './iterators.ts';
import { type Frame, zstdFrames } from './zstdFrames.ts';

/** Tells whether a file is still the one that was read before. */
export interface FileVersion {
  /** In bytes. */
  readonly size: number;
  /** Nanoseconds since 1970, more than a number can hold. */
  readonly modified: string;
}

/** Blocks of bytes, in order. */
export interface ByteSource {
  /** The next block; undefined at the end. */
  read(): MaybePromise<Buffer | undefined>;
  close(): void;
}

const BLOCK = 256 * 1024;

/** @throws ArgumentError when it is no file that can be read */
export function fileVersion(path: string): FileVersion {
  return withFile(path, (file) => versionOf(file));
}

/**
 * A file from an offset on. Between two blocks no file is open, so nobody has to close it; a block of a file that is no
 * longer the given version is an error.
 */
export function openBytes(path: string, version: FileVersion, offset: number): ByteSource {
  const compression = compressionOf(path);
  if (compression !== undefined) return openCompressed(path, version, offset, compression);
  let position = offset;
  return {
    read() {
      return withFile(path, (file) => {
        checkVersion(path, version, versionOf(file));
        const block = Buffer.allocUnsafe(Math.max(0, Math.min(BLOCK, version.size - position)));
        const length = readSync(file, block, 0, block.length, position);
        position += length;
        return length === 0 ? undefined : block.subarray(0, length);
      });
    },
    close() {},
  };
}

/** The text in a compressed file. There is no seeking in it: all before the offset is decompressed and left out. */
function openCompressed(
  path: string,
  version: FileVersion,
  offset: number,
  compression: Compression,
): ByteSource {
  if (offset > 0) {
    process.emitWarning(
      `${path} is compressed: to go on, ${offset} bytes of its text are read over`,
      'XpmirWarning',
    );
  }
  let blocks: AsyncGenerator<Buffer> | undefined;
  let left = offset;
  return {
    async read() {
      checkVersion(path, version, fileVersion(path));
      blocks ??= decompressed(path, compression);
      for (;;) {
        const { done, value } = await blocks.next();
        if (done === true) return undefined;
        const skipped = Math.min(left, value.length);
        left -= skipped;
        if (skipped < value.length) return value.subarray(skipped);
      }
    },
    close: () => void blocks?.return(undefined),
  };
}

interface Compression {
  /** The bytes with which such a file begins. */
  readonly magic: Buffer;
  open(path: string): Transform;
  /** What is decompressed one after the other. */
  parts(path: string): readonly Frame[];
}

const COMPRESSIONS: readonly Compression[] = [
  {
    magic: Buffer.from([0x1f, 0x8b]),
    open: () => zlib.createGunzip({ chunkSize: BLOCK }),
    parts: () => [{ start: 0, end: Infinity }],
  },
  {
    magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    open: openZstd,
    // Node reads the first frame alone, and ends without an error where it is cut off.
    parts: (path) =>
      withFile(path, (file) =>
        zstdFrames((at, length) => {
          const bytes = Buffer.alloc(length);
          return bytes.subarray(0, readSync(file, bytes, 0, length, at));
        }),
      ),
  },
];

async function* decompressed(path: string, { open, parts }: Compression): AsyncGenerator<Buffer> {
  for (const { start, end } of parts(path)) {
    const text = open(path);
    const file = createReadStream(path, { start, end: end - 1 }).on('error', (error) => text.destroy(error));
    try {
      yield* file.pipe(text) as AsyncIterable<Buffer>;
    } finally {
      file.destroy();
    }
  }
}

/** How a file is compressed is seen in its first bytes, whatever its name. */
function compressionOf(path: string): Compression | undefined {
  const start = Buffer.alloc(4);
  withFile(path, (file) => readSync(file, start, 0, start.length, 0));
  return COMPRESSIONS.find(({ magic }) => start.subarray(0, magic.length).equals(magic));
}

export function isCompressed(path: string): boolean {
  return compressionOf(path) !== undefined;
}

function openZstd(path: string): Transform {
  // Types of Node 20 do not know it.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Transform };
  if (createZstdDecompress === undefined) {
    throw new ArgumentError(
      `${path} is compressed with zstd, which Node ${process.versions.node} cannot read: ` +
        'Node 22.15 and later can, or compress it with gzip',
      'ERR_FILE',
    );
  }
  return createZstdDecompress({ chunkSize: BLOCK });
}

/** @throws ArgumentError when the file changed */
export function checkVersion(path: string, before: FileVersion, now: FileVersion): void {
  if (before.size === now.size && before.modified === now.modified) return;
  const told = ({ size, modified }: FileVersion) =>
    `${size} bytes of ${new Date(Number(BigInt(modified) / 1_000_000n)).toISOString()}`;
  throw new ArgumentError(
    `${path} changed since its items were taken: it was ${told(before)} and is ${told(now)}`,
    'ERR_FILE',
  );
}

function versionOf(file: number): FileVersion {
  const { size, mtimeNs } = fstatSync(file, { bigint: true });
  return { size: Number(size), modified: `${mtimeNs}` };
}

function withFile<T>(path: string, fn: (file: number) => T): T {
  const file = open(path);
  try {
    return fn(file);
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    // Opening a pipe would wait for its other end.
    if (!statSync(path).isFile()) throw new Error('it is none');
    return openSync(path, 'r');
  } catch (error) {
    throw new ArgumentError(
      `Expected a file that can be read at ${path}: ${(error as Error).message}`,
      'ERR_FILE',
    );
  }
}
