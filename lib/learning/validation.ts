/**
 * Validation after epochs: means of metrics, the best model of each, early stopping.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { noGrad } from '../torch/modes.ts';
import { tidy } from '../torch/scope.ts';
import type { TrainerContext } from './context.ts';
import { writeFileAtomically } from './files.ts';
import { ValidationHook } from './hooks.ts';
import { LearnerListener, LearnerListenerStatus, listenerId } from './listener.ts';
import { type ModuleLoader, ValidationModuleLoader } from './moduleLoader.ts';
import { instance, integer, list, optional, type Reader, readOptions, record, wrong } from './options.ts';
import type { TrainState } from './state.ts';

/** Values of each metric by item, such as RR@10 by topic. */
export type MetricsPerItem = ReadonlyMap<string, ReadonlyMap<unknown, number>>;

/** Measures a model; called in evaluation mode, without gradients, and inside a scope that frees its tensors. */
export abstract class Evaluator {
  abstract evaluate(context: TrainerContext): MetricsPerItem | Promise<MetricsPerItem>;
}

export interface MonitoredMetric {
  /** Whether the best model by this metric is kept; default true. */
  readonly keep?: boolean;
  /** Whether higher values are better; default true. */
  readonly higherIsBetter?: boolean;
}

export interface ValidationListenerOptions {
  readonly id: string;
  readonly evaluator: Evaluator;
  /** What to look at; `true` keeps the best model by it, `false` only reports it. */
  readonly metrics: Readonly<Record<string, boolean | MonitoredMetric>>;
  /** First epoch that may be the best; default -1. */
  readonly warmup?: number;
  /** Validates every so many epochs; default 1. */
  readonly validationInterval?: number;
  /** Stops after so many epochs in which no kept metric improved, a multiple of the interval; default 0, never. */
  readonly earlyStop?: number;
  readonly hooks?: readonly ValidationHook[];
}

interface Best {
  readonly value: number;
  readonly epoch: number;
}

export class ValidationListener extends LearnerListener {
  readonly evaluator: Evaluator;
  readonly metrics: Readonly<Record<string, Required<MonitoredMetric>>>;
  readonly warmup: number;
  readonly validationInterval: number;
  readonly earlyStop: number;
  readonly hooks: readonly ValidationHook[];
  #context: TrainerContext | undefined;
  #top = new Map<string, Best>();

  constructor(options: ValidationListenerOptions) {
    const read = readOptions('validationListener', options, {
      id: listenerId,
      evaluator: instance(Evaluator),
      metrics: record(monitored),
      warmup: optional(integer(), -1),
      validationInterval: optional(integer({ min: 1 }), 1),
      earlyStop: optional(integer({ min: 0 }), 0),
      hooks: optional(list(instance(ValidationHook)), []),
    });
    super(read.id);
    this.evaluator = read.evaluator;
    this.metrics = read.metrics;
    this.warmup = read.warmup;
    this.validationInterval = read.validationInterval;
    this.earlyStop = read.earlyStop;
    this.hooks = read.hooks;
    if (this.earlyStop % this.validationInterval !== 0) {
      throw wrong(
        'validationListener.earlyStop',
        `a multiple of validationInterval ${this.validationInterval}`,
        this.earlyStop,
      );
    }
    if (Object.keys(this.metrics).length === 0)
      throw wrong('validationListener.metrics', 'at least one metric', options.metrics);
    if (this.earlyStop > 0 && this.#kept().length === 0) {
      throw wrong('validationListener.metrics', 'one that is kept, for earlyStop to watch', options.metrics);
    }
  }

