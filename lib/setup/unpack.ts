/** Takes out of a wheel or an archive what building and running need, and checks every byte of it. */
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { FetchedZip } from './libtorch.ts';
import { megabytes, Progress } from './progress.mjs';
import { checkSpace, isOfDisk } from './space.ts';

const wanted = /^(lib|include|share)\/|^(version\.py|build-version)$/;
/** Libraries for Python's side and for PyTorch's own tests. */
const unneeded =
  /^lib\/(libtorch_python|libshm|libbackend_with_compiler|libjitbackend_test|libtorchbind_test|libaoti_custom_ops)/;

/** Unpacks libtorch's folder of the zip file to `directory`. */
export async function unpack(zip: FetchedZip, directory: string): Promise<void> {
  await checkIsZip(zip.path);
  const file = await opened(zip.path); // refuses entries whose names would leave the directory
  const entries = await readEntries(file);
  const places = new Map<Entry, string>();
  for (const entry of entries) {
    const place = entry.fileName.endsWith('/') ? undefined : placeOf(entry.fileName, zip.folder);
    if (place !== undefined) places.set(entry, place);
  }
  const files = [...places.keys()];
  if (!files.some(({ fileName }) => fileName.startsWith(zip.folder)))
    throw new Error(`${zip.path} has no ${zip.folder} folder with libtorch`);
  const digests = await recordedDigests(file, entries);
  const bytes = files.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  checkSpace(dirname(directory), bytes);
  const progress = new Progress('Unpacking', bytes, megabytes);
  let written = 0;
  try {
    for (const [entry, place] of places) {
      await extract(file, entry, join(directory, place), digests.get(entry.fileName));
      written += entry.uncompressedSize;
      progress.update(written);
    }
  } catch (error) {
    progress.stop();
    throw error;
  } finally {
    file.close();
  }
  progress.finish(`${files.length} files, ${megabytes(written)}`);
}

/** @throws Error with its first words where a file is something else, such as a page */
async function checkIsZip(path: string): Promise<void> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(60);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const begins = start.toString('latin1', 0, bytesRead);
    if (begins.startsWith('PK\x03\x04')) return;
    throw new Error(
      `${basename(path)} is no archive, it begins with ${JSON.stringify(begins)}: did a login page or a proxy answer?`,
    );
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<ZipFile> {
  try {
    return await yauzl.openPromise(path, { autoClose: false });
  } catch (error) {
    if (isOfDisk(error)) throw error;
    throw new Error(`${basename(path)} is damaged or cut off: ${(error as Error).message}`);
  }
}

/** Where an entry goes, relative to the directory; undefined for what is not needed. A wheel has the licences beside its folder. */
function placeOf(name: string, folder: string): string | undefined {
  const licence = /^[^/]+\.dist-info\/(licenses\/.+)$/.exec(name)?.[1];
  if (licence !== undefined) return licence;
  const inside = name.startsWith(folder) ? name.slice(folder.length) : '';
  return wanted.test(inside) && !unneeded.test(inside) ? inside : undefined;
}

async function readEntries(file: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of file.eachEntry()) entries.push(entry);
  return entries;
}

/** A wheel lists the SHA-256 of its files in `RECORD`; an archive has no such list, and its checksums must do. */
async function recordedDigests(file: ZipFile, entries: readonly Entry[]): Promise<Map<string, string>> {
  const record = entries.find(({ fileName }) => /^[^/]+\.dist-info\/RECORD$/.test(fileName));
  const digests = new Map<string, string>();
  if (record === undefined) return digests;
  const chunks: Buffer[] = [];
  for await (const chunk of await file.openReadStreamPromise(record)) chunks.push(chunk as Buffer);
  for (const line of Buffer.concat(chunks).toString().split('\n')) {
    const match = /^"?(.+?)"?,sha256=([\w-]+),\d+\s*$/.exec(line);
    if (match) digests.set(match[1] as string, match[2] as string);
  }
  return digests;
}

async function extract(file: ZipFile, entry: Entry, path: string, digest: string | undefined): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  let checksum = 0;
  const observer = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
  });
  await pipeline(await file.openReadStreamPromise(entry), observer, createWriteStream(path));
  if (checksum !== entry.crc32) throw new Error(`${entry.fileName} is damaged: its checksum does not match`);
  if (digest !== undefined && hash.digest('base64url') !== digest) {
    throw new Error(`${entry.fileName} is not the file that RECORD lists`);
  }
}
