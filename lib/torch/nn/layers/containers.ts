import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { indent } from '../python.ts';
import type { Named } from '../walk.ts';

/** A module from one tensor to one tensor, as `Sequential` chains them. */
export interface Layer extends Module {
  forward(input: Tensor): Tensor;
}

/** Modules under string keys, in the order they were added: what the containers share. */
abstract class Container<M extends Module> extends Module {
  protected readonly items = new Map<string, M>();

  override ownEntries(): Iterable<Named<unknown>> {
    return [...super.ownEntries(), ...this.items];
  }

  /** How many modules it holds. */
  get length(): number {
    return this.items.size;
  }

  protected put(key: string, module: M): void {
    if (!(module instanceof Module)) throw expected('a Module', `module ${key}`, module);
    if (key === '' || key.includes('.')) throw expected('a non-empty string without "."', 'module name', key);
    this.items.set(key, module);
  }

  protected find(key: string): M {
    const module = this.items.get(key);
    if (!module) throw expected(`one of: ${[...this.items.keys()].join(', ') || 'none'}`, 'key', key);
    return module;
  }
}

/** A container in order, with the keys '0', '1', ... */
abstract class OrderedContainer<M extends Module> extends Container<M> implements Iterable<M> {
  [Symbol.iterator](): Iterator<M> {
    return this.items.values();
  }

  /** The module at a place; negative counts from the end. */
  at(index: number): M {
    return this.find(this.keyAt(index));
  }

  /** Puts a module in the place of another. */
  set(index: number, module: M): this {
    this.put(this.keyAt(index), module);
    return this;
  }

  append(module: M): this {
    this.put(String(this.length), module);
    return this;
  }

  extend(modules: Iterable<M>): this {
    for (const module of modules) this.append(module);
    return this;
  }

  protected keyAt(index: number): string {
    const keys = [...this.items.keys()];
    const key = Number.isInteger(index) ? keys.at(index) : undefined;
    if (key === undefined) throw expected(`an index into ${keys.length} modules`, 'index', index);
    return key;
  }
}

/**
 * Modules one after the other, each fed with the output of the one before. `[*]` to whatever the last one gives.
 *
 * @example new Sequential(new Linear(64, 128), new ReLU(), new Linear(128, 1))
 * @example new Sequential({ hidden: new Linear(64, 128), out: new Linear(128, 1) })
 */
export class Sequential extends OrderedContainer<Layer> {
  constructor(...modules: readonly Layer[] | readonly [Readonly<Record<string, Layer>>]) {
    super();
    const [first] = modules;
    const isNamed = modules.length === 1 && typeof first === 'object' && !(first instanceof Module);
    for (const [key, module] of Object.entries(isNamed ? first : modules)) this.put(key, module);
  }

  forward(input: Tensor): Tensor {
    let output = input;
    for (const module of this) output = module.forward(output);
    return output;
  }
}

/** Modules in a list, which a module's own `forward` uses as it likes. */
export class ModuleList<M extends Module = Module> extends OrderedContainer<M> {
  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  /** Puts a module before the one at `index`. */
  insert(index: number, module: M): this {
    if (!(Number.isInteger(index) && index >= 0 && index <= this.length)) {
      throw expected(`an index up to ${this.length}`, 'index', index);
    }
    const modules = [...this];
    modules.splice(index, 0, module);
    for (const [i, one] of modules.entries()) this.put(String(i), one);
    return this;
  }

  forward(): never {
    throw expected('a module with a forward', 'call', this.constructor.name);
  }

  /** As PyTorch prints it: runs of equal modules in one line. */
  override toString(): string {
    const blocks: { first: number; last: number; text: string }[] = [];
    [...this].forEach((module, i) => {
      const text = module.toString();
      const block = blocks.at(-1);
      if (block?.text === text) block.last = i;
      else blocks.push({ first: i, last: i, text });
    });
    if (blocks.length === 0) return `${this.constructor.name}()`;
    const lines = blocks.map(({ first, last, text }) => {
      const label = first === last ? `(${first}): ` : `(${first}-${last}): ${last - first + 1} x `;
      return indent(label + text, 2);
    });
    return `${this.constructor.name}(\n  ${lines.join('\n  ')}\n)`;
  }
}

/** Modules under names. */
export class ModuleDict<M extends Module = Module> extends Container<M> implements Iterable<[string, M]> {
  constructor(modules: Readonly<Record<string, M>> | Iterable<readonly [string, M]> = {}) {
    super();
    if (typeof modules !== 'object' || modules === null) throw expected('an object', 'modules', modules);
    const entries = Symbol.iterator in modules ? modules : Object.entries(modules);
    for (const [key, module] of entries as Iterable<readonly [string, M]>) this.put(key, module);
  }

  [Symbol.iterator](): Iterator<[string, M]> {
    return this.items.entries();
  }

  get(key: string): M {
    return this.find(key);
  }

  has(key: string): boolean {
    return this.items.has(key);
  }

  set(key: string, module: M): this {
    this.put(key, module);
    return this;
  }

  delete(key: string): boolean {
    return this.items.delete(key);
  }

  keys(): string[] {
    return [...this.items.keys()];
  }

  values(): M[] {
    return [...this.items.values()];
  }

  forward(): never {
    throw expected('a module with a forward', 'call', this.constructor.name);
  }
}
