/**
 * Makes a document store: beside its place, and under its name once all is on the disk.
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError, expected, show } from '../../errors.ts';
import { type Disk, removeTree, stagedPath } from '../../learning/disk.ts';
import { FileIterator } from '../../learning/fileIterators.ts';
import { type FileEntry, PIECE, writeFile } from '../../learning/manifest.ts';
import type { Document } from '../types.ts';
import { IdTable } from './idTable.ts';
import { DOCUMENTS, ID_BUCKETS, ID_OFFSETS, IDS, OFFSETS, writeStoreManifest } from './storeFiles.ts';

/** A surrogate without the other, which UTF-8 cannot have. */
const HALF = /\p{Surrogate}/u;

/** Documents in an order. */
export type DocumentSource = AsyncIterable<Document> | Iterable<Document>;

/**
 * @throws ArgumentError when there is something already, and for an identifier that is there twice, with file and line
 * where the documents are those of a file; then nothing is left behind
 */
export async function writeStore(on: Disk, directory: string, documents: DocumentSource): Promise<void> {
  if (typeof directory !== 'string' || directory === '') throw expected('a path', 'directory', directory);
  const target = resolve(directory);
  const parent = dirname(target);
  mkdirSync(parent, { recursive: true });
  if ((await on.list(parent)).includes(basename(target)))
    throw new ArgumentError(`Expected no file at ${directory}, where a store is to be made`, 'ERR_FILE');
  const staged = stagedPath(parent, `${basename(target)}.`);
  await on.makeDirectory(staged);
  try {
    await writeFiles(on, staged, documents);
    await on.sync(staged);
    await on.rename(staged, target);
  } catch (error) {
    await removeTree(on, staged).catch(() => {});
    throw error;
  }
  await on.sync(parent);
}

async function writeFiles(on: Disk, directory: string, documents: DocumentSource): Promise<void> {
  const source = documents instanceof FileIterator ? documents.stateDict().file : null;
  const written = new WrittenDocuments(documents);
  const files: Record<string, FileEntry> = {};
  const write = async (name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    files[name] = await writeFile(on, join(directory, name), pieces);
  };
  await write(DOCUMENTS, written.pieces());
  const { bytes, offsets, buckets } = written.ids.arrays();
  await write(OFFSETS, inPieces(written.offsets.subarray(0, written.ids.size + 1)));
  await write(IDS, inPieces(bytes));
  await write(ID_OFFSETS, inPieces(offsets));
  await write(ID_BUCKETS, inPieces(buckets));
  await writeStoreManifest(on, directory, { size: written.ids.size, source, files });
}

/** Documents as they are written, with what was noted of them meanwhile. */
class WrittenDocuments {
  readonly ids = new IdTable();
  offsets = new Float64Array(1024);
  readonly #documents: DocumentSource;

  constructor(documents: DocumentSource) {
    this.#documents = documents;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const piece = Buffer.allocUnsafe(PIECE);
    let filled = 0;
    let end = 0;
    for await (const document of this.#documents) {
      const line = `${JSON.stringify(this.#checked(document))}\n`;
      // Of one UTF-16 unit come at most three bytes.
      const most = 3 * line.length;
      if (filled + most > piece.length && filled > 0) {
        yield piece.subarray(0, filled);
        filled = 0;
      }
      let length: number;
      if (most > piece.length) {
        const bytes = Buffer.from(line);
        yield bytes;
        length = bytes.length;
      } else {
        length = piece.write(line, filled, 'utf8');
        filled += length;
      }
      end += length;
      this.#note(end);
    }
    if (filled > 0) yield piece.subarray(0, filled);
  }

  #note(end: number): void {
    const { size } = this.ids;
    if (size >= this.offsets.length) {
      const longer = new Float64Array(2 * this.offsets.length);
      longer.set(this.offsets);
      this.offsets = longer;
    }
    this.offsets[size] = end;
  }

  #checked(document: Document): Document {
    if (typeof document?.id !== 'string' || document.id === '' || typeof document.text !== 'string')
      throw this.#wrong(expected('a document with id and text', 'document', document).message);
    if (HALF.test(document.id)) throw this.#wrong(`${show(document.id)} has half a character`);
    if (!this.ids.add(document.id)) throw this.#wrong(`document ${show(document.id)} is there twice`);
    return document;
  }

  #wrong(message: string): ArgumentError {
    const documents = this.#documents;
    const place = documents instanceof FileIterator ? documents.place : `document ${this.ids.size + 1}`;
    return new ArgumentError(`${place}: ${message}`, 'ERR_FILE');
  }
}

function* inPieces(array: Uint8Array | Uint32Array | Float64Array): Generator<Uint8Array> {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
