/**
 * Makes an index of vectors in a stream of documents.
 */
import { setImmediate } from 'node:timers/promises';
import { ArgumentError, expected } from '../../errors.ts';
import type { Document } from '../../ir/types.ts';
import { checkOptions } from '../../options.ts';
import { tidy } from '../../torch/scope.ts';
import type { DualScorer } from '../dual.ts';
import { byLength, inEvaluation, lengthOf, onDeviceOf } from './scoring.ts';
import { newDirectory, type VectorDType, VectorWriter } from './vectorFiles.ts';

export interface BuildVectorsOptions {
  /** What vectors are kept as: `float16` takes half the room, and rounds to three digits; default `float32`. */
  readonly dtype?: VectorDType;
  /** Documents that are encoded at once; 64. */
  readonly batchSize?: number;
  /** Is told how many documents were encoded. */
  readonly progress?: (documents: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** So many batches are sorted by length together. */
const BATCHES = 16;

/** @returns the path of the directory */
export async function writeVectors(
  scorer: DualScorer,
  documents: Iterable<Document> | AsyncIterable<Document>,
  directory: string | URL,
  options: BuildVectorsOptions,
): Promise<string> {
  checkOptions('VectorIndex.build', options, ['dtype', 'batchSize', 'progress', 'signal']);
  const { dtype = 'float32', batchSize = 64, progress, signal } = options;
  if (dtype !== 'float32' && dtype !== 'float16') throw expected('float32 or float16', 'dtype', dtype);
  if (!(Number.isSafeInteger(batchSize) && batchSize >= 1))
    throw expected('a positive integer', 'batchSize', batchSize);
  const path = newDirectory(directory);
  let writer: VectorWriter | undefined;
  let count = 0;
  try {
    await inEvaluation(scorer, async () => {
      for await (const window of windows(documents, batchSize * BATCHES)) {
        signal?.throwIfAborted();
        const { dim, bytes } = await encoded(scorer, window, { dtype, batchSize });
        writer ??= await VectorWriter.create(path, { dim, dtype });
        await writer.add(
          window.map(({ id }) => id),
          bytes,
        );
        count += window.length;
        progress?.(count);
      }
    });
    if (writer === undefined) throw new ArgumentError('Expected at least one document but received none');
    await writer.finish();
    return path;
  } catch (error) {
    await writer?.abandon();
    throw error;
  }
}

async function* windows<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let window: T[] = [];
  for await (const item of items) {
    window.push(item);
    if (window.length < size) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}

interface Encoded {
  readonly dim: number;
  /** Of all vectors, in the order of the documents. */
  readonly bytes: Uint8Array;
}

async function encoded(
  scorer: DualScorer,
  documents: readonly Document[],
  { dtype, batchSize }: { readonly dtype: VectorDType; readonly batchSize: number },
): Promise<Encoded> {
  const order = byLength(documents.map(lengthOf));
  let all: Encoded | undefined;
  for (let start = 0; start < order.length; start += batchSize) {
    const places = order.slice(start, start + batchSize);
    const batch = places.map((place) => documents[place]!);
    const { dim, bytes } = await vectorsOf(scorer, batch, dtype);
    const row = bytes.length / batch.length;
    all ??= { dim, bytes: new Uint8Array(row * documents.length) };
    for (const [i, place] of places.entries())
      all.bytes.set(bytes.subarray(i * row, (i + 1) * row), place * row);
    await setImmediate();
  }
  return all!;
}

async function vectorsOf(
  scorer: DualScorer,
  documents: readonly Document[],
  dtype: VectorDType,
): Promise<Encoded> {
  return tidy(async () => {
    const vectors = scorer.encodeDocuments(onDeviceOf(scorer, await scorer.collateDocuments(documents)));
    const [rows, dim] = vectors.shape;
    if (vectors.shape.length !== 2 || rows !== documents.length)
      throw expected(`vectors [${documents.length}, D] of documents`, scorer.constructor.name, vectors.shape);
    const kept = vectors.to({ dtype, device: 'cpu' });
    const finite = kept.isfinite().all(1).tolist() as boolean[];
    const wrong = finite.indexOf(false);
    if (wrong >= 0)
      throw expected(`finite ${dtype} numbers`, `the vector of document ${documents[wrong]!.id}`, Number.NaN);
    const { buffer, byteOffset, byteLength } = kept.contiguous().toTypedArray();
    return { dim: dim!, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
  });
}
