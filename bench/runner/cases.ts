/** What is compared. The work itself stands in ours/ and reference/, under the same names. */

export type Unit = 'ns' | 'ms' | 'MB';

interface Named {
  readonly name: string;
  readonly title: string;
}

interface Common extends Named {
  readonly unit: Unit;
  /** How many rounds are enough for a steady median. */
  readonly rounds: number;
  /** Where it stands among the results; of training, steps a second are shown. */
  readonly section: 'Operators' | 'Training' | 'Inference' | 'ONNX Runtime' | 'Data' | 'Processes';
}

/** A loop in a process that stays: the cost is nanoseconds an iteration. */
export interface LoopCase extends Common {
  readonly kind: 'loop';
  /** A round's worth: some tens of milliseconds, so that both halves meet the same machine. */
  readonly iterations: number;
  /** Rounds before those that count; default 3. */
  readonly warmUps?: number;
  /** Iterations of each round before its clock starts; default none. */
  readonly settled?: number;
  /** What ours is compared with; default Python. */
  readonly beside?: 'onnxruntime';
  /** By how much of them the checks may differ; default 0, as bits. */
  readonly within?: number;
}

/** A whole process from start to end, training the same model for some steps. */
export interface ProcessCase extends Common {
  readonly kind: 'process';
  readonly steps: number;
  readonly cost: 'wall' | 'peak';
  /** How ours is run: TypeScript through tsx, as job scripts are, or what `npm run build` makes of it. */
  readonly form: 'tsx' | 'compiled';
  /** What a Learner trains; default the MLP of ours/mlp.mjs, without one. */
  readonly train?: string;
}

/** The losses of all steps: compiled, as ever and in Python they are the same, to the bit. */
export interface LossesCase extends Named {
  readonly kind: 'losses';
  readonly train: string;
  readonly steps: number;
}

/** What Python has no counterpart of: measured in a process of ours. */
export interface OwnCase extends Named {
  readonly kind: 'own';
  readonly measure: 'lag' | 'wait' | 'first';
  readonly train: string;
  /** Epochs of the demo. */
  readonly steps: number;
  /** Steps are not compiled. */
  readonly eager?: boolean;
  readonly rounds: number;
}

export type ComparedCase = LoopCase | ProcessCase;
export type Case = ComparedCase | LossesCase | OwnCase;

const loop = { kind: 'loop', unit: 'ns', rounds: 21, section: 'Operators' } as const;
const start = {
  kind: 'process',
  unit: 'ms',
  rounds: 7,
  steps: 1,
  cost: 'wall',
  section: 'Processes',
} as const;
const peak = {
  kind: 'process',
  unit: 'MB',
  rounds: 3,
  cost: 'peak',
  form: 'tsx',
  section: 'Processes',
} as const;

/** Ours is a run of a Learner, batches put together from rows and all; each round trains from the beginning. */
const learner = { kind: 'loop', unit: 'ns', rounds: 9, section: 'Training' } as const;
/** The first four steps of a Learner and the 13th are made in JavaScript, most both ways, and no other before the 46th. */
export const SETTLED = 14;

/** Their rounds are short, so that steps made both ways would weigh more than they do in a training. */
const large = { ...learner, rounds: 2, warmUps: 0, settled: SETTLED, iterations: 30 } as const;
const ranking = { ...learner, iterations: 400 } as const;
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
    title: 'kernel pooling over 16 triples of 4 and 16 words, a small embedding',
    iterations: 1000,
  },
  { ...learner, name: 'lstm', title: 'LSTM of 64 over 16 x 32 words', iterations: 300 },
  { ...large, name: 'cross-encoder', title: 'BERT-mini over 16 x 128 words; in PyTorch batches are there' },
  {
    ...large,
    name: 'cross-encoder-texts',
    title: 'BERT-mini over 16 texts that each batch cuts into 128 words; PyTorch with a DataLoader',
  },
  { ...large, name: 'cross-encoder-texts-1', title: 'the same; one worker of the DataLoader' },
  { ...large, name: 'cross-encoder-texts-2', title: 'the same; two workers of the DataLoader' },
  { ...large, name: 'dual-encoder', title: 'BERT-mini, 16 queries and documents in a batch' },
  {
    ...ranking,
    name: 'pairwise-tsv',
    title:
      'a dual scorer of hashed words over 32 triples of a TSV file, PairwiseTrainer; PyTorch with a DataLoader',
  },
  { ...ranking, name: 'pairwise-tsv-1', title: 'the same; one worker of the DataLoader' },
  { ...ranking, name: 'pairwise-tsv-2', title: 'the same; two workers of the DataLoader' },
];

