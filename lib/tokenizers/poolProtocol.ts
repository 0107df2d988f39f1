/**
 * What goes between a pool and its threads.
 */
import type { ErrorRecord } from '../learning/prefetchProtocol.ts';
import type { TextInput, TokenArrays } from './encoding.ts';
import type { EncodeOptions } from './settings.ts';

/** What a thread is started with. */
export interface ThreadStart {
  /** Of a folder, or a tokenizer.json. */
  readonly path: string;
}

export interface Question {
  readonly number: number;
  readonly inputs: readonly TextInput[];
  readonly options: EncodeOptions;
}

export type Answer =
  | { readonly number: number; readonly arrays: TokenArrays }
  | { readonly number: number; readonly error: ErrorRecord };
