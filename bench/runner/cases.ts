/** What is compared. The work itself stands in ours/ and reference/, under the same names. */

export type Unit = 'ns' | 'ms' | 'MB';

interface Common {
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  /** How many rounds are enough for a steady median. */
  readonly rounds: number;
}

/** A loop in a process that stays: the cost is nanoseconds an iteration. */
export interface LoopCase extends Common {
  readonly kind: 'loop';
  /** A round's worth: some tens of milliseconds, so that both halves meet the same machine. */
  readonly iterations: number;
  /** Rounds before those that count; default 3. */
  readonly warmUps?: number;
}

/** A whole process from start to end, training the same model for some steps. */
export interface ProcessCase extends Common {
  readonly kind: 'process';
  readonly steps: number;
  readonly cost: 'wall' | 'peak';
  /** How ours is run: TypeScript through tsx, as job scripts are, or what `npm run build` makes of it. */
  readonly form: 'tsx' | 'compiled';
}

export type Case = LoopCase | ProcessCase;

const loop = { kind: 'loop', unit: 'ns', rounds: 21 } as const;
const start = { kind: 'process', unit: 'ms', rounds: 7, steps: 1, cost: 'wall' } as const;

/** Ours is a run of a Learner, batches put together from rows and all; each round trains from the beginning. */
const learner = { kind: 'loop', unit: 'ns', rounds: 9 } as const;
/** The first steps of a Learner are made both ways: they weigh little in so many. */
const large = { ...learner, rounds: 3, warmUps: 0, iterations: 50 } as const;
const learners: readonly LoopCase[] = [
  {
    ...learner,
    name: 'mlp',
    title: 'MLP 64-128-1, batch 16, a Learner; PyTorch with batches that are there',
    iterations: 2000,
  },
  { ...learner, name: 'mlp-loading', title: 'the same; PyTorch with a DataLoader', iterations: 2000 },
  { ...learner, name: 'mlp-lightning', title: "the same; Lightning's Trainer", iterations: 2000 },
  { ...learner, name: 'knrm', title: 'kernel pooling over 16 triples of 10 and 50 words', iterations: 500 },
  {
    ...learner,
    name: 'knrm-small',
    title: 'the same of 4 and 16 words, and a small embedding',
    iterations: 1000,
  },
  { ...learner, name: 'lstm', title: 'LSTM of 64 over 16 x 32 words', iterations: 300 },
  { ...large, name: 'cross-encoder', title: 'BERT-mini over 16 x 128 words' },
  { ...large, name: 'cross-encoder-loading', title: 'the same; PyTorch with a DataLoader' },
  { ...large, name: 'dual-encoder', title: 'BERT-mini, 16 queries and documents in a batch' },
];

export const cases: readonly Case[] = [
  { ...loop, name: 'add-4x4', title: 'a.add(b) on 4x4', iterations: 20_000 },
  { ...loop, name: 'mm-4x4', title: 'a.mm(b) on 4x4', iterations: 20_000 },
  { ...loop, name: 'add_-4x4', title: 'a.add_(b) on 4x4, in place', iterations: 20_000 },
  { ...loop, name: 'create-dispose', title: 'zeros of 4x4, freed at once', iterations: 20_000 },
  { ...loop, name: 'foreach-100', title: '_foreach_add_ over 100 tensors of 4x4', iterations: 500 },
  { ...loop, name: 'mlp-step', title: 'training step, MLP 64-128-1, batch 16, fused AdamW', iterations: 200 },
  ...learners,
  {
    ...start,
    name: 'first-step-tsx',
    title: 'process from start to its first training step, tsx',
    form: 'tsx',
  },
  { ...start, name: 'first-step-compiled', title: 'the same, compiled JavaScript', form: 'compiled' },
  {
    kind: 'process',
    name: 'peak-memory',
    title: 'resident memory at most, process that trains the MLP 2,000 steps',
    unit: 'MB',
    rounds: 3,
    steps: 2000,
    cost: 'peak',
    form: 'tsx',
  },
];
