/**
 * The learning system: a Learner trains a model with what Trainers, ParameterOptimizers, Listeners and Hooks decide.
 *
 * @module xpmir
 */
export { AggregatorValidationListener } from './aggregatorListener.ts';
export {
  Batcher,
  BatcherWorker,
  PowerAdaptativeBatcher,
  type ProcessOptions,
  type Sliceable,
} from './batchers.ts';
export type { SaveErrors } from './checkpointWriter.ts';
export { type Loss, TrainerContext } from './context.ts';
export { CheckpointSaveError, DamagedError } from './damaged.ts';
export { BestDevice, CudaDevice, Device, type DeviceInformation } from './devices.ts';
export type { LoggedEvent, RunEvent } from './eventCodec.ts';
export type {
  CheckpointEvent,
  EndEvent,
  EndReason,
  EpochEvent,
  EventReader,
  LearnerEvent,
  RestartEvent,
  StartEvent,
  StepEvent,
  ValidationEvent,
  WarningEvent,
} from './events.ts';
export { FileIterator, type FileOptions, JsonlIterator, LineIterator, TsvIterator } from './fileIterators.ts';
export { FileSampler, JsonlSampler, LineSampler, TsvSampler } from './fileSamplers.ts';
export { GradientClippingHook, GradientLogHook } from './gradientHooks.ts';
export {
  GradientHook,
  Hook,
  InitializationHook,
  OptimizationHook,
  StepTrainingHook,
  ValidationHook,
} from './hooks.ts';
export {
  BatchIteratorAdapter,
  RandomizedSerializableIterator,
  SerializableIteratorAdapter,
  SerializableIteratorTransform,
} from './iteratorAdapters.ts';
export { EndlessIterator, SerializableIterator } from './iterators.ts';
export { LayerFreezer, LayerSharer } from './layerHooks.ts';
export { Learner, type LearnerOutput, type RunOptions, type RunOutput } from './learner.ts';
export { foldStatus, LearnerListener, LearnerListenerStatus, type ListenerOutput } from './listener.ts';
export { NameMapper, PartialModuleLoader, PrefixRenamer, SubModuleLoader } from './loaders.ts';
export { LossTrainer } from './lossTrainer.ts';
export { Metrics } from './metrics.ts';
export {
  type InitializableModel,
  initializeModel,
  Module,
  ModuleInitMode,
  type ModuleInitOptions,
} from './module.ts';
export { ModuleList, ModuleList as MultipleModel } from './moduleList.ts';
export { ModuleLoader, ValidationModuleLoader } from './moduleLoader.ts';
export { type Best, type Measured, type MonitoredMetric, MonitoringListener } from './monitoring.ts';
export { MultipleTrainer } from './multipleTrainer.ts';
export {
  Adafactor,
  Adagrad,
  Adam,
  AdamW,
  type AnyOptimizer,
  NAdam,
  Optimizer,
  RAdam,
  RMSprop,
  SGD,
} from './optimizers.ts';
export { isOutOfMemory, RecoverableOOMError } from './outOfMemory.ts';
export {
  ParameterFilter,
  RegexParameterFilter,
  type RegexParameterFilterOptions,
} from './parameterFilters.ts';
export { getOptimizers, ParameterOptimizer } from './parameterOptimizer.ts';
export {
  AllParametersIterator,
  InverseParametersIterator,
  type ParameterElement,
  ParametersIterator,
  RegexParametersIterator,
  SubParametersIterator,
} from './parameters.ts';
export { PrefetchIterator } from './prefetch.ts';
export type { IteratorOrigin } from './prefetchProtocol.ts';
export { type ProgressOptions, progress } from './progress.ts';
export { Random, RandomState, type RandomWords } from './random.ts';
export { RandomSerializableIterator, ShuffledIterator } from './randomIterators.ts';
export { type ReadEventsOptions, readEvents } from './readEvents.ts';
export { Sampler, ShuffledSampler } from './sampler.ts';
export {
  CosineWithWarmup,
  FactorScheduler,
  LinearWithWarmup,
  type RunningScheduler,
  Scheduler,
} from './schedulers.ts';
export { Interrupted } from './signals.ts';
export { InfiniteSkippingIterator, type OpenPass, SkippingIterator } from './skippingIterators.ts';
export type { TrainState } from './state.ts';
export { TensorboardService } from './tensorboardService.ts';
export { type Batches, Trainer } from './trainer.ts';
export { TrainerValidationLoss } from './trainerValidationLoss.ts';
export { Evaluator, type MetricsPerItem, ValidationListener } from './validation.ts';
export type { LoadReport } from './weights.ts';
