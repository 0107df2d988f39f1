/** Neural networks: modules, layers and losses under PyTorch's names. Table of contents. */

export { deepcopy } from './deepcopy.ts';
export { causalMask as generateSquareSubsequentMask } from './functional/masks.ts';
export type { Reduction, ReductionOption } from './functional/reduction.ts';
export * as functional from './functional.ts';
export * as init from './init.ts';
export {
  GELU,
  Hardsigmoid,
  Hardswish,
  LogSigmoid,
  Mish,
  ReLU,
  ReLU6,
  SELU,
  Sigmoid,
  SiLU,
  Softsign,
  Tanh,
  Tanhshrink,
} from './layers/activation.ts';
export { AdaptiveLogSoftmaxWithLoss, type AdaptiveSoftmaxOptions } from './layers/adaptiveSoftmax.ts';
export {
  type AttentionCall,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from './layers/attention.ts';
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from './layers/batchNorm.ts';
export { type Layer, ModuleDict, ModuleList, Sequential } from './layers/containers.ts';
export { Conv1d, Conv2d, type ConvOptions } from './layers/conv.ts';
export * from './layers/distance.ts';
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, FeatureAlphaDropout } from './layers/dropout.ts';
export {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagOptions,
  type EmbeddingOptions,
} from './layers/embedding.ts';
export { Bilinear, Identity, Linear, type LinearOptions } from './layers/linear.ts';
export * from './layers/losses.ts';
export * from './layers/marginLosses.ts';
export {
  GroupNorm,
  type GroupNormOptions,
  LayerNorm,
  type LayerNormOptions,
  RMSNorm,
  type RMSNormOptions,
} from './layers/normalization.ts';
export * from './layers/parameterList.ts';
export * from './layers/parametricActivation.ts';
export * from './layers/pooling.ts';
export type { RecurrentOptions } from './layers/recurrent.ts';
export * from './layers/rnn.ts';
export * from './layers/rnnCells.ts';
export * from './layers/shape.ts';
export { GLU, LogSoftmax, Softmax, Softmin } from './layers/softmax.ts';
export * from './layers/specialPooling.ts';
export * from './layers/transformer.ts';
export { Module } from './module.ts';
export { Parameter } from './parameter.ts';
export type { IncompatibleKeys, LoadOptions, StateDict } from './state.ts';
export * as utils from './utils.ts';
export type { WalkOptions } from './walk.ts';
