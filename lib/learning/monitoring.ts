/**
 * What listeners that measure have in common: when they do, the best model of each metric, early stopping.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, expected } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { readJson } from '../experiment/files.ts';
import { param, path } from '../experiment/parameters.ts';
import type { Dep } from '../experiment/task.ts';
import { int, list } from '../experiment/types.ts';
import { isPlainObject } from '../plainObject.ts';
import type { Module } from '../torch/nn/module.ts';
import type { TrainerContext } from './context.ts';
import { ValidationHook } from './hooks.ts';
import { LearnerListener, LearnerListenerStatus, type ListenerOutput } from './listener.ts';
import { ValidationModuleLoader } from './moduleLoader.ts';
import type { TrainState } from './state.ts';
import { packState } from './stateCodec.ts';

/** How a metric is watched. */
export interface MonitoredMetric {
  /** Whether the best model by this metric is kept. */
  readonly keep: boolean;
  readonly higherIsBetter: boolean;
}

/** A metric measured once: its mean, and where there are several the values of the items. */
export interface Measured {
  readonly mean: number;
  readonly values?: readonly number[];
}

/** The best value of a metric so far, and its epoch. */
export interface Best {
  readonly value: number;
  readonly epoch: number;
}

/** info.json. */
interface BestTable {
  readonly version: 1;
  readonly id: string;
  readonly top: Readonly<Record<string, Best>>;
}

const ignored = <T>(value: T) => ({ default: value, ignoreDefault: true });

