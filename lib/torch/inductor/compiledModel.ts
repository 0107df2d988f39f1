import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { type Handle, native } from '../../native.ts';
import { isPlainObject } from '../../plainObject.ts';
import { current, WHOLE_FUNCTION } from '../context.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { Tensor } from '../tensor.ts';
import { begin, put, wrap } from '../wire.ts';
import { checkInputs } from './inputs.ts';
import { type CallTree, flattenCall, parseCall, parseTree, type Tree, unflatten } from './treeSpec.ts';
import type { WrapperSpec } from './wrapper.ts';

const finalizer = new FinalizationRegistry<() => void>((end) => end());

/** What a model is made of, once libtorch has loaded it. */
export interface CompiledParts {
  readonly metadata: Readonly<Record<string, string>>;
  readonly spec: WrapperSpec;
  /** Called once, when nobody can call the model any more. */
  readonly end: () => void;
}

/** What `loadConstants` takes. */
export interface LoadConstantsOptions {
  /** Whether each of `constantFqns` must be given. Default true */
  readonly checkFullUpdate?: boolean;
}

/** A model that AOTInductor compiled; `torch.inductor.aotiLoadPackage` makes them. It computes without gradients. */
export class AOTICompiledModel implements Disposable {
  readonly #id: number;
  readonly #spec: WrapperSpec;
  readonly #call: CallTree;
  readonly #results: Tree;
  #end: (() => void) | undefined;

  /** What it was compiled for, and what was said of it when it was. */
  readonly metadata: Readonly<Record<string, string>>;

  /** @internal Takes the number of a native package over. */
  constructor(id: number, proof: typeof FROM_NATIVE, parts: CompiledParts) {
    if (proof !== FROM_NATIVE)
      throw expected('torch.inductor.aotiLoadPackage()', 'a new AOTICompiledModel', id);
    const { metadata, spec, end } = parts;
    this.#id = id;
    this.#spec = spec;
    this.metadata = metadata;
    const [args, results] = native().aotiCallSpec(id);
    this.#call = parseCall(args);
    this.#results = parseTree(results);
    this.#end = end;
    finalizer.register(this, end, this);
  }

  /**
   * Runs the model on arguments that nest as those that it was exported with: arrays for lists and tuples, plain objects or
   * Maps for dictionaries, and a plain object in last place for what it takes by name. What is no tensor was fixed when it was
   * exported. Results nest in the same way. A tensor with other strides than the model was compiled for goes in as a copy.
   *
   * @throws ArgumentError for tensors of another dtype, device or size than the package takes; TorchError for what fails inside
   */
  forward<T = Tensor>(...args: unknown[]): T {
    const id = this.#give(args);
    return this.#taken(native().aotiRun(id)) as T;
  }

  /** As `forward`, on another thread: JavaScript goes on meanwhile. Calls are made one after the other. */
  async forwardAsync<T = Tensor>(...args: unknown[]): Promise<T> {
    const id = this.#give(args);
    return this.#taken(await native().aotiStart(id)) as T;
  }

  /** Names of the weights, as the state dict of the model that was compiled has them. */
  get constantFqns(): string[] {
    return native().aotiConstantNames(this.#live());
  }

  /**
   * Puts copies of tensors in the place of weights, by name.
   *
   * @throws ArgumentError for a name that is none of `constantFqns`, another shape or dtype, and one that is left out
   */
  loadConstants(
    constants: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    { checkFullUpdate = true }: LoadConstantsOptions = {},
  ): void {
    const id = this.#live();
    if (!types.isMap(constants) && !isPlainObject(constants))
      throw expected('a Map or an object of Tensors', 'constants', constants);
    const entries = [...(types.isMap(constants) ? constants : Object.entries(constants))] as [
      unknown,
      unknown,
    ][];
    if (typeof checkFullUpdate !== 'boolean') throw expected('a boolean', 'checkFullUpdate', checkFullUpdate);
    for (const [name, tensor] of entries) {
      if (typeof name !== 'string') throw expected('a string', 'a name of constants', name);
      if (!(tensor instanceof Tensor)) throw expected('a Tensor', `constant ${name}`, tensor);
    }
    const names = entries.map(([name]) => name as string);
    const missing = this.constantFqns.filter((name) => !names.includes(name));
    if (checkFullUpdate && missing.length > 0)
      throw new ArgumentError(
        `Expected all of constantFqns for constants but received no ${missing.join(', ')}`,
      );
    begin();
    put(
      entries.map(([, tensor]) => tensor),
      'constants',
    );
    native().aotiLoadConstants(id, names);
  }

  /** Frees it now; calls under way end first, any other use is an error. */
  dispose(): void {
    finalizer.unregister(this);
    this.#end?.();
    this.#end = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get isDisposed(): boolean {
    return this.#end === undefined;
  }

  #live(): number {
    if (this.#end === undefined)
      throw new ArgumentError('Expected a live model but received one that was disposed');
    return this.#id;
  }

  /** Writes the tensors in the arguments into the buffer. */
  #give(args: readonly unknown[]): number {
    const id = this.#live();
    const given = flattenCall(this.#call, args);
    const strides = checkInputs(this.#spec, given);
    const context = current();
    if (context.isWrittenDown === true)
      throw new ArgumentError('Expected no call of a compiled package in what is written down or compiled');
    context.foresee?.(WHOLE_FUNCTION);
    context.observe?.(WHOLE_FUNCTION, undefined, args);
    begin(context);
    put(
      given.map(({ tensor }) => tensor),
      'inputs',
    );
    put(strides, 'strides');
    return id;
  }

  #taken(handles: readonly Handle[]): unknown {
    return unflatten(
      this.#results,
      handles.map((handle) => (handle === 0 ? null : wrap(handle))),
    );
  }
}
