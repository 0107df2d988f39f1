export { Adafactor, type AdafactorOptions } from './adafactor.ts';
export { Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export type { Algorithm, BaseOptions, Batch, ParamState } from './algorithm.ts';
export { NAdam, type NAdamOptions } from './nadam.ts';
export {
  type GroupFields,
  type GroupInput,
  Optimizer,
  type ParamGroup,
  type ParamList,
  type Params,
} from './optimizer.ts';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.ts';
export { RAdam, type RAdamOptions } from './radam.ts';
export { RelativeStepAdafactor, type RelativeStepAdafactorOptions } from './relativeStepAdafactor.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export {
  LRScheduler,
  type Moment,
  PlannedLR,
  type Schedule,
  Scheduler,
  type SchedulerState,
} from './scheduler.ts';
export { ChainedScheduler, SequentialLR } from './schedulersComposed.ts';
export {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  OneCycleLR,
  type OneCycleOptions,
} from './schedulersCosine.ts';
export {
  ConstantLR,
  ExponentialLR,
  LambdaLR,
  type LastEpoch,
  LinearLR,
  type LrLambda,
  MultiplicativeLR,
  MultiStepLR,
  PolynomialLR,
  StepLR,
} from './schedulersFactor.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export type { OptimizerStateDict, PackedGroup } from './stateDict.ts';
