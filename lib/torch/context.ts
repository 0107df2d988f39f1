/** What follows an asynchronous flow: the scope that new tensors belong to, grad mode, autocast, stream, anomaly mode. */

import { AsyncLocalStorage } from 'node:async_hooks';

/** As in native/wire.h. */
export const GradMode = { asIs: 0, noGrad: 1, inference: 2, withGrad: 3 } as const;
/** How many grad modes there are: what autocast is multiplied by where both are one number. */
export const GRAD_MODES = 4;
/** How many modes of both there are: what a stream is multiplied by. */
export const MODE_CODES: number = 9 * GRAD_MODES;
export type GradMode = (typeof GradMode)[keyof typeof GradMode];

/** Something that takes ownership of the tensors made while it is current. */
export interface Owner {
  readonly isOpen: boolean;
}

/** What observers are told of in place of an operator: a function whose operators they do not see. */
export const WHOLE_FUNCTION = 'function';

export interface Context {
  readonly owner: Owner | undefined;
  readonly gradMode: GradMode;
  /** Autocast's dtypes by device, as one number; 0 is none. See native/wire.h. */
  readonly autocast: number;
  /** The stream that operators go to, by its number; 0 is that of the thread. See native/streams.h. */
  readonly stream: number;
  readonly anomaly: boolean;
  /** Whether operators are written down, for a tape. */
  readonly isWrittenDown: boolean;
  /** Told of operators that are about to run. */
  readonly foresee: ((operator: string) => void) | undefined;
  /** Told of operators and what they gave. */
  readonly observe: ((operator: string, result: unknown, given: readonly unknown[]) => void) | undefined;
}

const root: Context = {
  owner: undefined,
  gradMode: GradMode.asIs,
  autocast: 0,
  stream: 0,
  anomaly: false,
  isWrittenDown: false,
  foresee: undefined,
  observe: undefined,
};
const storage = new AsyncLocalStorage<Context>();

/** The context of this point of the flow. */
export function current(): Context {
  return storage.getStore() ?? root;
}

/** Runs `fn`, and all that it awaits, with some of the context replaced. */
export function within<T>(change: Partial<Context>, fn: () => T): T {
  return storage.run({ ...current(), ...change }, fn);
}