  override async initialize(context: TrainerContext): Promise<void> {
    this.#context = context;
    this.#top = new Map();
    if (context.path !== undefined) await mkdir(this.#bestPath(context.path), { recursive: true });
    else if (this.#kept().length > 0) {
      throw wrong('learner.path', `a directory, where ${this.id} keeps its best models`, undefined);
    }
  }

  /** The best value so far of each metric, and its epoch. */
  get top(): ReadonlyMap<string, Best> {
    return this.#top;
  }

  async afterEpoch(state: TrainState): Promise<LearnerListenerStatus> {
    const context = this.#running();
    if (this.#hasWaited(state.epoch - 1)) return LearnerListenerStatus.STOP;
    for (const hook of this.hooks) await hook.before(context);
    if (state.epoch % this.validationInterval === 0) await this.#validate(context, state);
    for (const hook of this.hooks) await hook.after(context);
    return this.#hasWaited(state.epoch) ? LearnerListenerStatus.STOP : LearnerListenerStatus.DONT_STOP;
  }

  override updateMetrics(metrics: Map<string, number>): void {
    for (const [name, { value }] of this.#top) metrics.set(`${this.id}/final/${name}`, value);
  }

  /** Loaders of the best model by each kept metric; a metric without a best value yet has none. */
  override loaders(): Readonly<Record<string, ModuleLoader>> {
    const { path, model } = this.#running();
    const names = path === undefined ? [] : this.#kept().filter((name) => this.#top.has(name));
    return Object.fromEntries(
      names.map((name) => {
        const kept = this.#bestPath(path as string, name);
        return [name, new ValidationModuleLoader({ value: model, path: kept, listener: this.id, key: name })];
      }),
    );
  }

  async #validate(context: TrainerContext, state: TrainState): Promise<void> {
    const { model } = context;
    const { training } = model;
    model.eval();
    const values = await tidy(() => noGrad(async () => this.evaluator.evaluate(context)));
    model.train(training);

    const means = new Map<string, number>();
    const improved = new Set<string>();
    for (const [name, { keep }] of Object.entries(this.metrics)) {
      const value = mean(values, name, this.id);
      means.set(name, value);
      if (state.epoch < this.warmup || !this.#isBetter(name, value)) continue;
      if (keep) await context.keepModel(this.#bestPath(context.path as string, name));
      this.#top.set(name, { value, epoch: state.epoch });
      improved.add(name);
    }
    if (context.path !== undefined) {
      const content = JSON.stringify({ version: 1, top: Object.fromEntries(this.#top) });
      await writeFileAtomically(join(this.#directory(context.path), 'info.json'), `${content}\n`);
    }
    context.emit({ type: 'validation', listener: this.id, state, metrics: means, improved });
  }

  #isBetter(name: string, value: number): boolean {
    const best = this.#top.get(name)?.value;
    if (Number.isNaN(value)) return false;
    if (best === undefined) return true;
    return this.metrics[name]?.higherIsBetter ? value > best : value < best;
  }

  /** Whether at the end of `epoch` the last improvement of every kept metric is too long ago. */
  #hasWaited(epoch: number): boolean {
    const epochs = this.#kept().map((name) => this.#top.get(name)?.epoch ?? Number.NEGATIVE_INFINITY);
    const last = Math.max(...epochs);
    return this.earlyStop > 0 && Number.isFinite(last) && epoch - last >= this.earlyStop;
  }

  #kept(): string[] {
    return Object.keys(this.metrics).filter((name) => this.metrics[name]?.keep);
  }

  #running(): TrainerContext {
    if (this.#context === undefined)
      throw new ArgumentError(`listener ${this.id}: expected a run that has begun`);
    return this.#context;
  }

  #directory(path: string): string {
    return join(path, 'listeners', this.id);
  }

  #bestPath(path: string, name = ''): string {
    return join(this.#directory(path), 'best', name.replaceAll('/', '_'));
  }
}

const monitored: Reader<Required<MonitoredMetric>> = (value, path) => {
  if (typeof value === 'boolean') return { keep: value, higherIsBetter: true };
  const flag: Reader<boolean> = (each, at) => {
    if (typeof each !== 'boolean') throw wrong(at, 'a boolean', each);
    return each;
  };
  return readOptions(path, value, { keep: optional(flag, true), higherIsBetter: optional(flag, true) });
};

function mean(values: MetricsPerItem, name: string, listener: string): number {
  const items = values.get(name);
  if (items === undefined || items.size === 0) {
    const given = [...values.keys()].join(', ') || 'nothing';
    throw new ArgumentError(
      `listener ${listener}: expected values of ${name} from its evaluator, received ${given}`,
    );
  }
  let sum = 0;
  for (const value of items.values()) sum += value;
  return sum / items.size;
}
