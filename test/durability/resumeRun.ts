/** Runs of a case: whole, up to where it is cut, and from there to the end; and all that tells two of them apart. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  Adagrad,
  Adam,
  AdamW,
  Batcher,
  CosineWithWarmup,
  type EventReader,
  Learner,
  LearnerListener,
  LearnerListenerStatus,
  LinearWithWarmup,
  type Optimizer,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  Random,
  RegexParameterFilter,
  RMSprop,
  type Scheduler,
  SGD,
  type TrainerContext,
  type TrainState,
  ValidationListener,
} from '../../lib/learning/index.ts';
import type { Manifest } from '../../lib/learning/manifest.ts';
import { packState } from '../../lib/learning/stateCodec.ts';
import { getRngState, manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Case, EPOCHS, STEPS, stepOf } from './resumeCases.ts';
import { Items } from './resumeItems.ts';
import {
  Counting,
  CountingValidations,
  Growing,
  Measuring,
  Net,
  NetTrainer,
  OVERFLOWING,
  type Taps,
} from './resumeParts.ts';

/** What a run was, and what it left. */
export interface Trace {
  /** Hashes after each epoch, and what is short as it is. */
  readonly epochs: Readonly<Record<number, Readonly<Record<string, unknown>>>>;
  /** Ids of the records of the batches that were taken, in their order. */
  readonly taken: readonly (readonly number[])[];
  /** Lines of `events.jsonl`, without those that are void: steps, epochs and validations. */
  readonly log: readonly string[];
  /** SHA-256 of the files of the last checkpoint. */
  readonly files: Readonly<Record<string, string>>;
  /** Where the last checkpoint is. */
  readonly saved: Pick<Manifest, 'epoch' | 'steps' | 'stepsInEpoch'>;
  readonly warnings: readonly string[];
}

const OPTIMIZERS: Readonly<Record<Case['optimizer'], () => Optimizer>> = {
  SGD: () => new SGD({ lr: 1e-2, momentum: 0.9 }),
  Adam: () => new Adam({ lr: 1e-2 }),
  AdamW: () => new AdamW({ lr: 1e-2, fused: true }),
  Adagrad: () => new Adagrad({ lr: 1e-2, lrDecay: 1e-2 }),
  RMSprop: () => new RMSprop({ lr: 1e-3, momentum: 0.5 }),
};

const SCHEDULERS: Readonly<Record<Case['schedule'], () => Scheduler | undefined>> = {
  none: () => undefined,
  linear: () => new LinearWithWarmup({ numWarmupSteps: 10 }),
  cosine: () => new CosineWithWarmup({ numWarmupSteps: 3, numCycles: 2 }),
};

/** Trains to the end, from whatever is there. */
export async function runToEnd(given: Case, path: string): Promise<Trace> {
  return traceOf(given, path, {}, (learner, progress) => learner.run({ path, progress }));
}

