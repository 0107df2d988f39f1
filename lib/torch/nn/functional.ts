/** The functions of PyTorch's `torch.nn.functional` in camelCase, with options as a last object. */
export * from './functional/activation.ts';
export {
  type AttentionOptions,
  type AttentionWeights,
  type MultiHeadOptions,
  multiHeadAttentionForward,
  scaledDotProductAttention,
} from './functional/attention.ts';
export * from './functional/conv.ts';
export * from './functional/distance.ts';
export {
  alphaDropout,
  type DropoutOptions,
  dropout,
  dropout1d,
  dropout2d,
  featureAlphaDropout,
} from './functional/dropout.ts';
export {
  type BagMode,
  type EmbeddingBagOptions,
  type EmbeddingOptions,
  embedding,
  embeddingBag,
  oneHot,
} from './functional/embedding.ts';
export * from './functional/linear.ts';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  type NllOptions,
  nllLoss,
  poissonNllLoss,
  smoothL1Loss,
} from './functional/loss.ts';
export * from './functional/marginLoss.ts';
export * from './functional/normalization.ts';
export * from './functional/pooling.ts';
export type { Reduction, ReductionOption } from './functional/reduction.ts';
export {
  type FractionalPoolOptions,
  fractionalMaxPool2d,
  fractionalMaxPool2dWithIndices,
  type LPPoolOptions,
  lpPool1d,
  lpPool2d,
  maxUnpool1d,
  maxUnpool2d,
  type UnpoolOptions,
} from './functional/specialPooling.ts';
export * from './functional/vision.ts';
