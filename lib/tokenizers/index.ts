/**
 * Tokenizers: text to the numbers that a model takes, and back.
 */
export {
  type Encoding,
  type TextInput,
  type TokenArrays,
  type TokenBatch,
  toTensors,
} from './encoding.ts';
export type { Side, TruncationStrategy } from './fitting.ts';
export type { EncodeOptions } from './settings.ts';
export { type DecodeOptions, Tokenizer } from './tokenizer.ts';
