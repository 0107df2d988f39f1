/**
 * Scores of documents, in batches that fit.
 */
import { setImmediate } from 'node:timers/promises';
import { ArgumentError, expected } from '../../errors.ts';
import type { Document, Topic } from '../../ir/types.ts';
import { evaluating } from '../../learning/evaluating.ts';
import { ModuleInitMode } from '../../learning/module.ts';
import { placed } from '../../learning/tensorParts.ts';
import type { DType } from '../../torch/dtype.ts';
import type { Module } from '../../torch/nn/module.ts';
import { tidy } from '../../torch/scope.ts';
import type { Scorer } from '../scorer.ts';

/** Runs `fn` with a model that is initialised, in evaluation mode, and without gradients. */
export async function inEvaluation<T>(scorer: Scorer, fn: () => Promise<T>): Promise<T> {
  await scorer.initialize({ mode: ModuleInitMode.DEFAULT });
  return evaluating([scorer], fn);
}

/** What `collate` made, where the model is and in its dtype. */
export function onDeviceOf<T>(model: Module, inputs: T): T {
  const [parameter] = model.parameters();
  if (parameter === undefined) return inputs;
  const dtype = parameter.dtype as DType;
  const place = {
    device: parameter.device,
    dtype: dtype === 'float32' ? undefined : dtype,
    born: NOTHING,
    upload: undefined,
  };
  return placed(inputs, place).tensors as T;
}

const NOTHING: ReadonlySet<unknown> = new Set();

/** Places of items, those of like length next to each other: their batches have little padding. */
export function byLength(lengths: readonly number[]): number[] {
  return lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
}

/** About how long what models read of a document is. */
export function lengthOf({ text, title = '' }: Document): number {
  return text.length + title.length;
}

/**
 * Scores of documents for a topic, in their order. Documents of like length are scored together; others have a turn between
 * two batches.
 *
 * @throws ArgumentError for a score that is NaN, by topic and document, and for another number of scores than of documents
 */
export async function scoreDocuments(
  scorer: Scorer,
  topic: Topic,
  documents: readonly Document[],
  batchSize: number,
): Promise<Float64Array> {
  const scores = new Float64Array(documents.length);
  const order = byLength(documents.map(lengthOf));
  for (let start = 0; start < order.length; start += batchSize) {
    const places = order.slice(start, start + batchSize);
    const batch = places.map((place) => documents[place]!);
    const values = await scoresOf(scorer, topic, batch);
    for (const [i, place] of places.entries()) scores[place] = values[i]!;
    await setImmediate();
  }
  return scores;
}

async function scoresOf(scorer: Scorer, topic: Topic, documents: readonly Document[]): Promise<number[]> {
  const values = await tidy(async () => {
    const inputs = onDeviceOf(scorer, await scorer.collate({ topics: [topic], documents }));
    const scores = scorer.forward(inputs);
    if (scores.shape.join() === `${documents.length}`) return scores.tolist() as number[];
    throw new ArgumentError(
      `Expected scores of shape [${documents.length}] from ${scorer.constructor.name} but received [${scores.shape}]`,
    );
  });
  const wrong = values.findIndex((value) => Number.isNaN(value));
  if (wrong < 0) return values;
  throw expected(
    'a number',
    `the score of document ${documents[wrong]!.id} for topic ${topic.id}`,
    values[wrong],
  );
}
