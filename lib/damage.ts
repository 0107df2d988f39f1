/**
 * Whether the libraries of a libtorch are whole. The loader maps a file that was cut off as if it were not, and the process
 * ends by SIGBUS without a word; what is damaged in the middle shows itself only when it runs.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from './errors.ts';
import type { Libtorch } from './libtorch.ts';
import { listDirectory } from './listDirectory.ts';

/** Names the first library under `lib/` that is no whole ELF file, and why; undefined where all are, and where libraries are not ELF. */
export function damageOf(directory: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  for (const name of listDirectory(join(directory, 'lib'))) {
    if (!/\.so(\.\d+)*$/.test(name)) continue;
    const path = join(directory, 'lib', name);
    const problem = fileProblem(path);
    if (problem !== undefined) return `${path} ${problem}`;
  }
  return undefined;
}

/** The error for a libtorch that does not load, with how to mend it. */
export function damagedLibtorch({ directory, source }: Libtorch, problem: string): ArgumentError {
  const remedy =
    source === 'npm package'
      ? 'remove node_modules and install again'
      : source === 'cache' || source === 'xpmir setup'
        ? '`npx xpmir setup --remove` and then `npx xpmir setup` fetch it again'
        : 'install it again, or set XPMIR_LIBTORCH to another one';
  return new ArgumentError(
    `Expected a libtorch that can be loaded in ${directory} (${source}): ${problem}. To mend it, ${remedy}`,
    'ERR_NO_NATIVE',
  );
}

function fileProblem(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return `cannot be read (${(error as Error).message})`;
  }
  try {
    const { size } = fstatSync(file);
    const needed = bytesNeeded(file);
    if (needed === undefined) return 'is no 64-bit ELF file';
    return needed > size ? `is cut off: it has ${size} bytes and needs ${needed}` : undefined;
  } finally {
    closeSync(file);
  }
}

/** Where the last of a file's segments and its table of sections end (ELF-64 Object File Format, version 1.5). */
function bytesNeeded(file: number): number | undefined {
  const header = read(file, 0, 64);
  if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
  const table = (offsetAt: number, sizeAt: number) => ({
    start: Number(header.readBigUInt64LE(offsetAt)),
    bytes: header.readUInt16LE(sizeAt) * header.readUInt16LE(sizeAt + 2),
    entry: header.readUInt16LE(sizeAt),
  });
  const [segments, sections] = [table(0x20, 0x36), table(0x28, 0x3a)];
  let needed = Math.max(segments.start + segments.bytes, sections.start + sections.bytes);
  const entries = read(file, segments.start, segments.bytes);
  for (let at = 0; at + 40 <= entries.length; at += segments.entry) {
    const end = entries.readBigUInt64LE(at + 8) + entries.readBigUInt64LE(at + 32);
    needed = Math.max(needed, Number(end));
  }
  return needed;
}

/** Fewer bytes where the file ends before. */
function read(file: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
}
