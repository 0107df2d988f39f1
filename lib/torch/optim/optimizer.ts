import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import type { DType } from '../dtype.ts';
import { elements } from '../elements.ts';
import { enableGrad, noGrad } from '../modes.ts';
import { ops } from '../ops.ts';
import type { Rates } from '../rates.ts';
import { tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { type Algorithm, type BaseOptions, Batch, type BatchRows, type ParamState } from './algorithm.ts';
import { checkOptions } from './rules.ts';
import { checkGroups, loadState, type OptimizerStateDict, packGroup, unpackGroup } from './stateDict.ts';

/** Parameters, or parameters with their names as `namedParameters()` gives them. */
export type ParamList = Iterable<Tensor> | Iterable<readonly [name: string, param: Tensor]>;

/** A parameter group as the caller gives it: options that are missing are the optimizer's own. */
export type GroupInput<O> = { readonly params: Tensor | ParamList } & Partial<O> & Partial<GroupFields>;

/** What an optimizer is made for: parameters, or groups of them. */
export type Params<O> = ParamList | Iterable<GroupInput<O>>;

/** A parameter group: its parameters and every option. Options may be changed between steps. */
export type ParamGroup<O> = O & GroupFields & { params: Tensor[] };

/** What a group may hold besides an algorithm's options; the learning rates and momenta are set by schedulers. */
export interface GroupFields {
  name?: string;
  paramNames?: string[];
  initialLr?: number;
  maxLr?: number;
  minLr?: number;
  baseMomentum?: number;
  maxMomentum?: number;
}

const FIELDS: ReadonlySet<string> = new Set([
  'params',
  'name',
  'paramNames',
  'initialLr',
  'maxLr',
  'minLr',
  'baseMomentum',
  'maxMomentum',
] satisfies (keyof GroupFields | 'params')[]);

/**
 * Base of every optimizer: parameter groups, state, and the walk over parameters that have a gradient. What is done
 * to them is its {@link Algorithm}; a new one is a subclass that passes its own.
 */
export abstract class Optimizer<O extends BaseOptions = BaseOptions> {
  /** The options of groups that do not say otherwise. */
  readonly defaults: Readonly<O>;
  readonly paramGroups: ParamGroup<O>[] = [];
  /** What is remembered of every parameter that has been updated, under PyTorch's names. */
  readonly state = new Map<Tensor, ParamState>();
  readonly #algorithm: Algorithm<O>;
  #stepped = false;

  /**
   * @param params parameters or groups of them: `model.parameters()`, `[{ params: [...], lr: 1e-4 }, ...]`
   * @throws ArgumentError for an empty list, a tensor that is no leaf, an option that does not exist or is out of range.
   */
  constructor(algorithm: Algorithm<O>, params: Params<O>, options: Partial<O> = {}) {
    this.#algorithm = algorithm;
    if (typeof options !== 'object' || options === null) throw expected('an object', 'options', options);
    this.defaults = { ...algorithm.defaults, ...given(options) };
    this.#check(this.defaults);
    const entries = listed(params);
    if (entries.length === 0) throw new ArgumentError('optimizer got an empty parameter list');
    const groups = isGroup(entries[0]) ? entries : [{ params: entries }];
    for (const group of groups) this.addParamGroup(group as GroupInput<O>);
  }

  /** Whether `step` has been called; schedulers warn when they come first. */
  get stepped(): boolean {
    return this.#stepped;
  }

  /** Adds a group, for instance of layers that thaw later. */
  addParamGroup(input: GroupInput<O>): void {
    if (!isGroup(input)) throw expected('an object with params', 'parameter group', input);
    const { params: members, ...options } = input;
    const { params, names } = separate(members instanceof Tensor ? [members] : listed(members as ParamList));
    if (new Set(params).size < params.length) {
      throw new ArgumentError('optimizer contains a parameter group with duplicate parameters');
    }
    const taken = new Set(this.paramGroups.flatMap((group) => group.params));
    if (params.some((param) => taken.has(param))) {
      throw new ArgumentError('some parameters appear in more than one parameter group');
    }
    const first = this.paramGroups[0];
    if (first !== undefined && (first.paramNames === undefined) !== (names === undefined)) {
      throw new ArgumentError('all optimizer param groups should be with/without names');
    }
    const group = { ...this.defaults, ...given(options), params } as ParamGroup<O>;
    if (names !== undefined) group.paramNames = names;
    this.#check(group);
    this.#algorithm.settle?.(group);
    if (this.#algorithm.early) for (const param of params) this.#stateOf(param, group);
    this.paramGroups.push(group);
  }

  /** Forgets the gradients, or with `setToNone: false` fills them with zeros. */
  zeroGrad({ setToNone = true }: { readonly setToNone?: boolean } = {}): void {
    const params = this.paramGroups.flatMap((group) => group.params);
    if (setToNone) {
      for (const param of params) param.grad = null;
      return;
    }
    noGrad(() =>
      tidy(() => {
        const grads = params.map((param) => param.grad).filter((grad) => grad !== null);
        for (const grad of grads) if (grad.requiresGrad) grad.detach_();
        if (grads.length > 0) ops.aten._foreach_zero_(grads);
      }),
    );
  }

  /**
   * Updates every parameter that has a gradient. A closure recomputes the loss and its gradients first, and must not be
   * asynchronous.
   *
   * @returns what the closure returned
   */
  step(): undefined;
  step<T>(closure: (() => T) | undefined): T | undefined;
  step<T>(closure?: () => T): T | undefined {
    const loss = closure === undefined ? undefined : enableGrad(closure);
    if (types.isPromise(loss)) throw expected('a function that is not asynchronous', 'closure', closure);
    this.#updateAll(undefined);
    return loss;
  }

  /** @internal Whether `stepRated` does what `step` does, and may be written down. */
  get isRated(): boolean {
    return this.#algorithm.isRated === true && this.step === Optimizer.prototype.step;
  }

  /** @internal A step of which operators are written down: numbers that change from step to step are noted. */
  stepRated(rates: Rates): void {
    this.#updateAll(rates);
  }

  #updateAll(rates: Rates | undefined): void {
    noGrad(() =>
      tidy(() => {
        for (const group of this.paramGroups)
          for (const batch of this.#batches(group, rates)) this.#update(batch, group);
      }),
    );
    this.#stepped = true;
  }

  /** @internal Counts steps that were made natively, of the parameters that they updated. */
  countSteps(params: Iterable<Tensor>, steps: number): void {
    for (const param of params) {
      const state = this.state.get(param);
      if (state !== undefined && typeof state.step === 'number') state.step += steps;
    }
    this.#stepped ||= steps > 0;
  }

  /** State and options in PyTorch's structure and names; the tensors are the live ones, not copies. */
  stateDict(): OptimizerStateDict {
    const dict: OptimizerStateDict = { state: {}, param_groups: [] };
    let first = 0;
    for (const group of this.paramGroups) {
      dict.param_groups.push(packGroup(group, first, group.params.length));
      for (const param of group.params) {
        const state = this.state.get(param) ?? {};
        if (Object.keys(state).length > 0) dict.state[first] = { ...state };
        first += 1;
      }
    }
    return dict;
  }

  /**
   * Takes over a copy of the state and the options of an optimizer whose groups have the same sizes; parameters are
   * matched by their order. Nothing is changed when it throws.
   */
  loadStateDict(stateDict: OptimizerStateDict): void {
    const dict = checkGroups(
      stateDict,
      this.paramGroups.map((group) => group.params.length),
    );
    const groups = dict.param_groups.map((packed, index) => {
      const current = this.paramGroups[index]!;
      const group = {
        ...this.#algorithm.defaults,
        ...unpackGroup(packed),
        params: current.params,
      } as ParamGroup<O>;
      if (current.paramNames !== undefined) group.paramNames ??= current.paramNames;
      this.#check(group, new Set(Object.keys(group)));
      this.#algorithm.settle?.(group);
      return group;
    });
    const state = new Map<Tensor, ParamState>();
    for (const [index, { params }] of groups.entries()) {
      for (const [position, param] of params.entries()) {
        const key = String(dict.param_groups[index]!.params[position]);
        if (!Object.hasOwn(dict.state, key)) continue;
        state.set(
          param,
          loadState(dict.state[key], param, this.#algorithm.stateDtype?.(param) ?? param.dtype),
        );
      }
    }
    this.paramGroups.splice(0, groups.length, ...groups);
    this.state.clear();
    for (const [param, saved] of state) this.state.set(param, saved);
  }

  /** Frees the state. The parameters stay as they are; a later step begins anew. */
  dispose(): void {
    for (const state of this.state.values()) {
      for (const value of Object.values(state)) if (value instanceof Tensor) value.dispose();
    }
    this.state.clear();
  }

  toString(): string {
    const groups = this.paramGroups.map((group, index) => {
      const options = Object.entries(group).filter(([name]) => name !== 'params' && name !== 'paramNames');
      const lines = options
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `    ${name}: ${value}\n`);
      return `Parameter Group ${index}\n${lines.join('')}`;
    });
    return `${this.#algorithm.name} (\n${groups.join('\n')})`;
  }

  #check(options: Readonly<O>, also: ReadonlySet<string> = FIELDS): void {
    checkOptions(this.#algorithm.name, this.#algorithm.rules, options, also);
  }

  /** The parameters of a group that have a gradient, apart by device and dtype, which fused operators demand. */
  #batches(group: ParamGroup<O>, rates: Rates | undefined): Batch[] {
    const apart = new Map<string, BatchRows & { readonly dtype: DType }>();
    for (const param of group.params) {
      const grad = param.grad;
      if (grad === null) continue;
      // Both in one native call; the getters would take one each.
      const { device, dtype } = param;
      const key = `${device} ${dtype}`;
      let rows = apart.get(key);
      if (rows === undefined) {
        if (dtype.startsWith('complex')) this.#refuseComplex(group);
        rows = { params: [], grads: [], states: [], dtype: dtype as DType };
        apart.set(key, rows);
      }
      rows.params.push(param);
      rows.grads.push(grad);
      rows.states.push(this.#stateOf(param, group));
    }
    const pairs = this.#algorithm.complex === 'pairs';
    return [...apart.values()].map(
      (rows) =>
        new Batch(rows, {
          dtype: rows.dtype,
          pairs: pairs && rows.dtype.startsWith('complex'),
          group,
          rates,
        }),
    );
  }

  #stateOf(param: Tensor, group: ParamGroup<O>): ParamState {
    let state = this.state.get(param);
    if (state === undefined) {
      state = this.#algorithm.start(param, group);
      this.state.set(param, state);
    }
    return state;
  }

  #refuseComplex(group: ParamGroup<O>): void {
    const { name, complex } = this.#algorithm;
    if (complex === 'none') throw new ArgumentError(`${name} does not support complex parameters`);
    if ('fused' in group && group.fused) {
      throw new ArgumentError('`fused: true` requires all the params to be floating point Tensors');
    }
  }

  #update(batch: Batch, group: ParamGroup<O>): void {
    if ('fused' in group && group.fused) this.#algorithm.fused!(batch, group);
    else this.#algorithm.update(batch, group);
  }
}

/** The options that were given: `undefined` means not given. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function isGroup(value: unknown): value is { params: unknown } {
  return typeof value === 'object' && value !== null && !(value instanceof Tensor) && 'params' in value;
}

function listed(params: unknown): unknown[] {
  if (params instanceof Tensor) throw expected('an iterable of Tensors or groups', 'params', params);
  return elements(
    params,
    'params',
    'Tensors or groups',
    (value) => typeof value === 'object' && value !== null,
  );
}

/** Splits named parameters into parameters and names, and checks what may be optimized. */
function separate(entries: readonly unknown[]): { params: Tensor[]; names: string[] | undefined } {
  const named = entries.filter(Array.isArray);
  if (named.length > 0 && named.length < entries.length) {
    throw new ArgumentError(
      'all optimizer params should be with/without names. Some param names are missing',
    );
  }
  const params = entries.map((entry) => {
    const param: unknown = Array.isArray(entry) ? entry[1] : entry;
    if (!(param instanceof Tensor)) throw expected('a Tensor', 'parameter of an optimizer', param);
    if (!param.isLeaf) throw new ArgumentError("can't optimize a non-leaf Tensor");
    return param;
  });
  return { params, names: named.length > 0 ? named.map((entry) => String(entry[0])) : undefined };
}
