/**
 * Models that PyTorch scripted and traced: outputs, gradients, and 100 steps of a Learner to the same bits, also where a
 * run stopped half-way; then saved here and read in Python. See scripts/fixtures/jit_training.py, which records anew in
 * the run of the test where there is the same PyTorch, so that both have one processor.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  AdamW,
  Learner,
  LossTrainer,
  ParameterOptimizer,
  Random,
  type RandomState,
  RegexParameterFilter,
  Sampler,
  type SerializableIterator,
  SGD,
} from '../../lib/learning/index.ts';
import { DONE, SerializableIterator as Iterator } from '../../lib/learning/iterators.ts';
import * as torch from '../../lib/torch/index.ts';
import { compiledSteps } from '../learning/compiledNet.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { expectBitEqual, loadFixture, type TensorEntry } from '../support/fixtures.ts';
import { itPython, python, runPython, sameTorch } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Tensor = torch.Tensor;
type Entries = Readonly<Record<string, TensorEntry>>;

interface Recorded {
  readonly name: string;
  readonly form: string;
  readonly archive: string;
  readonly evaluated: readonly TensorEntry[];
  readonly gradients: Entries;
  readonly runs: Readonly<Record<'SGD' | 'AdamW', { readonly losses: TensorEntry; readonly state: Entries }>>;
}

interface Fixture extends RecordedOn {
  readonly models: readonly Recorded[];
}

const [ROWS, CLASSES, WORDS, LENGTH, STEPS] = [6, 3, 20, 5, 100];
const isSamePython = itPython(sameTorch) === test;
const committed = loadFixture<Fixture>('jit-training.json.gz');
const cases = committed.models.map(({ name, form }, i) => [`${name}, ${form}`, i] as const);
let fixture = committed;
/** What was trained here, by its number. */
const saved = mkdtempSync(join(tmpdir(), 'xpmir-scripts-'));
afterAll(() => rmSync(saved, { recursive: true }));

beforeAll(() => {
  torch.setNumThreads(1);
  if (!isSamePython) return;
  const file = join(temporaryDirectory(), 'recorded.json.gz');
  const program = new URL('../../scripts/fixtures/jit_training.py', import.meta.url);
  execFileSync(python, [fileURLToPath(program), file]);
  fixture = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Fixture;
}, 120_000);

const load = ({ archive }: Recorded) => torch.jit.load(Buffer.from(archive, 'base64'));

/** As `numbers` of the program makes them. */
function numbers(step: number, ...shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return torch.fromTypedArray(
    Float32Array.from({ length: count }, (_, i) => (((step * 31 + i * 17) % 97) - 48) / 32),
    shape,
  );
}

const integers = (shape: readonly number[], valueAt: (i: number) => number) =>
  torch.fromTypedArray(
    BigInt64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
      BigInt(valueAt(i)),
    ),
    shape,
  );

const labels = (step: number) => integers([ROWS], (i) => (step + i) % CLASSES);

function inputs(name: string, step: number): readonly unknown[] {
  if (name === 'Recurrent' || name === 'Transformer')
    return [integers([ROWS, LENGTH], (i) => (step * 7 + i * 13) % WORDS)];
  if (name === 'Convolutions') return [numbers(step, ROWS, 1, 6, 6)];
  if (name === 'Flow') return [numbers(step, ROWS, 4)];
  const [query, document, left, right] = [0, 1, 2, 3].map((i) => numbers(4 * step + i, ROWS, 4));
  return [{ query, document }, [left, right]];
}

type Output = Tensor | [{ logits: Tensor }, Tensor];

function lossOf(output: Output, wanted: Tensor): Tensor {
  const { crossEntropy } = torch.nn.functional;
  if (output instanceof torch.Tensor) return crossEntropy(output, wanted);
  return crossEntropy(output[0].logits, wanted).add(output[1].square().mean());
}

const flat = (output: Output): Tensor[] =>
  output instanceof torch.Tensor ? [output] : [output[0].logits, output[1]];

/** The numbers of the steps, in order. */
class Counting extends Iterator<number, number> {
  #next = 0;
  next() {
    return this.#next < STEPS ? { done: false as const, value: this.#next++ } : DONE;
  }
  stateDict(): number {
    return this.#next;
  }
  loadStateDict(state: number): void {
    this.#next = state;
  }
}

class StepNumbers extends Sampler<number> {
  iterate(_random: RandomState): SerializableIterator<number> {
    return new Counting();
  }
}

interface Batch {
  readonly given: readonly unknown[];
  readonly wanted: Tensor;
}

