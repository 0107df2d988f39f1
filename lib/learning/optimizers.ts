/**
 * Optimizers as configuration: which one, with which numbers. The one that works is made for each run.
 */
import { Adam as TorchAdam, AdamW as TorchAdamW } from '../torch/optim/adam.ts';
import type { ParamList, Optimizer as TorchOptimizer } from '../torch/optim/optimizer.ts';
import { RelativeStepAdafactor } from '../torch/optim/relativeStepAdafactor.ts';
import { SGD as TorchSGD } from '../torch/optim/sgd.ts';
import { boolean, number, optional, type Reader, readOptions } from './options.ts';

const positive = (otherwise: number): Reader<number> => optional(number({ min: 0 }), otherwise);
const flag = (otherwise: boolean): Reader<boolean> => optional(boolean(), otherwise);

/** An optimizer's working part, whatever its options. */
// biome-ignore lint/suspicious/noExplicitAny: the options of a group differ with the algorithm, and only its rate is used
export type AnyOptimizer = TorchOptimizer<any>;

export abstract class Optimizer {
  /** The working optimizer over these parameters. */
  abstract create(parameters: ParamList): AnyOptimizer;
}

export interface SGDOptions {
  /** Learning rate, default 1e-5. */
  readonly lr?: number;
  /** L2 penalty, default 0. */
  readonly weightDecay?: number;
  /** One operator for the whole update, default false. */
  readonly fused?: boolean;
}

/** Stochastic gradient descent without momentum. */
export class SGD extends Optimizer {
  readonly options: Readonly<Required<SGDOptions>>;

  constructor(options: SGDOptions = {}) {
    super();
    this.options = readOptions('sgd', options, {
      lr: positive(1e-5),
      weightDecay: positive(0),
      fused: flag(false),
    });
  }

  create(parameters: ParamList): AnyOptimizer {
    return new TorchSGD(parameters, this.options);
  }
}

export interface AdamOptions {
  /** Learning rate, default 1e-3. */
  readonly lr?: number;
  /** L2 penalty, default 0; of AdamW the decoupled decay, default 1e-2. */
  readonly weightDecay?: number;
  /** Added to the denominator, default 1e-8. */
  readonly eps?: number;
  /** One operator for the whole update, default false. */
  readonly fused?: boolean;
}

const adamFields = (weightDecay: number) => ({
  lr: positive(1e-3),
  weightDecay: positive(weightDecay),
  eps: positive(1e-8),
  fused: flag(false),
});

export class Adam extends Optimizer {
  readonly options: Readonly<Required<AdamOptions>>;

  constructor(options: AdamOptions = {}) {
    super();
    this.options = readOptions('adam', options, adamFields(0));
  }

  create(parameters: ParamList): AnyOptimizer {
    return new TorchAdam(parameters, this.options);
  }
}

/** Adam with decoupled weight decay. */
export class AdamW extends Optimizer {
  readonly options: Readonly<Required<AdamOptions>>;

  constructor(options: AdamOptions = {}) {
    super();
    this.options = readOptions('adamW', options, adamFields(1e-2));
  }

  create(parameters: ParamList): AnyOptimizer {
    return new TorchAdamW(parameters, this.options);
  }
}

export interface AdafactorOptions {
  /** Learning rate; default null, the relative step. */
  readonly lr?: number | null;
  /** Decoupled decay, default 0. */
  readonly weightDecay?: number;
  /** Whether the step follows the scale of the parameters, default true; not together with `lr`. */
  readonly relativeStep?: boolean;
}

/** Adafactor as transformers has it. */
export class Adafactor extends Optimizer {
  readonly options: Readonly<Required<AdafactorOptions>>;

  constructor(options: AdafactorOptions = {}) {
    super();
    this.options = readOptions('adafactor', options, {
      lr: optional<number | null, null>(
        (value, path) => (value === null ? null : number({ min: 0 })(value, path)),
        null,
      ),
      weightDecay: positive(0),
      relativeStep: flag(true),
    });
  }

  create(parameters: ParamList): AnyOptimizer {
    return new RelativeStepAdafactor(parameters, this.options);
  }
}
