/**
 * Several trainers at once.
 */
import { expected } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { dict } from '../experiment/types.ts';
import type { TrainerContext } from './context.ts';
import type { Hook } from './hooks.ts';
import type { Item } from './iterators.ts';
import type { RandomState } from './random.ts';
import { disposeParts, type TensorPart } from './tensorParts.ts';
import { type Batches, Trainer } from './trainer.ts';

/** A batch for each trainer, by its key. */
export type BatchesByKey = Readonly<Record<string, unknown>>;

/**
 * Each step is one batch of every trainer, one after the other, and one step of the optimizers. The metrics of a trainer
 * are under its key.
 */
export class MultipleTrainer extends config(
  import.meta,
  'xpmir.learning.trainers.multiple.MultipleTrainer',
  { trainers: param(dict(Trainer)) },
  Trainer,
) {
  override validate(): void {
    super.validate();
    if (this.#entries.length === 0) throw wrong('trainers', 'at least one trainer', this.trainers);
  }

  override initialize(random: RandomState, context: TrainerContext): void {
    super.initialize(random, context);
    for (const [, trainer] of this.#entries) trainer.initialize(random.fork(), context);
  }

  override attach(context: TrainerContext): void {
    super.attach(context);
    for (const [, trainer] of this.#entries) trainer.attach(context);
  }

  override allHooks(): readonly Hook[] {
    return [...this.hooks, ...this.#entries.flatMap(([, trainer]) => trainer.allHooks())];
  }

  iterBatches(): Batches<BatchesByKey> {
    const sources = this.#entries.map(([key, trainer]) => [key, trainer.iterBatches()] as const);
    return { next: () => nextOfEach(sources) };
  }

  async processBatch(batches: BatchesByKey): Promise<void> {
    for (const [key, trainer] of this.#entries) {
      await this.context.scope(key, () => trainer.processBatch(batches[key]));
    }
  }

  override async parts(batches: BatchesByKey): Promise<readonly TensorPart[] | undefined> {
    const all: TensorPart[] = [];
    for (const [key, trainer] of this.#entries) {
      const parts = await trainer.parts(batches[key]);
      if (parts === undefined) {
        disposeParts(all);
        return undefined;
      }
      all.push(...parts.map((part) => ({ ...part, scopes: [key, ...part.scopes] })));
    }
    return all;
  }

  stateDict(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#entries.map(([key, trainer]) => [key, trainer.stateDict()]));
  }

  loadStateDict(state: unknown): void {
    const states = { ...(state as Readonly<Record<string, unknown>>) };
    for (const [key] of this.#entries) {
      if (!Object.hasOwn(states, key)) throw expected(`the state of trainer ${key}`, 'state', state);
    }
    for (const [key, trainer] of this.#entries) trainer.loadStateDict(states[key]);
  }

  override checkState(): void {
    for (const [, trainer] of this.#entries) trainer.checkState();
  }

  override to(device: string): void {
    super.to(device);
    for (const [, trainer] of this.#entries) trainer.to(device);
  }

  override async close(): Promise<void> {
    for (const [, trainer] of this.#entries) await trainer.close();
  }

  get #entries(): [string, Trainer][] {
    return Object.entries(this.trainers);
  }
}

async function nextOfEach(
  sources: readonly (readonly [string, Batches<unknown>])[],
): Promise<Item<BatchesByKey>> {
  const batches: Record<string, unknown> = {};
  for (const [key, source] of sources) {
    const { done, value } = await source.next();
    if (done === true)
      throw expected('batches without an end', `trainers[${JSON.stringify(key)}]`, undefined);
    batches[key] = value;
  }
  return { done: false, value: batches };
}