class ScriptTrainer extends LossTrainer<number, Batch> {
  readonly #name: string;
  constructor(name: string) {
    super({ sampler: new StepNumbers(), batchSize: 1 });
    this.#name = name;
  }
  protected override collate([step]: readonly number[]): Batch {
    return { given: inputs(this.#name, step as number), wanted: labels(step as number) };
  }
  protected override trainBatch({ given, wanted }: Batch): void {
    const output = (this.trainedModel as torch.jit.ScriptModule).forward<Output>(...given);
    this.context.addLoss('loss', lossOf(output, wanted));
  }
}

const OPTIMIZERS = {
  SGD: () => [new SGD({ lr: 0.05, momentum: 0.9 }), new SGD({ lr: 0.02, momentum: 0.9, weightDecay: 0.01 })],
  AdamW: () => [new AdamW({ lr: 0.01, weightDecay: 0 }), new AdamW({ lr: 0.01, weightDecay: 0.05 })],
} as const;

interface Training {
  readonly optimizer: keyof typeof OPTIMIZERS;
  readonly compile: boolean;
  /** Whether graphs are optimized for the calls before: those of a model that was loaded anew begin again. */
  readonly isOptimized: boolean;
  /** Epochs of 50 steps after which it stops, and goes on with a model that was loaded anew. */
  readonly stops: readonly number[];
}

async function trained(recorded: Recorded, { optimizer, compile, stops }: Training) {
  const losses: number[] = [];
  const path = temporaryDirectory();
  let model = load(recorded);
  for (const maxEpochs of stops) {
    model = load(recorded);
    const [first, second] = OPTIMIZERS[optimizer]();
    const learner = new Learner({
      random: new Random(),
      trainer: new ScriptTrainer(recorded.name),
      model,
      optimizers: [
        new ParameterOptimizer({
          optimizer: first as SGD,
          filter: new RegexParameterFilter({ includes: ['bias$'] }),
        }),
        new ParameterOptimizer({ optimizer: second as SGD }),
      ],
      listeners: [],
      maxEpochs,
      stepsPerEpoch: STEPS / 2,
      compile,
      tensorboard: false,
    });
    await learner.run({
      path,
      progress: (event) => {
        if (event.type === 'step') losses.push(event.metrics.get('loss') as number);
      },
    });
  }
  return { losses: torch.tensor(losses, { dtype: 'float32' }), model };
}

function expectState(model: torch.nn.Module, wanted: Entries): void {
  const state = model.stateDict();
  expect([...state.keys()]).toEqual(Object.keys(wanted));
  for (const [name, tensor] of state) comparison(fixture)(tensor, wanted[name] as TensorEntry, name);
}

afterEach(() => torch.jit.setOptimizedExecution(true));

describe.each(cases)('%s', (_, at) => {
  const recorded = () => fixture.models[at] as Recorded;

  test('outputs and gradients', () => {
    const expectEqual = comparison(fixture);
    const { name, evaluated, gradients } = recorded();
    torch.manualSeed(4);
    const outputs = flat(
      load(recorded())
        .eval()
        .forward<Output>(...inputs(name, 1)),
    );
    for (const [i, tensor] of outputs.entries())
      expectEqual(tensor, evaluated[i] as TensorEntry, `output ${i}`);
    const model = load(recorded()).train();
    torch.manualSeed(5);
    lossOf(model.forward<Output>(...inputs(name, 2)), labels(2)).backward();
    for (const [key, { grad }] of model.namedParameters()) {
      expect(grad === null).toBe(gradients[key] === null);
      if (grad !== null) expectEqual(grad, gradients[key] as TensorEntry, `gradient of ${key}`);
    }
  });

  test.each<Training>([
    { optimizer: 'SGD', compile: true, stops: [2], isOptimized: true },
    { optimizer: 'AdamW', compile: true, stops: [1, 2], isOptimized: false },
    { optimizer: 'AdamW', compile: false, stops: [1, 2], isOptimized: false },
  ])('100 steps: $optimizer, compiled $compile, stops $stops', async (training) => {
    torch.jit.setOptimizedExecution(training.isOptimized);
    const { losses, state } = recorded().runs[training.optimizer];
    const found: { value?: Awaited<ReturnType<typeof trained>> } = {};
    const steps = await compiledSteps(async () => {
      found.value = await trained(recorded(), training);
    });
    comparison(fixture)(found.value!.losses, losses, 'losses');
    expectState(found.value!.model, state);
    if (!training.compile) await found.value!.model.save(join(saved, `${at}.pt`));
    const { name, form } = recorded();
    const isCompiled = training.compile && name !== 'Nested' && !(name === 'Flow' && form === 'scripted');
    if (isCompiled) expect(steps).toBeGreaterThan(80);
    else expect(steps).toBe(0);
  });
});

const READ = `
import sys, json, pathlib, torch
sys.path.insert(0, sys.argv[2])
from jit_training import entry, flat, inputs, state
torch.set_num_threads(1)
found = {}
for i, name in enumerate(json.loads(sys.argv[3])):
    model = torch.jit.load(str(pathlib.Path(sys.argv[1]) / f"{i}.pt"))
    told = state(model)
    torch.manual_seed(6)
    found[i] = {"state": told, "outputs": [entry(each) for each in flat(model(*inputs(name, 3)))]}
print(json.dumps(found))
`;

itPython(sameTorch)('what was trained and saved here gives the same in Python', () => {
  const names = fixture.models.map(({ name }) => name);
  const scripts = fileURLToPath(new URL('../../scripts/fixtures', import.meta.url));
  const read = runPython(READ, saved, scripts, JSON.stringify(names));
  const found = JSON.parse(read) as Record<string, { state: Entries; outputs: readonly TensorEntry[] }>;
  for (const [i, name] of names.entries()) {
    const { state, outputs } = found[i]!;
    const model = torch.jit.load(join(saved, `${i}.pt`));
    expect([...model.stateDict().keys()]).toEqual(Object.keys(state));
    for (const [key, tensor] of model.stateDict()) expectBitEqual(tensor, state[key]!, `${name}: ${key}`);
    torch.manualSeed(6);
    for (const [k, tensor] of flat(model.forward<Output>(...inputs(name, 3))).entries())
      expectBitEqual(tensor, outputs[k]!, `output ${k} of ${name}`);
  }
});
