/**
 * Exact search among the vectors of a dual encoder.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expected } from '../../errors.ts';
import { checkTopK } from '../../ir/rankers/firstStage.ts';
import { inOrder } from '../../ir/rankers/order.ts';
import type { Document, Run, ScoredDocument, Topic } from '../../ir/types.ts';
import { DamagedError } from '../../learning/damaged.ts';
import { checkOptions } from '../../options.ts';
import { F } from '../../torch/functions.ts';
import { type OpenSafetensors, openSafetensors } from '../../torch/io/openSafetensors.ts';
import { noGrad } from '../../torch/modes.ts';
import { keep, tidy } from '../../torch/scope.ts';
import type { Tensor } from '../../torch/tensor.ts';
import type { DualScorer } from '../dual.ts';
import { inEvaluation, onDeviceOf } from './scoring.ts';
import { type BuildVectorsOptions, writeVectors } from './vectorBuilder.ts';
import { IDS, readManifest, VECTORS, type VectorManifest } from './vectorFiles.ts';
import { HEADER } from './vectorHeader.ts';

export interface VectorSearchOptions {
  /** Vectors that are looked at together; 16384. */
  readonly blockSize?: number;
  readonly signal?: AbortSignal | undefined;
}

const BLOCK = 16_384;

/**
 * Vectors of documents over the pages of a file, of which the system keeps in memory what it has room for; identifiers are in
 * memory. Nobody may change the files meanwhile: see `mmap` of `openSafetensors`.
 */
export class VectorIndex {
  readonly directory: string;
  readonly manifest: VectorManifest;
  /** Identifiers, by row. */
  readonly ids: readonly string[];
  readonly #vectors: Tensor;

  private constructor(directory: string, manifest: VectorManifest, ids: readonly string[], vectors: Tensor) {
    this.directory = directory;
    this.manifest = manifest;
    this.ids = ids;
    this.#vectors = keep(vectors);
  }

  /**
   * Encodes documents, one after the other, into a directory that is not there yet, and opens it. Until it is whole there is
   * nothing under its name.
   *
   * @throws ArgumentError for a vector with a number that is not finite, and an identifier that comes twice
   */
  static async build(
    scorer: DualScorer,
    documents: Iterable<Document> | AsyncIterable<Document>,
    directory: string | URL,
    options: BuildVectorsOptions = {},
  ): Promise<VectorIndex> {
    return VectorIndex.open(await writeVectors(scorer, documents, directory, options));
  }

  /**
   * @param options `verify` (false): whether the vectors are read through and compared with their checksum; sizes and
   *   identifiers always are
   * @throws DamagedError for what is not, or not whole, what `build` left
   */
  static async open(
    directory: string | URL,
    options: { readonly verify?: boolean } = {},
  ): Promise<VectorIndex> {
    const { verify = false } = checkOptions('VectorIndex.open', options, ['verify']);
    const path = typeof directory === 'string' ? resolve(directory) : fileURLToPath(directory);
    const manifest = await readManifest(path);
    const ids = await readIds(path, manifest);
    const file = await openSafetensors(join(path, VECTORS), { mmap: true }).catch((error: unknown) => {
      throw new DamagedError(`${path} is damaged: ${(error as Error).message}`);
    });
    try {
      await checkVectors(path, manifest, file, verify);
      return new VectorIndex(path, manifest, ids, await file.getTensor('vectors'));
    } finally {
      await file.close();
    }
  }

  /** Number of documents. */
  get size(): number {
    return this.ids.length;
  }

