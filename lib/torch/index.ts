/**
 * `import * as torch from 'xpmir/torch'`: tensors, operators, gradients, modules, optimizers. Table of contents.
 *
 * @module xpmir/torch
 */

export * from '../errors.ts';
export {
  type AutocastDevice,
  type AutocastOptions,
  autocast,
  getAutocastDtype,
  isAutocastEnabled,
} from './amp.ts';
export {
  type BackwardOptions,
  backward,
  type CheckpointOptions,
  type CustomFunction,
  checkpoint,
  customFunction,
  detectAnomaly,
  type GradOptions,
  grad,
} from './autograd.ts';
export * as backends from './backends.ts';
export { getFloat32MatmulPrecision, type MatmulPrecision, setFloat32MatmulPrecision } from './backends.ts';
export { type Compilable, type CompileOptions, compile } from './compile/compile.ts';
export { Complex } from './complex.ts';
export * as cuda from './cuda.ts';
export {
  bfloat16,
  bool,
  complex64,
  complex128,
  type Device,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  type Layout,
  type MemoryFormat,
  uint8,
} from './dtype.ts';
export { type FactoryOptions, fromTypedArray, full, scalarTensor, tensor } from './factories.ts';
export * from './generated/functions.ts';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './gradScaler.ts';
export type { Index, Slice } from './indexing.ts';
export * as inductor from './inductor/index.ts';
export {
  loadSafetensors,
  type OpenSafetensors,
  type OpenSafetensorsOptions,
  openSafetensors,
  readSafetensorsHeader,
  saveSafetensors,
  type TensorSlice,
} from './io/safetensors.ts';
export {
  SafetensorsError,
  type SafetensorsHeader,
  type SafetensorsReason,
  type TensorInfo,
} from './io/safetensorsHeader.ts';
export * as jit from './jit/index.ts';
export {
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  setGradEnabled,
} from './modes.ts';
export type { NestedInput, NestedValues, Scalar } from './nested.ts';
export * as nn from './nn/index.ts';
export { ops } from './ops.ts';
export * as optim from './optim/index.ts';
export {
  defaultGenerator,
  Generator,
  getRngState,
  initialSeed,
  manualSeed,
  seed,
  setRngState,
} from './random.ts';
export { emptyHostCache, keep, type Memory, memory, tidy } from './scope.ts';
export { type BackwardCallOptions, type HookHandle, Tensor, type ToOptions } from './tensor.ts';
export {
  areDeterministicAlgorithmsEnabled,
  getNumThreads,
  isDeterministicAlgorithmsWarnOnlyEnabled,
  setNumThreads,
  useDeterministicAlgorithms,
  version,
} from './threads.ts';
export { livePlaces } from './tracking.ts';
export * as utils from './utils.ts';
