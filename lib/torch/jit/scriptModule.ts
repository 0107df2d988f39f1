import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkPath } from '../io/path.ts';
import { replaceFile } from '../io/replaceFile.ts';
import { FROM_NATIVE, OwnedTensor } from '../lifetime.ts';
import { Module } from '../nn/module.ts';
import { Parameter } from '../nn/parameter.ts';
import type { Named } from '../nn/walk.ts';
import { keep } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { callScript, callScriptAsync, type ScriptValue } from './values.ts';

const finalizer = new FinalizationRegistry<number>((id) => native().scriptRelease(id));

/** Kinds of members, as native/jit.cc numbers them. */
const PARAMETER = 0;
const BUFFER = 1;

/** How a module comes to be. */
export interface ScriptOrigin {
  /** See `ScriptModule.extraFiles`. */
  readonly extraFiles?: ReadonlyMap<string, Uint8Array>;
  /** Of a submodule: what was made so far of the module that it is in. */
  readonly above?: Loading;
}

/** What `save` takes. */
export interface ScriptSaveOptions {
  /** Contents by name, which Python reads with `_extra_files`; those that the model was loaded with unless given. */
  readonly extraFiles?:
    | ReadonlyMap<string, string | Uint8Array>
    | Readonly<Record<string, string | Uint8Array>>;
}

/** What was made of the members of a model so far, by their identity; and the tensors that parameters replaced. */
class Loading {
  readonly made = new Map<number, Tensor | ScriptModule>();
  /** Kept until the end, so that no identity is given twice. */
  readonly replaced: Tensor[] = [];
}

/**
 * A model that PyTorch scripted or traced; `torch.jit.load` makes them. It is a module as any other one: its parameters
 * are trained by an optimizer, its state dict has PyTorch's keys, and its submodules are script modules too.
 */
export class ScriptModule extends Module {
  readonly #id: number;
  readonly #tensors = new Map<string, Tensor>();
  readonly #children = new Map<string, ScriptModule>();

  /** Files that were saved beside the model, by name: settings, vocabularies. */
  readonly extraFiles: ReadonlyMap<string, Uint8Array>;

  /** @internal Takes the number of a native module over; the collector gives it back. */
  constructor(id: number, proof: typeof FROM_NATIVE, { extraFiles = new Map(), above }: ScriptOrigin = {}) {
    super();
    this.extraFiles = extraFiles;
    if (proof !== FROM_NATIVE) throw expected('torch.jit.load()', 'a new ScriptModule', id);
    this.#id = id;
    finalizer.register(this, id);
    this.training = native().scriptTraining(id);
    const loading = above ?? new Loading();
    const members = native().scriptMembers(id);
    for (let i = 0; i < members.length; i += 4) {
      const [kind, name, number, identity] = members.slice(i, i + 4) as [number, string, number, number];
      if (kind === PARAMETER || kind === BUFFER) {
        this.#addTensor(name, new Tensor(number, FROM_NATIVE), kind === PARAMETER, identity, loading);
      } else {
        const known = loading.made.get(identity) as ScriptModule | undefined;
        const child = known ?? new ScriptModule(number, FROM_NATIVE, { above: loading });
        if (known !== undefined) native().scriptRelease(number);
        loading.made.set(identity, child);
        this.#children.set(name, child);
      }
    }
    if (above === undefined) for (const tensor of loading.replaced) tensor.dispose();
  }

  /** The native module computes with the Parameter itself from here on, so that its gradient arrives there. */
  #addTensor(name: string, tensor: Tensor, isParameter: boolean, identity: number, loading: Loading): void {
    keep(tensor);
    const known = loading.made.get(identity) as Tensor | undefined;
    const member = known ?? (isParameter ? new Parameter(tensor, tensor.requiresGrad) : tensor);
    loading.made.set(identity, member);
    this.#tensors.set(name, member);
    if (member === tensor) return;
    loading.replaced.push(tensor);
    native().scriptSet(this.#id, name, OwnedTensor.handleOf(member));
  }

