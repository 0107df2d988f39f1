/**
 * Tokenizers: text to the numbers that a model takes, and back.
 *
 * @module xpmir/tokenizers
 */
export type { Encoding, TextInput, TokenArrays, TokenBatch } from './encoding.ts';
export type { Side, TruncationStrategy } from './fitting.ts';
export type { EncodeOptions } from './settings.ts';
export { toTensors } from './tensors.ts';
export { type TokenBudgetOptions, tokenBudget, tokenBudgetBatches } from './tokenBudget.ts';
export { type DecodeOptions, TokenEncoder } from './tokenEncoder.ts';
export { Tokenizer } from './tokenizer.ts';
export { type PoolEncodeOptions, TokenizerPool, type TokenizerPoolOptions } from './tokenizerPool.ts';