/** Measures the model every so many epochs. Its subclasses say what. */
export abstract class MonitoringListener extends config(
  import.meta,
  'xpmir.learning.listeners.MonitoringListener',
  {
    /** First epoch that may be the best. */
    warmup: param(int, ignored(-1)),
    /** Where the best models are: a checkpoint for each kept metric. */
    bestpath: path('best'),
    /** The best value and epoch of each metric. */
    info: path('info.json'),
    /** Measures every so many epochs. */
    validationInterval: param(int, ignored(1)),
    /** Stops after so many epochs in which no kept metric improved, a multiple of the interval; 0: never. */
    earlyStop: param(int, ignored(0)),
    hooks: param(list(ValidationHook), ignored([])),
  },
  LearnerListener,
) {
  #context: TrainerContext | undefined;
  #top = new Map<string, Best>();
  #current: ReadonlyMap<string, number> = new Map();

  /** What is watched, by name. */
  protected abstract monitored(): ReadonlyMap<string, MonitoredMetric>;

  /** Measures the model: a value for every name that is watched, and others to be told beside them. */
  protected abstract measure(context: TrainerContext): Promise<ReadonlyMap<string, Measured>>;

  override validate(): void {
    super.validate();
    const { validationInterval, earlyStop } = this;
    if (validationInterval < 1) throw wrong('validationInterval', 'a positive integer', validationInterval);
    if (earlyStop < 0 || earlyStop % validationInterval !== 0) {
      throw wrong('earlyStop', `0 or a multiple of validationInterval ${validationInterval}`, earlyStop);
    }
    if (this.monitored().has('')) throw wrong('metrics', 'names that are not empty', '');
    if (earlyStop > 0 && this.#kept().length === 0) {
      throw new ArgumentError(
        'earlyStop: expected a metric that is kept, for it to watch, but there is none',
      );
    }
  }

  override async initialize(context: TrainerContext): Promise<void> {
    this.#context = context;
    this.#current = new Map();
    this.#top = new Map();
    if (context.path !== undefined) {
      await mkdir(this.bestpath, { recursive: true });
      this.#checkPlace();
    } else if (this.#kept().length > 0) {
      throw new ArgumentError(
        `learner.run: expected a path, where listener ${this.id} keeps its best models: run({ path: 'runs/first' })`,
      );
    }
  }

  /** What was best so far is in checkpoints: the table is for who reads it. */
  override stateDict(): unknown {
    return { top: Object.fromEntries(this.#top) };
  }

  override loadStateDict(state: unknown): void {
    const { top } = { ...(state as { readonly top?: Readonly<Record<string, Best>> }) };
    if (!isPlainObject(top)) throw expected('the best values by metric', `state of listener ${this.id}`, top);
    this.#top = new Map(Object.entries(top as Readonly<Record<string, Best>>));
  }

  #checkPlace(): void {
    const { id } = { ...readJson<Partial<BestTable>>(this.info) };
    if (id === undefined || id === this.id) return;
    throw new ArgumentError(
      `listener ${this.id}: expected a place of its own, but ${this.info} is of listener ${id}: ` +
        'list the listeners in the order of before, new ones at the end',
    );
  }

  /** The best value so far of each metric, and its epoch. */
  get top(): ReadonlyMap<string, Best> {
    return this.#top;
  }

  /** The means of the last measurement. */
  get current(): ReadonlyMap<string, number> {
    return this.#current;
  }

  async afterEpoch(state: TrainState): Promise<LearnerListenerStatus> {
    const context = this.#running();
    if (this.#hasWaited(state.epoch - 1)) return LearnerListenerStatus.STOP;
    for (const hook of this.hooks) await hook.before(context);
    if (state.epoch % this.validationInterval === 0) await this.#validate(context, state);
    for (const hook of this.hooks) await hook.after(context);
    return this.#hasWaited(state.epoch) ? LearnerListenerStatus.STOP : LearnerListenerStatus.DONT_STOP;
  }

  override ownHooks(): readonly ValidationHook[] {
    return this.hooks;
  }

  override updateMetrics(metrics: Map<string, number>): void {
    for (const [name, { value }] of this.#top) metrics.set(`${this.id}/final/${name}`, value);
  }

  override initTask({ model }: { readonly model: Module }, dep: Dep): ListenerOutput {
    const loaders = this.#kept().map((name) => {
      const given = { value: model, listener: this.id, key: name, path: this.#pathOf(name) };
      return [name, dep(new ValidationModuleLoader(given))] as const;
    });
    return Object.fromEntries(loaders);
  }

  async #validate(context: TrainerContext, state: TrainState): Promise<void> {
    const measured = await this.measure(context);
    this.#current = new Map([...measured].map(([name, { mean }]) => [name, mean]));
    const improved = new Set<string>();
    for (const [name, rule] of this.monitored()) {
      const value = this.#current.get(name);
      if (value === undefined) throw this.#missing(name);
      if (state.epoch < this.warmup || !isBetter(value, this.#top.get(name)?.value, rule)) continue;
      if (rule.keep && !(await context.keepModel(this.#pathOf(name)))) continue;
      this.#top.set(name, { value, epoch: state.epoch });
      improved.add(name);
    }
    if (context.path !== undefined) {
      const { json } = packState({ version: 1, id: this.id, top: Object.fromEntries(this.#top) });
      const content = JSON.stringify(json);
      await context.writeFile(this.info, `${content}\n`);
    }
    const values = new Map([...measured].map(([name, { values = [] }]) => [name, values]));
    context.emit({ type: 'validation', listener: this.id, state, metrics: this.#current, values, improved });
  }

  /** Whether at the end of `epoch` the last improvement of every kept metric is too long ago. */
  #hasWaited(epoch: number): boolean {
    const epochs = this.#kept().map((name) => this.#top.get(name)?.epoch ?? Number.NEGATIVE_INFINITY);
    const last = Math.max(...epochs);
    return this.earlyStop > 0 && Number.isFinite(last) && epoch - last >= this.earlyStop;
  }

  #kept(): string[] {
    return [...this.monitored()].filter(([, { keep }]) => keep).map(([name]) => name);
  }

  /** One directory for each metric, also for one with a slash in its name. */
  #pathOf(name: string): string {
    // What else a path may not have, and what the checkpoint that another name links to ends with.
    const safe = name.replace(/[/\\%\0]/g, encodeURIComponent).replace(/^\.|\.(?=epoch-)/g, '%2E');
    return join(this.bestpath, safe);
  }

  #missing(name: string): ArgumentError {
    const given = [...this.#current.keys()].join(', ') || 'nothing';
    return new ArgumentError(`listener ${this.id}: expected values of ${name}, received ${given}`);
  }

  #running(): TrainerContext {
    if (this.#context === undefined)
      throw new ArgumentError(`listener ${this.id}: expected a run that has begun`);
    return this.#context;
  }
}

/** Strictly: an equal value leaves the earlier epoch the best. */
function isBetter(value: number, best: number | undefined, { higherIsBetter }: MonitoredMetric): boolean {
  if (Number.isNaN(value)) return false;
  return best === undefined || (higherIsBetter ? value > best : value < best);
}
