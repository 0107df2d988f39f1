/**
 * The learner: trains a model in epochs of steps, asks its listeners after each, and keeps what they want kept.
 */
import { resolve } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import type { Config } from '../experiment/declaration.ts';
import { JobFiles } from '../experiment/jobFiles.ts';
import { meta, param, path } from '../experiment/parameters.ts';
import { place, roots, validate } from '../experiment/seal.ts';
import { collectTags } from '../experiment/tags.ts';
import { addPretasks, copy, type Dep, type TaskContext, task } from '../experiment/task.ts';
import { bool, enumeration, float, int, list, optional } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import { Device } from './devices.ts';
import type { EventReader } from './events.ts';
import { Hook } from './hooks.ts';
import { LearnerListener } from './listener.ts';
import { ModuleLoader } from './moduleLoader.ts';
import { ParameterOptimizer } from './parameterOptimizer.ts';
import { PRECISIONS } from './precision.ts';
import { progress, reportTo } from './progress.ts';
import { Random } from './random.ts';
import { type RecordingOptions, recorded } from './recording.ts';
import { LearnerRun } from './run.ts';
import { alone } from './runLock.ts';
import { type Heard, interruptible, saving } from './signals.ts';
import { Trainer } from './trainer.ts';

/** What `submit` returns, before anything runs: what will be there. Given as init tasks, loaders load the model. */
export interface LearnerOutput<T = ModuleLoader> {
  /** What each listener keeps, by its id: loaders by metric. */
  readonly listeners: Readonly<Record<string, Readonly<Record<string, T>>>>;
  /** Loads the model as it was after the last epoch. */
  readonly learnedModel: T;
}

/** What a run in place leaves: of a run without a directory, nothing can be loaded again. */
export interface RunOutput extends Pick<LearnerOutput, 'listeners'> {
  readonly learnedModel: ModuleLoader | undefined;
  /** Final values of the listeners, such as `bestval/final/RR@10`. */
  readonly metrics: ReadonlyMap<string, number>;
}

export interface RunOptions {
  /** Directory of the run; without one nothing is written. A run that stopped in it goes on, a finished one is over. */
  readonly path?: string | undefined;
  /** How progress is told; default on stderr. `false` is quiet but for warnings. */
  readonly progress?: boolean | EventReader | undefined;
  /** Stops after the step at hand, with a checkpoint; `run` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether a run with a path listens to signals of the system, the default: SIGTERM and SIGINT stop it after the step at
   * hand, save its state, and end the process with code 143 or 130, at once when sent again; SIGUSR1 saves its state.
   */
  readonly signals?: boolean | undefined;
}

const POSITIVE = [
  'maxEpochs',
  'stepsPerEpoch',
  'accumulateGradBatches',
  'checkpointInterval',
  'keepCheckpoints',
] as const;

const ignored = <T>(value: T) => ({ default: value, ignoreDefault: true });

/**
 * Trains a model. `submit` runs it as a job of the current experiment, `run` here and now: then models, trainers and
 * samplers may be of classes that were not declared.
 */
