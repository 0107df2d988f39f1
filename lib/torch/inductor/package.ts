/** The archive of a package that AOTInductor compiled, and its files in a directory, as libtorch loads them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ArgumentError } from '../../errors.ts';
import { type ArchiveEntry, readArchive } from '../io/archive.ts';

export interface CompiledPackage {
  /** What it was compiled for, and what was said of it beside. */
  readonly metadata: Readonly<Record<string, string>>;
  /** C++ source of what calls its kernels. */
  readonly wrapper: string;
  /** Path of the library in the archive. */
  readonly library: string;
  /** Of the model, by path in the archive. */
  readonly files: ReadonlyMap<string, ArchiveEntry>;
}

const MODELS = 'data/aotinductor/';

/**
 * A compiled model in a package.
 *
 * @throws ArgumentError with the code `ERR_FILE` for what `readArchive` refuses, what is damaged, what is no package of
 * compiled models, and a model that is not in it
 */
export function readPackage(bytes: Uint8Array, model: string): CompiledPackage {
  const entries = readArchive(bytes);
  const format = entries.get('archive_format');
  if (format === undefined || textOf(format).trim() !== 'pt2')
    refuse(
      entries.has('constants.pkl')
        ? 'it is TorchScript, which torch.jit.load loads'
        : 'it has another format',
    );
  const names = new Set(
    [...entries.keys()]
      .filter((name) => name.startsWith(MODELS))
      .map((name) => name.slice(MODELS.length).split('/')[0] as string),
  );
  if (names.size === 0)
    refuse(
      'it has no compiled model; torch._inductor.aoti_compile_and_package makes one of an exported program',
    );
  if (!names.has(model)) refuse(`it has no model ${JSON.stringify(model)} but ${[...names].join(', ')}`);
  const files = new Map([...entries].filter(([name]) => name.startsWith(`${MODELS}${model}/`)));
  // libtorch would call a compiler where there is none, and take any where there are several.
  const library = one(files, '.so', 'it was packaged as source').name;
  return {
    metadata: metadataOf(textOf(one(files, '.wrapper_metadata.json', 'it is of an older PyTorch'))),
    wrapper: textOf(one(files, '.wrapper.cpp', 'what it takes cannot be known')),
    library,
    files,
  };
}

function refuse(reason: string): never {
  throw new ArgumentError(`Expected a .pt2 package that AOTInductor compiled: ${reason}`, 'ERR_FILE');
}

function one(files: ReadonlyMap<string, ArchiveEntry>, end: string, reason: string): ArchiveEntry {
  const [found, ...more] = [...files].filter(([name]) => name.endsWith(end));
  if (found === undefined) refuse(`it has no file *${end}: ${reason}`);
  if (more.length > 0) refuse(`it has ${more.length + 1} files *${end}`);
  return found[1];
}

function metadataOf(text: string): Readonly<Record<string, string>> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    refuse('its metadata is no JSON');
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) refuse('its metadata is no object');
  const entries = Object.entries(read);
  const wrong = entries.find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) refuse(`its metadata has no text for ${wrong[0]}`);
  return Object.fromEntries(entries as [string, string][]);
}

function textOf(entry: ArchiveEntry): string {
  return Buffer.from(contentOf(entry)).toString();
}

/** A damaged library could end the process in the loader of the system. */
function contentOf(entry: ArchiveEntry): Uint8Array {
  const content = entry.read();
  if (crc32(content) !== entry.crc) refuse(`${entry.name} is damaged`);
  return content;
}

/**
 * Writes the files into a directory of their own, which only this user can read, under the system's for temporary files.
 *
 * @throws ArgumentError with the code `ERR_FILE` where the system refuses
 */
export function unpack(files: ReadonlyMap<string, ArchiveEntry>): string {
  let directory: string | undefined;
  try {
    directory = mkdtempSync(join(tmpdir(), `xpmir-package-${process.pid}-`));
    for (const [name, entry] of files) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contentOf(entry), { flag: 'wx', mode: 0o600 });
    }
    return directory;
  } catch (error) {
    if (directory !== undefined) removeUnpacked(directory);
    if (error instanceof ArgumentError) throw error;
    return refuse(`it could not be unpacked under ${tmpdir()}: ${(error as Error).message}`);
  }
}

export function removeUnpacked(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