/** Trains until the run is cut after, or within the step after, `step`. */
export async function runToCut(given: Case, path: string, step: number): Promise<Trace> {
  const cut = new Cut(given, path, step);
  const options = { taps: cut.taps, checkpointSteps: cut.checkpointSteps };
  return traceOf(given, path, options, async (learner, progress) => {
    const told: EventReader = (event) => {
      progress(event);
      if (event.type === 'step') cut.afterStep(event.state);
      if (event.type === 'checkpoint') cut.afterCheckpoint(event.state);
    };
    const failed = await learner.run({ path, progress: told, signal: cut.signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    // While something is copied, a run may come to its end.
    if (failed !== CUT && !cut.isCopied) throw failed ?? new Error('the run came to its end');
    cut.restore();
  });
}

/** Whether the gradients of a step overflow, by the batches of a whole run. */
export function overflows({ accumulate }: Case, { taken }: Trace): (step: number) => boolean {
  return (step) => {
    const batches = taken.slice((step - 1) * accumulate, step * accumulate);
    if (batches.length === 0) throw new Error('there is no overflow');
    return batches.some((ids) => ids.includes(OVERFLOWING));
  };
}

/** Where the run is cut. */
export function cutOf(given: Case, whole: Trace): number {
  return stepOf(given, overflows(given, whole));
}

const CUT = new Error('cut');

/** Cuts a run in its way, at its place. */
class Cut {
  readonly #case: Case;
  readonly #path: string;
  readonly #step: number;
  readonly #controller = new AbortController();
  #isWanted = false;
  isCopied = false;

  constructor(given: Case, path: string, step: number) {
    this.#case = given;
    this.#path = path;
    this.#step = step;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get checkpointSteps(): number {
    const { way } = this.#case;
    return way === 'crashed' || (way === 'copied' && !this.#isInside) ? this.#step : 0;
  }

  get #isInside(): boolean {
    return /^(with)?in /.test(this.#case.cut);
  }

  readonly taps: Taps = {
    batch: (count) => {
      const { cut, way, accumulate } = this.#case;
      const isWithin = cut.startsWith('within');
      if (!isWithin && way !== 'crashed') return;
      if (count === this.#step * accumulate + (isWithin ? accumulate >> 1 : 0)) this.#do();
    },
    validation: (epoch) => {
      if (this.#case.cut === 'in a validation' && epoch * STEPS === this.#step) this.#do();
    },
  };

  afterStep({ steps }: TrainState): void {
    if (!this.#isInside && this.#case.way === 'stopped' && steps === this.#step) this.#do();
  }

  /** Nothing else is written at that moment. */
  afterCheckpoint({ steps }: TrainState): void {
    if (this.#case.way !== 'copied' || steps < this.#step || (this.#isInside && !this.#isWanted)) return;
    if (!this.isCopied)
      cpSync(this.#checkpoints, `${this.#checkpoints}.copy`, { recursive: true, verbatimSymlinks: true });
    this.isCopied = true;
    this.#controller.abort(CUT);
  }

  /** What was copied is what there is. */
  restore(): void {
    if (this.#case.way !== 'copied') return;
    rmSync(this.#checkpoints, { recursive: true });
    renameSync(`${this.#checkpoints}.copy`, this.#checkpoints);
  }

  get #checkpoints(): string {
    return join(this.#path, 'checkpoints');
  }

  #do(): void {
    this.#isWanted = true;
    if (this.#case.way === 'crashed') throw CUT;
    if (this.#case.way === 'stopped') this.#controller.abort(CUT);
    // As the system does it, but not at some time later.
    else process.emit('SIGUSR1');
  }
}

interface MakeOptions {
  readonly taps?: Taps;
  readonly checkpointSteps?: number;
}

async function traceOf(
  given: Case,
  path: string,
  options: MakeOptions,
  run: (learner: Learner, progress: EventReader) => Promise<unknown>,
): Promise<Trace> {
  setNumThreads(given.threads);
  const warnings: string[] = [];
  const { learner, trainer, probe } = make(given, options);
  await run(learner, (event) => {
    if (event.type === 'warning') warnings.push(event.message);
  });
  const manifest = JSON.parse(
    readFileSync(join(path, 'checkpoints', 'last', 'manifest.json'), 'utf8'),
  ) as Manifest;
  const { epoch, steps, stepsInEpoch } = manifest;
  return {
    epochs: probe.epochs,
    taken: trainer.taken,
    log: logOf(path),
    files: Object.fromEntries(Object.entries(manifest.files).map(([name, { sha256 }]) => [name, sha256])),
    saved: { epoch, steps, stepsInEpoch },
    warnings,
  };
}

function make(given: Case, { taps: own = {}, checkpointSteps = 0 }: MakeOptions) {
  const taps = { ...own, losses: exhausting(given.memory ?? 0) };
  manualSeed(given.id);
  const random = new Random({ seed: given.id });
  const scheduler = SCHEDULERS[given.schedule]();
  const trainer = new NetTrainer({
    sampler: new Items({ loading: given.loading }),
    prefetch: given.loading === 'thread' ? 2 : 0,
    batcher: given.memory === undefined ? new Batcher() : new PowerAdaptativeBatcher(),
    noise: given.noise,
    scaled: given.scaler,
    late: given.late,
    random,
    taps,
  });
  const validation = new ValidationListener({
    id: 'validation',
    evaluator: new Measuring(taps),
    metrics: { script: true, size: false },
    earlyStop: 2,
    hooks: [new CountingValidations()],
  });
  const probe = new Probe({ trainer, validation, random });
  const first = new RegexParameterFilter({ includes: ['^first', '^wide'] });
  const learner = new Learner({
    random,
    trainer,
    model: new Net(given.dropout ? 0.3 : 0, given.threads === 1 ? 8 : 40_000),
    optimizers: [
      new ParameterOptimizer({
        optimizer: OPTIMIZERS[given.optimizer](),
        filter: first,
        ...(scheduler && { scheduler }),
      }),
      new ParameterOptimizer({ optimizer: OPTIMIZERS[given.optimizer]() }),
    ],
    listeners: [validation, probe],
    hooks: [...(given.hook ? [new Counting()] : []), new Growing()],
    maxEpochs: EPOCHS + 2,
    stepsPerEpoch: STEPS,
    accumulateGradBatches: given.accumulate,
    compile: given.compile,
    ...(given.scaler && { precision: '16-mixed' as const }),
    tensorboard: false,
    checkpointSteps,
  });
  return { learner, trainer, probe };
}

/** Memory runs out in one call. */
function exhausting(at: number): () => void {
  let calls = 0;
  return () => {
    if (++calls === at) throw Object.assign(new Error('no memory'), { code: 'ERR_OUT_OF_MEMORY' });
  };
}

interface Probed {
  readonly trainer: NetTrainer;
  readonly validation: ValidationListener;
  readonly random: Random;
}

/** Looks at everything after each epoch, and remembers something itself. */
class Probe extends LearnerListener {
  readonly epochs: Record<number, Record<string, unknown>> = {};
  readonly #probed: Probed;
  #context: TrainerContext | undefined;
  #smoothed = 0;

  constructor(probed: Probed) {
    super({ id: 'probe' });
    this.#probed = probed;
  }

  override initialize(context: TrainerContext): void {
    this.#context = context;
  }

  override afterEpoch({ epoch, steps }: TrainState): LearnerListenerStatus {
    const { model, optimizer } = this.#context as TrainerContext;
    const { trainer, validation, random } = this.#probed;
    const size = validation.current.get('size') ?? 0;
    this.#smoothed = 0.9 * this.#smoothed + 0.1 * size;
    this.epochs[epoch] = tidy(() => ({
      steps,
      parameters: hashOf(Object.fromEntries(model.stateDict())),
      optimizer: hashOf(optimizer.stateDict()),
      libtorch: hashOf(getRngState()),
      run: trainer.random.words(),
      shared: random.stateDict(),
      data: trainer.stateDict(),
      best: Object.fromEntries(validation.top),
      hooks: validation.hooks.map((hook) => hook.stateDict?.()),
      size,
      smoothed: this.#smoothed,
    }));
    return LearnerListenerStatus.NO_DECISION;
  }

  override stateDict(): unknown {
    return { smoothed: this.#smoothed };
  }

  override loadStateDict(state: unknown): void {
    this.#smoothed = (state as { readonly smoothed: number }).smoothed;
  }
}

function hashOf(state: unknown): string {
  const { json, tensors } = packState(state);
  const hash = createHash('sha256').update(JSON.stringify(json));
  for (const tensor of tensors.values()) {
    const { buffer, byteOffset, byteLength } = tensor.contiguous().toTypedArray();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

function logOf(path: string): string[] {
  let lines: { readonly step: number; readonly text: string }[] = [];
  for (const line of readFileSync(join(path, 'events.jsonl'), 'utf8').split('\n')) {
    if (line === '') continue;
    const { time: _, dataWait: __, ...event } = JSON.parse(line);
    if (event.type === 'resume') lines = lines.filter(({ step }) => step <= event.step);
    if (!['step', 'epoch', 'validation'].includes(event.type)) continue;
    lines.push({ step: event.step, text: JSON.stringify(event) });
  }
  return lines.map(({ text }) => text);
}
