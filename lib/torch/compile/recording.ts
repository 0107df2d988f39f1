/** Writing down which operators a function calls, to run them again without it. */
import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { native, watchEntries } from '../../native.ts';
import { callerPlace } from '../callers.ts';
import { within } from '../context.ts';
import { OwnedTensor } from '../lifetime.ts';
import type { Tensor } from '../tensor.ts';
import { begin, put, wrap } from '../wire.ts';

/** What tells nothing about the values of tensors and makes none. */
const HARMLESS = new Set([
  ...['arena', 'reserve', 'find', 'intern', 'string', 'schemas', 'version', 'info', 'sameStorage'],
  ...[
    'release',
    'releaseMany',
    'memory',
    'gradEnabled',
    'accumulates',
    'gradFnName',
    'clearAutocastCache',
    'emptyHostCache',
  ],
  ...['getNumThreads', 'hasCuda', 'cudaDeviceCount', 'tapeBegin', 'tapeReads', 'tapeEnd', 'tapeCancel'],
  ...['tapeRated', 'scriptCall', 'scriptTensor', 'pow', 'cos'],
]);

/** What the others do, for whoever reads why a function cannot be compiled. */
const DEEDS: Readonly<Record<string, string>> = {
  copyTo: 'reads the values of a tensor',
  fromData: 'makes a tensor from values of JavaScript: make it once outside, or give it as an argument',
  backward: 'computes gradients',
  gradients: 'computes gradients',
  grad: 'reads a gradient',
  attachNode: 'uses a function with a backward in JavaScript',
  registerHook: 'registers a hook',
};

/** The operators that a function called, as often as wanted. */
export class Tape {
  readonly #id: number;
  #owners = 1;

  constructor(id: number) {
    this.#id = id;
  }

  /**
   * A tape for other sizes too: the numbers that differ between recordings follow from the sizes of the inputs.
   *
   * @returns undefined where some do not, or follow in several ways
   */
  static generalise(recordings: readonly Tape[]): Tape | undefined {
    begin();
    put(
      recordings.map(({ id }) => id),
      'recordings',
    );
    const id = native().tapeGeneralise();
    return typeof id === 'string' ? undefined : new Tape(id);
  }

  /** For one more owner, who disposes of it as well. */
  share(): this {
    this.#owners++;
    return this;
  }

  /** As native code knows it. */
  get id(): number {
    return this.#id;
  }

  /** Runs it on the step thread, and gives what the function returned then, computed from other inputs. */
  async call(inputs: readonly Tensor[]): Promise<Tensor[]> {
    begin();
    put(inputs, 'inputs');
    const handles = await native().tapeCall(this.#id);
    return handles.map((handle) => wrap(handle) as Tensor);
  }

  /**
   * What differs in another recording, in words; empty when nothing does.
   *
   * @param butForNumbers whether numbers may differ. Default false
   */
  difference(other: Tape, { butForNumbers = false }: { readonly butForNumbers?: boolean } = {}): string {
    return native().tapeDifference(this.#id, other.#id, butForNumbers);
  }

  /** Whether a general tape is for inputs of such sizes. */
  serves(inputs: readonly Tensor[]): boolean {
    begin();
    put(inputs, 'inputs');
    return native().tapeServes(this.#id);
  }

  /** Whether it is for the sizes of another recording. */
  servesThoseOf(other: Tape): boolean {
    return native().tapeServesThoseOf(this.#id, other.#id);
  }

  /** The tensors that it holds and changes in place, such as running means. */
  mutated(): Tensor[] {
    return native()
      .tapeMutated(this.#id)
      .map((handle) => wrap(handle) as Tensor);
  }

  dispose(): void {
    if (--this.#owners === 0) native().tapeRelease(this.#id);
  }
}

export interface Recording<T> {
  readonly result: T;
  /** Undefined where there is a problem. */
  readonly tape: Tape | undefined;
  /** Why there is no tape: what the function does, and where. */
  readonly problem: string | undefined;
  /** What it reads of the values of tensors, and where: empty unless it may. */
  readonly reads: readonly string[];
}

interface RecordOptions {
  /** Whether it is a function that reads gradients, which are its inputs, and may change them. Default false. */
  readonly update?: boolean;
  /** Whether values of tensors may be read, of which the tape knows nothing. Default false. */
  readonly mayRead?: boolean;
}

/**
 * Runs `fn` once, as it would run anyway, and writes down its operators.
 *
 * @param inputs the tensors that will be others in another run; what else it uses, such as parameters, is held
 * @param outputsOf the tensors in what it returned
 */
export function record<T>(
  inputs: readonly Tensor[],
  fn: () => T,
  outputsOf: (result: T) => readonly Tensor[],
  { update = false, mayRead = false }: RecordOptions = {},
): Recording<T> {
  let problem: string | undefined;
  const reads = new Set<string>();
  const refuse = (entry: string) => {
    if (problem !== undefined || HARMLESS.has(entry) || (update && entry === 'grad')) return;
    if (mayRead && entry === 'copyTo') {
      reads.add(`${DEEDS[entry]}, at ${callerPlace()}`);
      return;
    }
    problem = `${DEEDS[entry] ?? `calls ${entry}`}, at ${callerPlace()}`;
  };
  begin();
  put(inputs, 'inputs');
  native().tapeBegin(update, mayRead);
  watchEntries(refuse);
  const places = new Map<string, string>();
  const observe = (operator: string, given: unknown) => {
    const first = Array.isArray(given) ? given[0] : given;
    if (first !== undefined && !OwnedTensor.is(first) && !places.has(operator))
      places.set(operator, callerPlace());
  };
  let result: T;
  let outputs: readonly Tensor[] = [];
  try {
    result = within({ observe, isWrittenDown: true }, fn);
    if (types.isPromise(result)) problem ??= 'is asynchronous';
    if (problem === undefined) outputs = outputsOf(result);
  } catch (error) {
    native().tapeCancel();
    throw error;
  } finally {
    watchEntries(undefined);
  }
  if (problem !== undefined) {
    native().tapeCancel();
    return { result, tape: undefined, problem, reads: [] };
  }
  for (const name of native().tapeReads())
    reads.add(`reads a value with ${name}${places.has(name) ? `, at ${places.get(name)}` : ''}`);
  begin();
  put(outputs, 'outputs');
  const id = native().tapeEnd();
  if (typeof id === 'string') {
    const place = places.get(id.replace(/^.* /, ''));
    return { result, tape: undefined, problem: place === undefined ? id : `${id}, at ${place}`, reads: [] };
  }
  return { result, tape: new Tape(id), problem: undefined, reads: [...reads] };
}

/** Whether two tensors have the same dtype, shape and bits; NaN is equal to itself. */
export function sameBits(a: Tensor, b: Tensor): boolean {
  if (!OwnedTensor.is(a) || !OwnedTensor.is(b)) throw expected('two tensors', 'sameBits', a);
  begin();
  return native().sameBits(OwnedTensor.handleOf(a), OwnedTensor.handleOf(b));
}
