import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkOptions } from '../../options.ts';
import { isPlainObject } from '../../plainObject.ts';
import { checkPath } from '../io/path.ts';
import { replaceFile } from '../io/replaceFile.ts';
import { FROM_NATIVE, OwnedTensor } from '../lifetime.ts';
import { Module } from '../nn/module.ts';
import { Parameter } from '../nn/parameter.ts';
import type { Named } from '../nn/walk.ts';
import { keep } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import {
  callScript,
  callScriptAsync,
  type ScriptValue,
  scriptAttribute,
  setScriptAttribute,
} from './values.ts';

const finalizer = new FinalizationRegistry<number>((id) => native().scriptRelease(id));

/** Kinds of members, as native/jit.cc numbers them. */
const PARAMETER = 0;
const MODULE = 2;
/** A buffer in whose place a method puts another one. */
const ASSIGNED = 3;

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

/** A method as TorchScript has it, as text. */
export interface ScriptMethod {
  /** Its name, arguments and results with their types. */
  readonly schema: string;
  /** As Python; calls of functions of its own are not in it. */
  readonly code: string;
  readonly graph: string;
  /** With the graphs of everything that it calls in their places. */
  readonly inlinedGraph: string;
}

/** What was made of the members of a model so far, by their identity. */
type Loading = Map<number, Tensor | ScriptModule>;

/**
 * A model that PyTorch scripted or traced; `torch.jit.load` makes them. It is a module as any other one: its parameters
 * are trained by an optimizer, its state dict has PyTorch's keys, and its submodules are script modules too.
 */
export class ScriptModule extends Module {
  readonly #id: number;
  readonly #tensors = new Map<string, Tensor>();
  readonly #children = new Map<string, ScriptModule>();
  readonly #assigned: string[] = [];

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
    const loading: Loading = above ?? new Map();
    const members = native().scriptMembers(id);
    for (let i = 0; i < members.length; i += 4) {
      const [kind, name, number, identity] = members.slice(i, i + 4) as [number, string, number, number];
      const known = loading.get(identity);
      if (kind === MODULE) {
        const child = known ?? new ScriptModule(number, FROM_NATIVE, { above: loading });
        if (known !== undefined) native().scriptRelease(number);
        loading.set(identity, child);
        this.#children.set(name, child as ScriptModule);
      } else {
        if (kind === ASSIGNED) this.#assigned.push(name);
        // The native tensor itself, since the model may hold it at other places too, such as a list of weights.
        const made =
          kind === PARAMETER ? Parameter.fromHandle(number) : keep(new Tensor(number, FROM_NATIVE));
        if (known !== undefined) made.dispose();
        loading.set(identity, known ?? made);
        this.#tensors.set(name, (known ?? made) as Tensor);
      }
    }
  }

  /** Name of the class that was scripted or traced. */
  get originalName(): string {
    return native().scriptName(this.#id);
  }

  /** Names of the methods that `call` takes. */
  get methods(): string[] {
    return native().scriptMethods(this.#id).split(', ');
  }

  /** A method by its name, to be read; `call` runs it. @throws ArgumentError where there is none */
  method(name: string): ScriptMethod {
    if (typeof name !== 'string') throw expected('a string', 'name', name);
    const text = (what: keyof ScriptMethod) => native().scriptText(this.#id, name, what);
    return {
      schema: text('schema'),
      get code() {
        return text('code');
      },
      get graph() {
        return text('graph');
      },
      get inlinedGraph() {
        return text('inlinedGraph');
      },
    };
  }

  /** `forward` as Python. */
  get code(): string {
    return this.method('forward').code;
  }

  /** `forward` as a graph of operators. */
  get graph(): string {
    return this.method('forward').graph;
  }

  /** The same, with what its submodules compute. */
  get inlinedGraph(): string {
    return this.method('forward').inlinedGraph;
  }

  /** Names of what it has beside tensors and modules: numbers, texts, lists and so on. */
  get attributes(): string[] {
    return native().scriptAttributes(this.#id);
  }

  /** One of these, as results come back. @throws ArgumentError where there is none of this name */
  getAttribute<T = ScriptValue>(name: string): T {
    return scriptAttribute(this.#id, name) as T;
  }

  /** Sets one of these, as arguments go in. @throws ArgumentError where there is none of this name or type */
  setAttribute(name: string, value: ScriptValue): void {
    setScriptAttribute(this.#id, name, value);
    if (name === 'training') this.training = value as boolean;
  }

  /**
   * Runs the model. Tensors, numbers, booleans, strings, dtypes, devices, generators and null go in as they are, arrays as
   * lists and tuples, Maps and plain objects as dictionaries; a plain object in last place holds keyword arguments where no
   * dictionary is expected. Lists and tuples come back as arrays, dictionaries as objects, or as Maps when their keys are not
   * declared as strings.
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
  toBytes(options: ScriptSaveOptions = {}): Uint8Array {
    const { extraFiles = this.extraFiles } = checkOptions('toBytes', options, ['extraFiles']);
    if (!types.isMap(extraFiles) && !isPlainObject(extraFiles))
      throw expected('a Map or an object of contents', 'extraFiles', extraFiles);
    const flat: (string | Uint8Array)[] = [];
    for (const [name, content] of types.isMap(extraFiles) ? extraFiles : Object.entries(extraFiles)) {
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

  /** The same, by PyTorch's name. */
  saveToBuffer(options: ScriptSaveOptions = {}): Uint8Array {
    return this.toBytes(options);
  }

  /** @internal The number by which native code knows it. */
  static idOf(script: unknown): number {
    if (!(script instanceof ScriptModule)) throw expected('a ScriptModule', 'script', script);
    return script.#id;
  }

  /** @internal A copy is made by libtorch: what was copied before, such as a tied weight, is taken over from `done`. */
  override deepcopied(done: Map<object, unknown>): this {
    const copy = new ScriptModule(native().scriptCopy(this.#id), FROM_NATIVE, {
      extraFiles: this.extraFiles,
    });
    for (const [path, module] of this.namedModules({ removeDuplicate: false })) {
      if (!(module instanceof ScriptModule)) continue;
      const made = copy.getSubmodule(path) as ScriptModule;
      if (!done.has(module)) done.set(module, made);
      for (const [name, tensor] of module.#tensors) {
        const known = done.get(tensor) as Tensor | undefined;
        if (known === undefined) done.set(tensor, made.#tensors.get(name));
        else if (known !== made.#tensors.get(name)) made.setOwn(name, known);
      }
    }
    return copy as this;
  }

  override ownEntries(): Iterable<Named<unknown>> {
    this.#takeOver();
    return [...super.ownEntries(), ...this.#tensors, ...this.#children];
  }

  /** Every tensor that is no parameter: the format does not tell which buffers were persistent. */
  override ownBuffers(): Named<Tensor>[] {
    this.#takeOver();
    return [...this.#tensors].filter(([, tensor]) => !(tensor instanceof Parameter));
  }

  /** What methods put in the place of buffers. */
  #takeOver(): void {
    for (const name of this.#assigned) {
      const handle = OwnedTensor.handleOf(this.#tensors.get(name));
      const now = native().scriptTensor(this.#id, name, handle);
      if (now !== 0) this.#tensors.set(name, keep(new Tensor(now, FROM_NATIVE)));
    }
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