export class Learner extends task(import.meta, 'xpmir.learning.learner.Learner', {
  /** Seeds everything. */
  random: param(Random),
  /** How to train: batches, and the losses of each. */
  trainer: param(Trainer),
  /** What is trained; several models are one as a ModuleList. */
  model: param(Module),
  /** Also sizes the schedules of learning rates. */
  maxEpochs: param(int, ignored(1000)),
  /** Optimizer steps in an epoch, whatever the size of the data. */
  stepsPerEpoch: param(int, ignored(128)),
  /** Batches in a step, whose gradients are averaged: a batch as large as this many, in the memory of one. */
  accumulateGradBatches: param(int, ignored(1)),
  /** Mixed precision: float16 with scaled losses on a GPU, bfloat16 on the CPU. */
  useFp16: param(bool, ignored(false)),
  /** The precision by its name, in place of `useFp16`: of `-mixed` ones parameters stay float32, of `-true` ones not. */
  precision: param(optional(enumeration('xpmir.learning.learner.Precision', PRECISIONS))),
  /** Each parameter belongs to the first that takes it. */
  optimizers: param(list(ParameterOptimizer)),
  /**
   * Whether steps of trainers that collate tensors run without JavaScript, once that gave the same bits; `'verify'`
   * compares every step.
   */
  compile: meta(
    enumeration('xpmir.learning.learner.CompileMode', { off: false, on: true, verify: 'verify' }),
    { default: true },
  ),
  /**
   * Whether forward and backward of compiled steps are captured as graphs of the GPU and replayed: for small models, whose
   * operators take longer to ask for than to compute. Does nothing on the CPU.
   */
  cudaGraphs: meta(bool, { default: false }),
  /** Asked after each epoch, in this order; their ids differ. */
  listeners: param(list(LearnerListener)),
  /** Saves every so many epochs, and always after the last. */
  checkpointInterval: meta(int, { default: 1 }),
  /** Saves in the middle of epochs too: every so many optimizer steps; 0: never. */
  checkpointSteps: meta(int, { default: 0 }),
  /** The same by the clock: every so many minutes; 0: never. */
  checkpointMinutes: meta(float, { default: 0 }),
  /** How many checkpoints stay: the newest, and those before it for when it is damaged. */
  keepCheckpoints: meta(int, { default: 2 }),
  /** Beside these, those of every so many epochs stay for good; 0: none. */
  keepEvery: meta(int, { default: 0 }),
  /**
   * What to do when a checkpoint cannot be saved, as on a full disk: `'continue'` warns and tries again with the next one,
   * `'stop'` ends the run. The last one of a run must be saved in any case, or the run fails.
   */
  saveErrors: meta(enumeration('xpmir.learning.learner.SaveErrors', { continue: 'continue', stop: 'stop' }), {
    default: 'continue',
  }),
  /** Writes files for TensorBoard to `logpath`. */
  tensorboard: meta(bool, { default: true }),
  logpath: path('runs'),
  checkpointspath: path('checkpoints'),
  device: meta(Device, { default: () => new Device() }),
  hooks: param(list(Hook), ignored([])),
  /** Deprecated: the outputs are copies of the model that load themselves, in place of loaders. */
  usePretasks: meta(bool, { default: false }),
}) {
  #running = false;

  override validate(): void {
    const { optimizers, listeners } = this;
    for (const name of POSITIVE) if (this[name] < 1) throw wrong(name, 'a positive integer', this[name]);
    for (const name of ['checkpointSteps', 'checkpointMinutes', 'keepEvery'] as const)
      if (!(this[name] >= 0)) throw wrong(name, 'a number of at least 0', this[name]);
    if (this.useFp16 && this.precision !== undefined)
      throw wrong('precision', 'no other precision beside useFp16', this.precision);
    if (optimizers.length === 0) throw wrong('optimizers', 'at least one ParameterOptimizer', optimizers);
    const ids = new Set<string>();
    for (const [i, listener] of listeners.entries()) {
      for (const member of listener.members()) {
        const at = `listeners[${i}].${member === listener ? 'id' : 'listeners'}`;
        if (ids.has(member.id)) throw wrong(at, 'an id that no other listener has', member.id);
        ids.add(member.id);
      }
    }
  }

  override taskOutputs(dep: Dep): LearnerOutput {
    if (!this.usePretasks) return this.#outputs(dep);
    process.emitWarning(
      'usePretasks is deprecated: give the loaders of the outputs as initTasks to the tasks that use the model',
      { type: 'DeprecationWarning', code: 'XPMIR_PRETASKS' },
    );
    // What is asked for is not what the type says: see LearnerOutput<Module>.
    return this.#modelOutputs(dep) as unknown as LearnerOutput;
  }

  /** Runs as a job, in its directory. */
  override async execute({ signal, directory, progress: report }: TaskContext): Promise<void> {
    const tags = new JobFiles(directory).record()?.tags ?? {};
    const readers = [progress(), reportTo(report)];
    // The process of the job is who listens to the signals that end it.
    await saving((onBegin) => this.#runIn({ signal, onBegin, path: directory, readers, tags }));
  }

  /**
   * Trains here and now, and returns what was kept. The model stays as the last step left it.
   *
   * @throws ArgumentError when the parts do not fit each other, such as a filter that takes no parameter
   */
  async run({ path, progress: told = true, signal, signals = true }: RunOptions = {}): Promise<RunOutput> {
    validate(roots(this, []));
    const directory = path === undefined ? undefined : resolve(path);
    if (directory !== undefined) place(this, directory);
    const readers = [typeof told === 'function' ? told : progress({ quiet: !told })];
    const tags = collectTags(roots(this, []), []);
    const run = (heard: Partial<Heard>) => this.#runIn({ ...heard, path: directory, readers, tags });
    if (directory === undefined)
      return { listeners: {}, learnedModel: undefined, metrics: await run({ signal }) };
    const metrics = await (signals
      ? interruptible(signal, (heard) => alone(directory, () => run(heard)))
      : alone(directory, () => run({ signal })));
    return { ...this.#outputs((output) => output), metrics };
  }

  async #runIn(
    environment: Omit<RecordingOptions, 'info' | 'tensorboard'>,
  ): Promise<ReadonlyMap<string, number>> {
    if (this.#running) throw new ArgumentError('learner: expected one run at a time, and one goes on');
    this.#running = true;
    try {
      const written =
        environment.path === undefined
          ? {}
          : { logpath: this.logpath, checkpointspath: this.checkpointspath };
      return await this.device.execute((info) =>
        recorded({ ...environment, ...written, info, tensorboard: this.tensorboard }, (recording) =>
          new LearnerRun(this, recording).run(),
        ),
      );
    } finally {
      this.#running = false;
    }
  }

  #outputs(dep: Dep): LearnerOutput {
    return {
      listeners: Object.fromEntries(this.listeners.map((each) => [each.id, each.initTask(this, dep)])),
      learnedModel: dep(new ModuleLoader({ value: this.model, path: this.#last })),
    };
  }

  /** The same with a model of its own for each loader. */
  #modelOutputs(dep: Dep): LearnerOutput<Module> {
    const loaded = (loaderOf: (model: Module) => ModuleLoader): Module => {
      const model = copy(this.model as Module & Config);
      return addPretasks(model, loaderOf(model));
    };
    const kept = this.listeners.map((listener) => {
      const names = Object.keys(listener.initTask(this, (output) => output));
      const models = names.map(
        (name) => [name, loaded((model) => listener.initTask({ model }, dep)[name] as ModuleLoader)] as const,
      );
      return [listener.id, Object.fromEntries(models)] as const;
    });
    return {
      listeners: Object.fromEntries(kept),
      learnedModel: loaded((model) => dep(new ModuleLoader({ value: model, path: this.#last }))),
    };
  }

  get #last(): string {
    return `${this.checkpointspath}/last`;
  }
}
