/**
 * Who frees a tensor. One born inside a scope is freed by it; any other one when it is collected or disposed. The
 * wrapper owns one reference, which each of the three ways drops once and none drops twice.
 */

import { ArgumentError, expected } from '../errors.ts';
import { type Handle, native } from '../native.ts';
import { DISPOSED, FIRST, MOST_DISPOSED, numbers, openArena } from './arena.ts';
import { type Context, current, type Owner } from './context.ts';
import { type LiveTensors, trackLive } from './tracking.ts';

const RELEASE_BATCH = 2048;

const live: LiveTensors | undefined = trackLive();

/**
 * Registering with the collector costs as much as a small operator, and most tensors are disposed before it matters:
 * the newest ones wait here, strongly held, until they are many or the current task ends.
 */
const NURSERY = 64;
let newborns: OwnedTensor[] = [];
let isSweepDue = false;
let isReleaseDue = false;

const finalizer = new FinalizationRegistry<Handle>((handle) => {
  live?.delete(handle);
  release(handle);
});

/** What a constructor takes beside a handle that came from native code; not exported to users. */
export const FROM_NATIVE: unique symbol = Symbol('from native');

/** A native tensor with an owner; Tensor adds everything else. */
export abstract class OwnedTensor implements Disposable {
  #handle: Handle;
  /** The scope that will free it; undefined when the collector does. */
  #owner: Scope | undefined;
  #isRegistered = false;

  /** `new Tensor(3)` would take over whatever tensor has that number, so only this library can construct one. */
  constructor(handle: Handle, proof: typeof FROM_NATIVE, context: Context = current()) {
    if (proof !== FROM_NATIVE)
      throw expected('torch.tensor(), torch.empty() and the like', 'a new tensor', handle);
    this.#handle = handle;
    this.#owner = undefined;
    live?.set(handle, this);
    const owner = openScope(context.owner);
    if (owner === undefined) {
      leaveToCollector(this);
    } else {
      this.#owner = owner;
      owner.adopt(this);
    }
  }

