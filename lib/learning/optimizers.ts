/**
 * Optimizers as configurations: which one, with which numbers. The one that works is made for each run. Names, options
 * and defaults are those of the working ones, except where upstream's differ, which is said.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { DECLARATION, fieldOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { bool, float, list, optional } from '../experiment/types.ts';
import { Adagrad as TorchAdagrad } from '../torch/optim/adagrad.ts';
import { Adam as TorchAdam, AdamW as TorchAdamW } from '../torch/optim/adam.ts';
import { NAdam as TorchNAdam } from '../torch/optim/nadam.ts';
import type { ParamList, Optimizer as TorchOptimizer } from '../torch/optim/optimizer.ts';
import { RAdam as TorchRAdam } from '../torch/optim/radam.ts';
import { RelativeStepAdafactor } from '../torch/optim/relativeStepAdafactor.ts';
import { RMSprop as TorchRMSprop } from '../torch/optim/rmsprop.ts';
import { SGD as TorchSGD } from '../torch/optim/sgd.ts';

/** An optimizer's working part. */
export type AnyOptimizer = TorchOptimizer;

const number = (value: number) => param(float, { default: value, ignoreDefault: true });
const flag = (value: boolean) => param(bool, { default: value, ignoreDefault: true });
/** Two numbers, such as the decays of two averages. */
const betas = param(list(float), { default: [0.9, 0.999], ignoreDefault: true });
const adam = { lr: number(1e-3), betas, eps: number(1e-8), amsgrad: flag(false), fused: flag(false) };
/** Rates, decays and bounds: what is not in here may be negative. */
const NOT_NEGATIVE = [
  'lr',
  'weightDecay',
  'eps',
  'momentum',
  'lrDecay',
  'initialAccumulatorValue',
  'momentumDecay',
];

/** Which algorithm updates parameters. */
export abstract class Optimizer extends config(import.meta, 'xpmir.learning.optim.Optimizer', {}) {
  /** The working optimizer over these parameters. */
  abstract create(parameters: ParamList): AnyOptimizer;

  override validate(): void {
    for (const [name, value] of Object.entries(this.options())) {
      const isBad = NOT_NEGATIVE.includes(name) && typeof value === 'number' && !(value >= 0);
      if (isBad) throw wrong(name, 'a number of at least 0', value);
      if (name === 'betas' && !isPairOfBetas(value))
        throw wrong(name, 'two numbers of at least 0 and below 1', value);
    }
  }

  /** The declared parameters, which have the names of the working optimizer's options. */
  protected options(): Record<string, unknown> {
    const entries = [...this[DECLARATION].parameters.keys()].map((name) => [name, fieldOf(this, name)]);
    return Object.fromEntries(entries);
  }
}

function isPairOfBetas(value: unknown): boolean {
  const betas = value as readonly number[];
  return betas.length === 2 && betas.every((beta) => beta >= 0 && beta < 1);
}

/** Stochastic gradient descent; `lr` 1e-5. */
export class SGD extends config(
  import.meta,
  'xpmir.learning.optim.SGD',
  {
    lr: number(1e-5),
    weightDecay: number(0),
    momentum: number(0),
    dampening: number(0),
    nesterov: flag(false),
    fused: flag(false),
  },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchSGD(parameters, this.options());
  }
}

/** Adam; `weightDecay` is an L2 penalty. */
export class Adam extends config(
  import.meta,
  'xpmir.learning.optim.Adam',
  { ...adam, weightDecay: number(0) },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchAdam(parameters, this.options());
  }
}

/** Adam with decoupled weight decay. */
export class AdamW extends config(
  import.meta,
  'xpmir.learning.optim.AdamW',
  { ...adam, weightDecay: number(1e-2) },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchAdamW(parameters, this.options());
  }
}

/** Adafactor as transformers has it: without `lr` its step follows the scale of the parameters and takes no scheduler. */
export class Adafactor extends config(
  import.meta,
  'xpmir.learning.optim.Adafactor',
  { lr: param(optional(float)), weightDecay: number(0), relativeStep: flag(true) },
  Optimizer,
) {
  override validate(): void {
    super.validate();
    if (this.relativeStep === (this.lr !== undefined)) {
      throw wrong(
        'lr',
        this.relativeStep ? 'none, with relativeStep' : 'a number, without relativeStep',
        this.lr,
      );
    }
  }

  create(parameters: ParamList): AnyOptimizer {
    return new RelativeStepAdafactor(parameters, { ...this.options(), lr: this.lr ?? null });
  }
}

export class Adagrad extends config(
  import.meta,
  'xpmir.learning.optim.Adagrad',
  {
    lr: number(1e-2),
    lrDecay: number(0),
    weightDecay: number(0),
    initialAccumulatorValue: number(0),
    eps: number(1e-10),
    fused: flag(false),
  },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchAdagrad(parameters, this.options());
  }
}

export class RMSprop extends config(
  import.meta,
  'xpmir.learning.optim.RMSprop',
  {
    lr: number(1e-2),
    alpha: number(0.99),
    eps: number(1e-8),
    weightDecay: number(0),
    momentum: number(0),
    centered: flag(false),
  },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchRMSprop(parameters, this.options());
  }
}

/** Adam with Nesterov momentum. */
export class NAdam extends config(
  import.meta,
  'xpmir.learning.optim.NAdam',
  {
    lr: number(2e-3),
    betas,
    eps: number(1e-8),
    weightDecay: number(0),
    momentumDecay: number(4e-3),
    decoupledWeightDecay: flag(false),
  },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchNAdam(parameters, this.options());
  }
}

/** Adam with a rectified variance at the beginning. */
export class RAdam extends config(
  import.meta,
  'xpmir.learning.optim.RAdam',
  {
    lr: number(1e-3),
    betas,
    eps: number(1e-8),
    weightDecay: number(0),
    decoupledWeightDecay: flag(false),
  },
  Optimizer,
) {
  create(parameters: ParamList): AnyOptimizer {
    return new TorchRAdam(parameters, this.options());
  }
}
