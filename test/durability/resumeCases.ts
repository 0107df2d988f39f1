/** Runs that are cut somewhere and go on in another process: which ones there are. */
import { type Random, seeded } from '../robustness/random.ts';

/** Steps in an epoch, and when listeners end the run. */
export const STEPS = 7;
export const EPOCHS = 6;

const DIMENSIONS = {
  optimizer: ['SGD', 'Adam', 'AdamW', 'Adagrad', 'RMSprop'],
  dropout: [true, false],
  accumulate: [1, 4],
  schedule: ['none', 'linear', 'cosine'],
  threads: [1, 2],
  compile: [true, false, true],
  /** Float16 with scaled losses, which overflow now and then. */
  scaler: [false, true],
  /** Whether a parameter has no gradient until the third epoch. */
  late: [false, true],
  /** Whose random numbers the trainer takes to make a batch. */
  noise: ['nobody', 'the run', 'the learner', 'libtorch', 'libtorch at times', 'everybody'],
  /** How batches come: from the sampler, from one that takes its time, from a thread. */
  loading: [
    'at once',
    'later',
    'at once',
    'later',
    'at once',
    'later',
    'at once',
    'later',
    'at once',
    'later',
    'thread',
  ],
  /** Whether a hook that remembers looks at every step. */
  hook: [false, true],
  /** After which step the run is cut, or within which. */
  cut: [
    'after the first step',
    'after the second step',
    'within a step',
    'within an accumulation',
    'after the last step of an epoch',
    'after the first step of an epoch',
    'in a validation',
    'before the last step',
    'before an overflow',
    'at an overflow',
    'after an overflow',
    'anywhere',
  ],
  /**
   * A run that is stopped saves its state; one that crashes had it saved before; and what is saved while training goes on is
   * copied, so that there is nothing later.
   */
  way: ['stopped', 'crashed', 'copied', 'crashed', 'copied'],
} as const;

type Dimensions = typeof DIMENSIONS;
type Name = keyof Dimensions;

export type Case = { readonly [N in Name]: Dimensions[N][number] } & {
  readonly id: number;
  /** The step of what may be cut anywhere. */
  readonly at: number;
  /** Batches can be cut, and are from this call of `trainBatch` on, when memory runs out; 0: it does not. */
  readonly memory?: number;
};

/** Cases in which every value of every dimension occurs, as often as the others. */
export function casesOf(count: number, seed: number): Case[] {
  const random = seeded(seed);
  const columns = Object.entries(DIMENSIONS).map(
    ([name, values]) =>
      [
        name,
        shuffled(
          Array.from({ length: count }, (_, i) => values[i % values.length]),
          random,
        ),
      ] as const,
  );
  const cuts = new Set<string>();
  return Array.from({ length: count }, (_, id) => {
    const chosen = Object.fromEntries(columns.map(([name, column]) => [name, column[id]])) as unknown as Case;
    const { cut } = chosen;
    const isFirst = cuts.size < cuts.add(cut).size;
    return {
      ...chosen,
      // One of each is cut exactly there; otherwise a step may be under way, or another checkpoint.
      ...(isFirst && { way: 'stopped', compile: false }),
      ...(cut.endsWith('overflow') && { scaler: true }),
      ...(cut === 'within an accumulation' && { accumulate: 4 }),
      id,
      at: STEPS + 1 + random.below(STEPS * (EPOCHS - 2)),
    };
  });
}

/** Values of dimensions that occur in no case. */
export function missing(cases: readonly Case[]): string[] {
  return Object.entries(DIMENSIONS).flatMap(([name, values]) =>
    values
      .filter((value) => !cases.some((each) => each[name as Name] === value))
      .map((value) => `${name} ${value}`),
  );
}

/** The step after which a case is cut, or the last whole one before. */
export function stepOf({ cut, at }: Case, isOverflow: (step: number) => boolean): number {
  const epoch = Math.ceil(at / STEPS);
  let overflow = at;
  while (cut.endsWith('overflow') && !isOverflow(overflow)) overflow++;
  switch (cut) {
    case 'after the first step':
      return 1;
    case 'after the second step':
      return 2;
    case 'after the last step of an epoch':
    case 'in a validation':
      return STEPS * epoch;
    case 'after the first step of an epoch':
      return STEPS * epoch + 1;
    case 'before the last step':
      return STEPS * EPOCHS - 1;
    case 'before an overflow':
      return overflow - 1;
    case 'after an overflow':
      return overflow + 1;
    default:
      return overflow;
  }
}

function shuffled<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