  /** Frees it now; further calls do nothing, any other use is an error with the code `ERR_TENSOR_DISPOSED`. */
  dispose(): void {
    if (!OwnedTensor.is(this)) throw expected('a Tensor', 'dispose', this);
    const handle = this.#handle;
    if (handle === 0) return;
    live?.delete(handle);
    if (this.#isRegistered) finalizer.unregister(this);
    this.#owner = undefined;
    this.#handle = 0;
    release(handle);
  }

  [Symbol.dispose](): void {
    OwnedTensor.prototype.dispose.call(this);
  }

  get isDisposed(): boolean {
    if (!OwnedTensor.is(this)) throw expected('a Tensor', 'isDisposed', this);
    return this.#handle === 0;
  }

  /** Whether a value is a tensor of ours: a brand that no prototype trick passes. */
  static is(value: unknown): value is OwnedTensor {
    return typeof value === 'object' && value !== null && #handle in value;
  }

  /** The live handle of an object that is a tensor, 0 for any other one: `is` and `handleOf` at once, for the wire. */
  static handleIn(value: object): Handle {
    if (!(#handle in value)) return 0;
    return value.#handle === 0 ? OwnedTensor.handleOf(value) : value.#handle;
  }

  /** The live handle of a tensor. */
  static handleOf(value: unknown): Handle {
    if (!OwnedTensor.is(value)) throw expected('a Tensor', 'a tensor', value);
    if (value.#handle === 0)
      throw new ArgumentError(
        'Expected a live tensor but received one that was disposed',
        'ERR_TENSOR_DISPOSED',
      );
    return value.#handle;
  }

  /** @internal Gives a tensor to a scope, or to the collector when there is none. */
  static own(tensor: OwnedTensor, owner: Scope | undefined): void {
    if (tensor.#handle === 0 || tensor.#owner === owner) return;
    if (tensor.#isRegistered) finalizer.unregister(tensor);
    tensor.#isRegistered = false;
    tensor.#owner = owner;
    if (owner === undefined) leaveToCollector(tensor);
  }

  /** @internal Registers a newborn that is still alive and that no scope has taken. */
  static register(tensor: OwnedTensor): void {
    if (tensor.#handle === 0 || tensor.#owner !== undefined || tensor.#isRegistered) return;
    tensor.#isRegistered = true;
    finalizer.register(tensor, tensor.#handle, tensor);
  }

  /** @internal Marks a tensor as freed by its scope, and returns its handle; 0 when the scope no longer owns it. */
  static releaseFrom(tensor: OwnedTensor, owner: Scope): Handle {
    if (tensor.#owner !== owner || tensor.#handle === 0) return 0;
    const handle = tensor.#handle;
    live?.delete(handle);
    tensor.#owner = undefined;
    tensor.#handle = 0;
    return handle;
  }

  /** @internal Whether the scope still owns it. */
  static belongsTo(tensor: OwnedTensor, owner: Scope): boolean {
    return tensor.#owner === owner;
  }
}

/** The tensors made during a `tidy`. */
export class Scope implements Owner {
  isOpen = true;
  readonly parent = openScope(current().owner);
  #tensors: OwnedTensor[] = [];
  #compactAt = 4096;

  /** Takes a tensor whose owner is this scope already. */
  adopt(tensor: OwnedTensor): void {
    this.#tensors.push(tensor);
    if (this.#tensors.length >= this.#compactAt) this.#compact();
  }

  /** Moves a tensor that must outlive this scope to the one around it. */
  hand(tensor: OwnedTensor): void {
    if (!OwnedTensor.belongsTo(tensor, this)) return;
    const parent = openScope(this.parent);
    OwnedTensor.own(tensor, parent);
    parent?.adopt(tensor);
  }

  /** Frees what it still owns, in one native call for as many as the shared buffer holds. */
  end(): void {
    this.isOpen = false;
    const tensors = this.#tensors;
    this.#tensors = [];
    let count = 0;
    // The newest first: an allocator takes memory back best in the reverse order.
    for (let i = tensors.length - 1; i >= 0; i--) {
      const handle = OwnedTensor.releaseFrom(tensors[i] as OwnedTensor, this);
      if (handle === 0) continue;
      numbers[FIRST + count++] = handle;
      if (count === RELEASE_BATCH) {
        native().releaseMany(count);
        count = 0;
      }
    }
    if (count > 0) native().releaseMany(count);
  }

  /** A long scope whose tensors are disposed by hand must not keep their wrappers. */
  #compact(): void {
    this.#tensors = this.#tensors.filter((tensor) => OwnedTensor.belongsTo(tensor, this));
    this.#compactAt = Math.max(4096, 2 * this.#tensors.length);
  }
}

/** What a flow makes after its `tidy` has ended belongs to the scope around it, or to the collector. */
function openScope(owner: Owner | undefined): Scope | undefined {
  let scope = owner as Scope | undefined;
  while (scope !== undefined && !scope.isOpen) scope = scope.parent;
  return scope;
}

function leaveToCollector(tensor: OwnedTensor): void {
  newborns.push(tensor);
  if (newborns.length >= NURSERY) return sweepNewborns();
  if (isSweepDue) return;
  isSweepDue = true;
  queueMicrotask(sweepNewborns);
}

function sweepNewborns(): void {
  isSweepDue = false;
  const grown = newborns;
  newborns = [];
  for (const tensor of grown) OwnedTensor.register(tensor);
}

/** The next native entry releases it; one is made at the latest when the current task ends, or when many wait. */
function release(handle: Handle): void {
  openArena();
  const count = (numbers[DISPOSED] as number) + 1;
  numbers[DISPOSED] = count;
  numbers[DISPOSED + count] = handle;
  if (count === MOST_DISPOSED) return native().release();
  if (isReleaseDue) return;
  isReleaseDue = true;
  queueMicrotask(() => {
    isReleaseDue = false;
    native().release();
  });
}