  /**
   * The documents with the largest dot products, for each of T vectors, best first; exact, all documents are looked at, in
   * blocks. Of documents with the same score as the last, any.
   *
   * @param vectors `[T, D]`
   * @param k how many for each
   */
  async search(
    vectors: Tensor,
    k: number,
    options: VectorSearchOptions = {},
  ): Promise<(readonly ScoredDocument[])[]> {
    const { blockSize = BLOCK, signal } = checkOptions('search', options, ['blockSize', 'signal']);
    const { dim } = this.manifest;
    checkTopK(k);
    if (!(Number.isSafeInteger(blockSize) && blockSize >= 1))
      throw expected('a positive integer', 'blockSize', blockSize);
    if (vectors.shape.length !== 2 || vectors.shape[1] !== dim)
      throw expected(`a tensor [T, ${dim}]`, 'vectors', vectors.shape);
    if (!vectors.isfinite().all().item<boolean>()) throw expected('finite numbers', 'vectors', Number.NaN);
    return tidy(() =>
      noGrad(async () => {
        const queries = vectors.to({ dtype: 'float32' });
        let best: readonly [scores: Tensor, rows: Tensor] | undefined;
        for (let start = 0; start < this.size; start += blockSize) {
          signal?.throwIfAborted();
          const before = best;
          best = tidy(() => this.#better(queries, k, start, Math.min(blockSize, this.size - start), before));
          for (const tensor of before ?? []) tensor.dispose();
          await setImmediate();
        }
        const [scores, rows] = best!.map((tensor) => tensor.tolist() as number[][]) as [
          number[][],
          number[][],
        ];
        return scores.map((own, i) =>
          inOrder(
            `${i}`,
            own.map((score, j) => ({ id: this.ids[rows[i]![j]!]!, score })),
          ),
        );
      }),
    );
  }

  /** The run of a dual encoder: all topics in one pass over the documents. */
  async searchTopics(
    scorer: DualScorer,
    topics: readonly Topic[],
    k: number,
    options: VectorSearchOptions = {},
  ): Promise<Run> {
    if (topics.length === 0) throw expected('at least one topic', 'topics', topics);
    const found = await inEvaluation(scorer, async () => {
      const inputs = onDeviceOf(scorer, await scorer.collateTopics(topics));
      return this.search(scorer.encodeTopics(inputs), k, options);
    });
    const scores = found.map((documents) => new Map(documents.map(({ id, score }) => [id, score])));
    return new Map(topics.map(({ id }, i) => [id, scores[i]!]));
  }

  /** Lets go of the vectors. */
  close(): void {
    this.#vectors.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The best of a block and those of the blocks before. */
  #better(
    queries: Tensor,
    k: number,
    start: number,
    count: number,
    before: readonly [Tensor, Tensor] | undefined,
  ): readonly [Tensor, Tensor] {
    const block = this.#vectors.narrow(0, start, count).to({ dtype: 'float32', device: queries.device });
    const [scores, places] = queries.mm(block.t()).topk(Math.min(k, count), 1);
    const rows = places.add(start);
    if (before === undefined) return [scores, rows];
    const all = [F.cat([before[0], scores], 1), F.cat([before[1], rows], 1)] as const;
    const [kept, at] = all[0].topk(Math.min(k, all[0].shape[1]!), 1);
    return [kept, all[1].gather(1, at)];
  }
}

async function readIds(path: string, { documents, files }: VectorManifest): Promise<string[]> {
  const bytes = await readFile(join(path, IDS)).catch((error: unknown) => {
    throw new DamagedError(`${path} is damaged: ${(error as Error).message}`);
  });
  const digest = createHash('sha256').update(bytes).digest('hex');
  const ids = bytes.toString('utf8').split('\n').slice(0, -1);
  if (bytes.length !== files[IDS].size || digest !== files[IDS].sha256 || ids.length !== documents)
    throw new DamagedError(`${path} is damaged: ${IDS} is not what was written`);
  return ids;
}

async function checkVectors(
  path: string,
  { documents, dim, dtype, files }: VectorManifest,
  { header }: OpenSafetensors,
  verify: boolean,
): Promise<void> {
  const damaged = () => new DamagedError(`${path} is damaged: ${VECTORS} is not what was written`);
  const [vectors, ...others] = header.tensors;
  if (vectors === undefined || others.length > 0 || vectors.name !== 'vectors' || vectors.dtype !== dtype)
    throw damaged();
  if (vectors.shape.join() !== `${documents},${dim}` || vectors.end - vectors.begin !== files[VECTORS].size)
    throw damaged();
  if (!verify) return;
  const hash = createHash('sha256');
  for await (const block of createReadStream(join(path, VECTORS), { start: HEADER }))
    hash.update(block as Buffer);
  if (hash.digest('hex') !== files[VECTORS].sha256) throw damaged();
}