  /** Name of the class that was scripted or traced. */
  get originalName(): string {
    return native().scriptName(this.#id);
  }

  /** Names of the methods that `call` takes. */
  get methods(): string[] {
    return native().scriptMethods(this.#id).split(', ');
  }

  /**
   * Runs the model. Tensors, numbers, booleans, strings and null go in as they are, arrays as lists and tuples, Maps and
   * plain objects as dictionaries; a plain object in last place holds keyword arguments where no dictionary is expected.
   * Lists and tuples come back as arrays, dictionaries as objects, or as Maps when their keys are no strings.
   *
   * @throws ArgumentError for values that do not have the declared types; TorchError for what fails inside
   */
  forward<T = Tensor>(...args: ScriptValue[]): T {
    return this.call('forward', ...args);
  }

  /** Runs another method that the script exports, as `forward` runs. */
  call<T = Tensor>(method: string, ...args: ScriptValue[]): T {
    if (typeof method !== 'string') throw expected('a string', 'method', method);
    return callScript(this.#id, method, args) as T;
  }

  /** As `forward`, on another thread: JavaScript goes on meanwhile. Calls are made one after the other. */
  async forwardAsync<T = Tensor>(...args: ScriptValue[]): Promise<T> {
    return this.callAsync('forward', ...args);
  }

  /** As `call`, on another thread: JavaScript goes on meanwhile. Calls are made one after the other. */
  async callAsync<T = Tensor>(method: string, ...args: ScriptValue[]): Promise<T> {
    if (typeof method !== 'string') throw expected('a string', 'method', method);
    return (await callScriptAsync(this.#id, method, args)) as T;
  }

  /** Writes the model as it is now, in the format that PyTorch reads; the name appears when the file is complete. */
  async save(path: string | URL, options: ScriptSaveOptions = {}): Promise<void> {
    const file = checkPath(path);
    const bytes = this.toBytes(options);
    await replaceFile(file, (handle) => handle.writeFile(bytes));
  }

  /** What `save` writes. */
  toBytes({ extraFiles = this.extraFiles }: ScriptSaveOptions = {}): Uint8Array {
    const flat: (string | Uint8Array)[] = [];
    for (const [name, content] of extraFiles instanceof Map ? extraFiles : Object.entries(extraFiles)) {
      if (
        typeof name !== 'string' ||
        !/^[^/\\:\0]+(\/[^/\\:\0]+)*$/.test(name) ||
        /(^|\/)\.\.?(\/|$)/.test(name)
      )
        throw expected('a relative path', 'a name in extraFiles', name);
      if (typeof content !== 'string' && !types.isUint8Array(content))
        throw expected('a string or a Uint8Array', `extraFiles.${name}`, content);
      flat.push(name, typeof content === 'string' ? Buffer.from(content) : content);
    }
    return native().scriptSave(this.#id, flat);
  }

  override ownEntries(): Iterable<Named<unknown>> {
    return [...super.ownEntries(), ...this.#tensors, ...this.#children];
  }

  /** Every tensor that is no parameter: the format does not tell which buffers were persistent. */
  override ownBuffers(): Named<Tensor>[] {
    return [...this.#tensors].filter(([, tensor]) => !(tensor instanceof Parameter));
  }

  override setOwn(name: string, value: Tensor | null): void {
    if (!this.#tensors.has(name)) return super.setOwn(name, value);
    if (!(value instanceof Tensor)) throw expected('a Tensor', `tensor ${name} of a script module`, value);
    native().scriptSet(this.#id, name, OwnedTensor.handleOf(value));
    this.#tensors.set(name, value);
  }

  override train(mode = true): this {
    super.train(mode);
    native().scriptTrain(this.#id, mode);
    return this;
  }

  override extraRepr(): string {
    return `original_name=${this.originalName}`;
  }

  override toString(): string {
    return super.toString().replace(this.constructor.name, 'RecursiveScriptModule');
  }
}
