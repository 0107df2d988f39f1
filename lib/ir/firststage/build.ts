/** An index from a stream of documents: on the disk within bounded memory, or in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, disk } from '../../learning/disk.ts';
import { Analyzer, type AnalyzerOptions } from '../analysis/analyzer.ts';
import type { Document } from '../types.ts';
import { type ArrayFile, type ArrayName, type IndexArrays, IndexFiles } from './indexFiles.ts';
import { IndexWriter } from './indexWriter.ts';
import { merge } from './merge.ts';
import type { PostingTables } from './postings.ts';
import { RunReader } from './runs.ts';
import { atOnce, Turns } from './turns.ts';

/** How far it is. */
export interface IndexingProgress {
  /** Documents are analysed and, in the end, what was gathered of them is merged. */
  readonly phase: 'documents' | 'merge';
  /** So far. */
  readonly documents: number;
  /** So far: gathered, or merged. */
  readonly postings: number;
}

export interface BuildOptions {
  /** How text becomes terms. */
  readonly analyzer?: AnalyzerOptions;
  /** Whether an index that is there already is replaced; default false. */
  readonly overwrite?: boolean;
  /** Postings that are gathered in memory, at 20 to 28 bytes each, before they go to the disk; default 4 000 000. */
  readonly bufferedPostings?: number;
  /** Looked at between documents, and after some milliseconds of other work. */
  readonly signal?: AbortSignal;
  /** Called some times a second. */
  readonly progress?: (progress: IndexingProgress) => void;
}

const BUFFERED = 4_000_000;
/** Of a run, in 32-bit words. */
const READ_AT_ONCE = 2 ** 18;

/** Gathers, sorts, merges and writes. What was written is removed when that fails. */
export async function buildOnDisk(
  documents: Iterable<Document> | AsyncIterable<Document>,
  directory: string,
  { analyzer, overwrite = false, bufferedPostings = BUFFERED, signal, progress = () => {} }: BuildOptions,
  on: Disk = disk,
): Promise<void> {
  signal?.throwIfAborted();
  const writer = new IndexWriter(new Analyzer(analyzer));
  const files = await IndexFiles.create(on, directory, overwrite);
  const runs: string[] = [];
  let postings = 0;
  const gathered = () => postings + writer.buffer.length;
  const turns = new Turns(signal, () =>
    progress({ phase: 'documents', documents: writer.ids.size, postings: gathered() }),
  );
  const flush = async (): Promise<void> => {
    postings += writer.buffer.length;
    const path = join(files.staged, `run-${runs.length}`);
    runs.push(path);
    const run = await turns.through(writer.buffer.drain(writer.terms.size));
    const file = await on.create(path);
    try {
      for (let at = 0; at < run.length; at += READ_AT_ONCE)
        await file.write(bytesOf(run.subarray(at, at + READ_AT_ONCE)));
    } finally {
      await file.close();
    }
  };
  try {
    for await (const document of documents) {
      await turns.through(writer.add(document));
      await turns.take();
      if (writer.buffer.length >= bufferedPostings) await flush();
    }
    await flush();
    progress({ phase: 'documents', documents: writer.ids.size, postings });
    const tables = await mergeRuns(runs, writer, files, { signal, progress });
    for (const path of runs) await on.remove(path);
    for (const [name, array] of Object.entries(arraysOf(writer, tables)))
      await files.write(name as ArrayName, array);
    await files.finish({ analyzer: writer.analyzer.options });
  } catch (error) {
    await files.abandon();
    throw error;
  }
}

async function mergeRuns(
  paths: readonly string[],
  writer: IndexWriter,
  files: IndexFiles,
  { signal, progress }: Required<Pick<BuildOptions, 'progress'>> & Pick<BuildOptions, 'signal'>,
): Promise<PostingTables> {
  let postings = 0;
  const turns = new Turns(signal, () => progress({ phase: 'merge', documents: writer.ids.size, postings }));
  const opened: number[] = [];
  const outputs: ArrayFile[] = [];
  try {
    const readers = paths.map((path) => {
      const file = openSync(path, 'r');
      opened.push(file);
      return new RunReader(fromFile(file));
    });
    const [lows, frequencies] = [await files.open('lows'), await files.open('frequencies')];
    outputs.push(lows, frequencies);
    return await turns.through(merge(readers, writer.terms.size), async (piece) => {
      await lows.append(piece.lows);
      await frequencies.append(piece.frequencies);
      postings += piece.lows.length;
    });
  } finally {
    for (const file of opened) closeSync(file);
    for (const output of outputs) await output.close();
  }
}

/** All at once, and nothing on the disk. */
export function buildInMemory(
  documents: Iterable<Document>,
  analyzer: AnalyzerOptions | undefined,
): { arrays: IndexArrays; analyzer: Analyzer } {
  const writer = new IndexWriter(new Analyzer(analyzer));
  for (const document of documents) atOnce(writer.add(document));
  const lows = new Uint16Array(writer.buffer.length);
  const frequencies = new Uint8Array(writer.buffer.length);
  const run = atOnce(writer.buffer.drain(writer.terms.size));
  const parts = [run][Symbol.iterator]();
  const reader = new RunReader(() => parts.next().value ?? new Uint32Array(0));
  let at = 0;
  const tables = atOnce(merge([reader], writer.terms.size), (piece) => {
    lows.set(piece.lows, at);
    frequencies.set(piece.frequencies, at);
    at += piece.lows.length;
  });
  return { arrays: { ...arraysOf(writer, tables), lows, frequencies }, analyzer: writer.analyzer };
}

function arraysOf(
  { ids, terms, lengths }: IndexWriter,
  tables: PostingTables,
): Omit<IndexArrays, 'lows' | 'frequencies'> {
  return {
    idBytes: ids.arrays.bytes,
    idEnds: ids.arrays.ends,
    idSlots: ids.arrays.slots,
    lengths,
    termBytes: terms.arrays.bytes,
    termEnds: terms.arrays.ends,
    termSlots: terms.arrays.slots,
    ...tables,
  };
}

/** The words of a file, some at a time: the next ones take the place of those before. */
function fromFile(file: number): () => Uint32Array {
  const words = new Uint32Array(READ_AT_ONCE);
  return () => {
    const bytes = bytesOf(words);
    let read = 0;
    while (read < bytes.length) {
      const more = readSync(file, bytes, read, bytes.length - read, null);
      if (more === 0) break;
      read += more;
    }
    return words.subarray(0, read / 4);
  };
}

function bytesOf(array: Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
