/**
 * Documents by identifier and by number, on the disk.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, expected, show } from '../../errors.ts';
import { DamagedError } from '../../learning/damaged.ts';
import { disk } from '../../learning/disk.ts';
import type { FileVersion } from '../../learning/textFile.ts';
import { checkOptions } from '../../options.ts';
import type { Document } from '../types.ts';
import { IdTable } from './idTable.ts';
import { type DocumentSource, writeStore } from './storeBuilder.ts';
import {
  checkContent,
  DOCUMENTS,
  ID_BUCKETS,
  ID_OFFSETS,
  IDS,
  OFFSETS,
  readChecked,
  readStoreManifest,
  type StoreManifest,
} from './storeFiles.ts';

/** Documents by identifier, wherever they are. */
export interface Documents {
  /** How many there are. */
  readonly size: number;
  has(id: string): boolean;
  /** Undefined when there is none. */
  get(id: string): Document | undefined;
  /** @throws ArgumentError when there is none */
  text(id: string): string;
  /** In their order. */
  ids(): Iterable<string>;
}

export interface OpenStoreOptions {
  /** Whether the documents are read through as well, and compared with what was written; default false. */
  readonly verify?: boolean;
}

/**
 * Documents in a directory: their identifiers and places are in memory, in typed arrays (some 20 bytes a document and its
 * identifier); they themselves are read from the disk, one at a time and without waiting. One process writes a store,
 * once; any number read it.
 */
export class DocumentStore implements Documents {
  readonly directory: string;
  /** Version of the file of which it was made; null where it was not made of one. */
  readonly source: FileVersion | null;
  readonly #ids: IdTable;
  readonly #offsets: Float64Array;
  /** Undefined once it is closed. */
  #file: number | undefined;
  #bytes = Buffer.allocUnsafe(2 ** 16);

  private constructor(directory: string, manifest: StoreManifest, ids: IdTable, offsets: Float64Array) {
    this.directory = directory;
    this.source = manifest.source;
    this.#ids = ids;
    this.#offsets = offsets;
    this.#file = openSync(join(directory, DOCUMENTS), 'r');
  }

  /**
   * Makes a store of documents, such as those of `readDocuments`, in a directory that is not there, and opens it. Until it
   * is whole, there is nothing under its name.
   *
   * @throws ArgumentError when there is something already, and for an identifier that is there twice
   */
  static async build(directory: string, documents: DocumentSource): Promise<DocumentStore> {
    await writeStore(disk, directory, documents);
    return DocumentStore.open(directory);
  }

  /** @throws DamagedError when it is not, or not whole, what `build` left */
  static async open(directory: string, options: OpenStoreOptions = {}): Promise<DocumentStore> {
    const { verify = false } = checkOptions('DocumentStore.open', options, ['verify']);
    try {
      const manifest = await readStoreManifest(disk, directory);
      const bytes = (name: string) => readChecked(disk, directory, name, manifest);
      const ids = new IdTable({
        bytes: new Uint8Array(await bytes(IDS)),
        offsets: new Uint32Array(await bytes(ID_OFFSETS)),
        buckets: new Uint32Array(await bytes(ID_BUCKETS)),
      });
      const offsets = new Float64Array(await bytes(OFFSETS));
      if (ids.size !== manifest.size || offsets.length !== manifest.size + 1)
        throw new DamagedError('its tables are of different lengths');
      if (verify) await checkContent(disk, directory, DOCUMENTS, manifest);
      return new DocumentStore(directory, manifest, ids, offsets);
    } catch (error) {
      if (error instanceof DamagedError)
        throw new DamagedError(`The store ${directory} is damaged: ${error.message}`);
      throw error;
    }
  }

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.find(id) !== undefined;
  }

  get(id: string): Document | undefined {
    const number = this.#ids.find(id);
    return number === undefined ? undefined : this.at(number);
  }

  text(id: string): string {
    const document = this.get(id);
    if (document === undefined) throw noDocument(id, this.directory);
    return document.text;
  }

  /** The number of a document, in the order in which the store was made; undefined when there is none. */
  numberOf(id: string): number | undefined {
    return this.#ids.find(id);
  }

  /** The document of a number, from 0. */
  at(number: number): Document {
    if (!Number.isSafeInteger(number) || number < 0 || number >= this.size)
      throw expected(`an integer from 0 to ${this.size - 1}`, 'number', number);
    const start = this.#offsets[number] as number;
    const text = this.#read(start, (this.#offsets[number + 1] as number) - start);
    try {
      const document = JSON.parse(text) as Document;
      if (document.id === this.#ids.at(number)) return document;
    } catch {
      // Told below.
    }
    throw new DamagedError(`The store ${this.directory} is damaged: ${DOCUMENTS} at byte ${start}`);
  }

  *ids(): Generator<string> {
    for (let number = 0; number < this.size; number++) yield this.#ids.at(number);
  }

  /** All documents, in their order. */
  *[Symbol.iterator](): Generator<Document> {
    for (let number = 0; number < this.size; number++) yield this.at(number);
  }

  /** Closes its file; nothing can be read any more. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(start: number, length: number): string {
    if (this.#file === undefined)
      throw new ArgumentError(`The store ${this.directory} is closed`, 'ERR_FILE');
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(2 * length);
    const read = readSync(this.#file, this.#bytes, 0, length, start);
    return this.#bytes.toString('utf8', 0, read);
  }
}

/** Documents in memory, for collections that are small. */
export class MemoryDocuments implements Documents {
  readonly #documents: ReadonlyMap<string, Document>;

  private constructor(documents: ReadonlyMap<string, Document>) {
    this.#documents = documents;
  }

  /** @throws ArgumentError for an identifier that is there twice, with its place in the file where there is one */
  static async read(documents: DocumentSource): Promise<MemoryDocuments> {
    const read = new Map<string, Document>();
    for await (const document of documents) {
      if (read.has(document.id)) {
        const place = 'place' in documents ? `${documents.place}: ` : '';
        throw new ArgumentError(`${place}document ${show(document.id)} is there twice`, 'ERR_FILE');
      }
      read.set(document.id, document);
    }
    return new MemoryDocuments(read);
  }

  get size(): number {
    return this.#documents.size;
  }

  has(id: string): boolean {
    return this.#documents.has(id);
  }

  get(id: string): Document | undefined {
    return this.#documents.get(id);
  }

  text(id: string): string {
    const document = this.get(id);
    if (document === undefined) throw noDocument(id, 'the collection');
    return document.text;
  }

  ids(): Iterable<string> {
    return this.#documents.keys();
  }

  [Symbol.iterator](): Iterator<Document> {
    return this.#documents.values();
  }
}

function noDocument(id: string, where: string): ArgumentError {
  return new ArgumentError(`There is no document ${show(id)} in ${where}`);
}