const text = { ...loop, rounds: 9, iterations: 40, section: 'Inference' } as const;
const texts = { ...text, iterations: 3, warmUps: 1 } as const;
const rounded = { within: 1e-5 } as const;
const onnx = { ...rounded, beside: 'onnxruntime', section: 'ONNX Runtime' } as const;
const inference: readonly LoopCase[] = [
  {
    ...text,
    name: 'infer-1',
    title: "BERT-mini over a text of 128 words; Python with Hugging Face's library",
  },
  { ...texts, name: 'infer-32', title: 'the same, 32 texts at once' },
  { ...text, ...rounded, name: 'infer-1-onednn', title: 'a text, ours by toMkldnn' },
  { ...texts, ...rounded, name: 'infer-32-onednn', title: '32 texts, ours by toMkldnn' },
  { ...text, ...onnx, name: 'infer-1-onnx', title: 'BERT-mini over a text of 128 words' },
  { ...texts, ...onnx, name: 'infer-32-onnx', title: 'the same, 32 texts at once' },
  { ...text, ...onnx, name: 'infer-1-onnx-onednn', title: 'a text, ours by toMkldnn' },
  { ...texts, ...onnx, name: 'infer-32-onnx-onednn', title: '32 texts, ours by toMkldnn' },
];

const data: readonly LoopCase[] = [
  {
    ...loop,
    name: 'jsonl',
    title: 'a batch of 32 from lines of JSON to padded int64 tensors; Python by a generator',
    rounds: 9,
    iterations: 250,
    section: 'Data',
  },
  {
    ...loop,
    name: 'jsonl-dataloader',
    title: 'the same; a DataLoader over an IterableDataset',
    rounds: 9,
    iterations: 250,
    section: 'Data',
  },
];

const processes: readonly ProcessCase[] = [
  {
    ...start,
    name: 'first-step-tsx',
    title: 'process from start to its first training step, tsx',
    form: 'tsx',
  },
  { ...start, name: 'first-step-compiled', title: 'the same, compiled JavaScript', form: 'compiled' },
  {
    ...peak,
    name: 'peak-memory',
    title: 'resident memory at most, process that trains the MLP 2,000 steps in a loop',
    steps: 2000,
  },
  {
    ...peak,
    name: 'peak-mlp',
    title: 'the same, 10 steps; ours with a Learner',
    steps: 10,
    train: 'mlp',
  },
  {
    ...peak,
    name: 'peak-bert',
    title: 'the same, BERT-mini over 16 x 128 words',
    steps: 10,
    train: 'cross-encoder',
  },
];

const losses: readonly LossesCase[] = [
  { kind: 'losses', name: 'loss-mlp', title: 'MLP with dropout', train: 'mlp-dropout', steps: 500 },
  {
    kind: 'losses',
    name: 'loss-attention',
    title: 'LSTM, attention and dropout',
    train: 'lstm-attention',
    steps: 500,
  },
];

const lag = { kind: 'own', measure: 'lag', rounds: 3 } as const;
const wait = { kind: 'own', measure: 'wait', rounds: 3 } as const;
const first = { kind: 'own', measure: 'first', rounds: 3 } as const;
const own: readonly OwnCase[] = [
  { ...first, name: 'begin-mlp', title: 'MLP, beside steps 15 to 2,000', train: 'mlp', steps: 2000 },
  {
    ...first,
    name: 'begin-cross-encoder',
    title: 'BERT-mini over 16 x 128 words, beside steps 15 to 44',
    train: 'cross-encoder',
    steps: SETTLED + large.iterations,
  },
  {
    ...first,
    name: 'begin-dual-encoder',
    title: 'BERT-mini, 16 queries and documents, beside steps 15 to 44',
    train: 'dual-encoder',
    steps: SETTLED + large.iterations,
  },
  { ...lag, name: 'lag-mlp', title: 'MLP, compiled', train: 'mlp', steps: 20_000 },
  { ...lag, name: 'lag-mlp-eager', title: 'MLP, as ever', train: 'mlp', steps: 20_000, eager: true },
  { ...lag, name: 'lag-bert', title: 'BERT-mini, compiled', train: 'cross-encoder', steps: 30 },
  {
    ...lag,
    name: 'lag-bert-eager',
    title: 'BERT-mini, as ever',
    train: 'cross-encoder',
    steps: 30,
    eager: true,
  },
  { ...wait, name: 'wait-demo', title: 'the training of the demo, 3 epochs', train: 'demo', steps: 3 },
  { ...wait, name: 'wait-mlp', title: 'MLP from rows', train: 'mlp', steps: 20_000 },
  { ...wait, name: 'wait-bert', title: 'BERT-mini from texts', train: 'cross-encoder-texts', steps: 30 },
];

export const cases: readonly Case[] = [
  { ...loop, name: 'add-4x4', title: 'a.add(b) on 4x4', iterations: 20_000 },
  { ...loop, name: 'mm-4x4', title: 'a.mm(b) on 4x4', iterations: 20_000 },
  { ...loop, name: 'add_-4x4', title: 'a.add_(b) on 4x4, in place', iterations: 20_000 },
  { ...loop, name: 'create-dispose', title: 'zeros of 4x4, freed at once', iterations: 20_000 },
  { ...loop, name: 'foreach-100', title: '_foreach_add_ over 100 tensors of 4x4', iterations: 500 },
  {
    ...loop,
    name: 'mlp-step',
    title: 'training step in a loop, MLP 64-128-1, batch 16, fused AdamW',
    iterations: 200,
    section: 'Training',
  },
  ...learners,
  ...inference,
  ...data,
  ...processes,
  ...losses,
  ...own,
];
