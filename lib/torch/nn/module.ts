import { inspect } from 'node:util';
import { expected } from '../../errors.ts';
import { noGrad } from '../modes.ts';
import { keep, tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { converter, convertOwn, type Placement } from './convert.ts';
import { Parameter } from './parameter.ts';
import { indent } from './python.ts';
import {
  type IncompatibleKeys,
  type LoadContext,
  type LoadOptions,
  loadOwn,
  loadStateDict,
  type StateDict,
} from './state.ts';
import {
  checkName,
  join,
  memberAt,
  type Named,
  namedMembers,
  pick,
  submodule,
  type WalkOptions,
} from './walk.ts';

/** Names of the registered buffers of a module, and whether each belongs to the state dict. */
const BUFFERS: unique symbol = Symbol('buffers');

/**
 * Base of every layer and model: a subclass assigns parameters and other modules to its fields and defines `forward`.
 *
 * Fields that hold a {@link Parameter} or a Module are found by walking the object's own fields in their order (of
 * declaration, then of assignment), so a field's name is its key in the state dict. Other tensors are state only if
 * `registerBuffer` says so. Modules inside plain arrays and objects are not found: use `ModuleList` and `ModuleDict`.
 */
export abstract class Module {
  /** Whether layers such as dropout and batch norm behave as in training; set by `train()` and `eval()`. */
  training = true;

  /** @internal Keyed by a symbol, so that it is no field to walk, and copied by `deepcopy`. */
  readonly [BUFFERS] = new Map<string, boolean>();

  /** Computes the output; layers are called with `layer.forward(x)`. */
  abstract forward(...args: unknown[]): unknown;

  /**
   * Makes `tensor` part of the module's state without being a parameter, as the field `name`; it outlives every scope.
   *
   * @param tensor any shape; `null` reserves the name
   * @param options `persistent` (true): whether it belongs to the state dict
   * @returns the tensor, so that a field can be declared as `mean = this.registerBuffer('mean', F.zeros([8]))`
   */
  registerBuffer<T extends Tensor | null>(
    name: string,
    tensor: T,
    options: { readonly persistent?: boolean } = {},
  ): T {
    if (tensor !== null && !(tensor instanceof Tensor))
      throw expected('a Tensor or null', `buffer ${name}`, tensor);
    checkName(this, 'buffer', name, this[BUFFERS].has(name));
    this[BUFFERS].set(name, options.persistent ?? true);
    if (tensor !== null) keep(tensor);
    this.setOwn(name, tensor);
    return tensor;
  }

  /** Sets the field `name`, for names that are made at run time; `null` reserves the name. */
  registerParameter(name: string, parameter: Parameter | null): void {
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw expected('a Parameter or null', `parameter ${name}`, parameter);
    }
    const current = Object.entries(this).find(([key]) => key === name)?.[1];
    checkName(this, 'parameter', name, current === null || current instanceof Parameter);
    this.setOwn(name, parameter);
  }

  /** The fields to search for state; containers override it to add what they hold. */
  ownEntries(): Iterable<Named<unknown>> {
    return Object.entries(this);
  }

  /** Replaces one piece of state that `ownEntries` shows. */
  setOwn(name: string, value: Tensor | null): void {
    (this as object as Record<string, unknown>)[name] = value;
  }

  /** Parameters of this module alone. */
  ownParameters(): Named<Parameter>[] {
    return pick(this.ownEntries(), (value) => value instanceof Parameter);
  }

  /** Buffers of this module alone, in the order of registration. */
  ownBuffers({ persistentOnly = false }: { readonly persistentOnly?: boolean } = {}): Named<Tensor>[] {
    const fields = new Map(this.ownEntries());
    const names = [...this[BUFFERS]].filter(([, persistent]) => persistent || !persistentOnly);
    return pick(
      names.map(([name]): Named<unknown> => [name, fields.get(name)]),
      (value) => value instanceof Tensor,
    );
  }

  /** Modules held by this one, a shared one under each of its names. */
  ownModules(): Named<Module>[] {
    return pick(this.ownEntries(), (value) => value instanceof Module);
  }

  /** Every parameter with its dotted name. */
  namedParameters(options: WalkOptions = {}): Named<Parameter>[] {
    return namedMembers(this, (module) => module.ownParameters(), options);
  }

  /** Every parameter, a shared one once. */
  parameters(options: { readonly recurse?: boolean } = {}): Parameter[] {
    return this.namedParameters(options).map(([, parameter]) => parameter);
  }

  /** Every buffer with its dotted name. */
  namedBuffers(options: WalkOptions = {}): Named<Tensor>[] {
    return namedMembers(this, (module) => module.ownBuffers(), options);
  }

  /** Every buffer, a shared one once. */
  buffers(options: { readonly recurse?: boolean } = {}): Tensor[] {
    return this.namedBuffers(options).map(([, buffer]) => buffer);
  }

  /** The modules held directly by this one, a shared one once. */
  namedChildren(): Named<Module>[] {
    const seen = new Set<Module>();
    return this.ownModules().filter(([, module]) => !seen.has(module) && seen.add(module));
  }

  /** The modules held directly by this one. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** This module under the name `prefix`, then every module below it, depth first. */
  namedModules(options: Omit<WalkOptions, 'recurse'> = {}, seen = new Set<Module>()): Named<Module>[] {
    const { prefix = '', removeDuplicate = true } = options;
    if (seen.has(this)) return [];
    if (removeDuplicate) seen.add(this);
    const below = this.ownModules().flatMap(([name, module]) =>
      module.namedModules({ prefix: join(prefix, name), removeDuplicate }, seen),
    );
    return [[prefix, this], ...below];
  }

  /** This module and every module below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** The module at a dotted path; '' is this one. */
  getSubmodule(path: string): Module {
    return submodule(this, path);
  }

  /** The parameter at a dotted path such as `encoder.weight_ih_l0`. */
  getParameter(path: string): Parameter {
    return memberAt(this, path, 'parameter', (module) => module.ownParameters());
  }

  /** The buffer at a dotted path. */
  getBuffer(path: string): Tensor {
    return memberAt(this, path, 'buffer', (module) => module.ownBuffers());
  }

  /**
   * Parameters and persistent buffers under PyTorch's keys and in PyTorch's order: the module's own, then each child's.
   * The tensors share storage with the module and do not require gradients.
   *
   * @param options `prefix` (''): put before every key; `keepVars` (false): the parameters themselves
   */
  stateDict({
    prefix = '',
    keepVars = false,
  }: {
    readonly prefix?: string;
    readonly keepVars?: boolean;
  } = {}): StateDict {
    const state: StateDict = new Map();
    for (const [name, tensor] of [...this.ownParameters(), ...this.ownBuffers({ persistentOnly: true })]) {
      state.set(prefix + name, keepVars ? tensor : tensor.detach());
    }
    for (const [name, module] of this.ownModules()) {
      for (const [key, tensor] of module.stateDict({ prefix: `${prefix}${name}.`, keepVars }))
        state.set(key, tensor);
    }
    return state;
  }

  /**
   * Copies the tensors of a state dict into this module and everything below it.
   *
   * @throws ArgumentError worded as PyTorch's, with the missing and unexpected keys and the mismatched sizes
   */
  loadStateDict(
    state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    options: LoadOptions = {},
  ): IncompatibleKeys {
    return loadStateDict(this, state, options);
  }

  /** Loads what belongs to this module alone; a layer that knows an older layout overrides it. */
  loadOwnState(state: StateDict, prefix: string, context: LoadContext): void {
    loadOwn(this, state, prefix, context);
  }

  /** Sets training mode here and below. */
  train(mode = true): this {
    if (typeof mode !== 'boolean') throw expected('a boolean', 'mode', mode);
    this.training = mode;
    for (const child of this.children()) child.train(mode);
    return this;
  }

  /** Sets evaluation mode here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Sets whether the parameters, here and below, get gradients. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad;
    return this;
  }

  /** Drops the gradients of every parameter; with `setToNone: false` fills them with zeros. */
  zeroGrad({ setToNone = true }: { readonly setToNone?: boolean } = {}): void {
    const parameters = this.parameters();
    if (setToNone) {
      for (const parameter of parameters) parameter.grad = null;
      return;
    }
    tidy(() =>
      noGrad(() => {
        for (const { grad } of parameters) grad?.detach_().zero_();
      }),
    );
  }

  /** Calls `fn` on every module below, children first, and then on this one. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /**
   * Moves and converts parameters, gradients and buffers in place: the parameters stay the same objects. A dtype must be
   * floating point or complex; integer tensors keep theirs.
   *
   * @throws ArgumentError for the device meta, which has no memory
   */
  to(target: Placement): this {
    return this.convertTensors(converter(target));
  }

  /** Replaces the content of every parameter and gradient, and every buffer, by what `convert` returns for it. */
  convertTensors(convert: (tensor: Tensor) => Tensor): this {
    for (const child of this.children()) child.convertTensors(convert);
    convertOwn(this, convert);
    return this;
  }

  /** @internal What `deepcopy` takes in place of a copy of the fields, after noting in `done` what it copied. */
  deepcopied(_done: Map<object, unknown>): this | undefined {
    return undefined;
  }

  /** What `toString` prints between the parentheses. */
  extraRepr(): string {
    return '';
  }

  /** The layers as PyTorch prints them. */
  toString(): string {
    const name = this.constructor.name;
    const own = this.extraRepr();
    const extra = own === '' ? [] : own.split('\n');
    const children = this.ownModules().map(([key, module]) => `(${key}): ${indent(module.toString(), 2)}`);
    if (extra.length + children.length === 0) return `${name}()`;
    if (extra.length === 1 && children.length === 0) return `${name}(${own})`;
    return `${name}(\n  ${[...extra, ...children].join('\n  ')}\n)`;
  }

  /** What `console.log` prints. */
  [inspect.custom](): string {
    return this.toString();
  }
}
