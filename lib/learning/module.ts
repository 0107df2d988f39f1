/**
 * Models as configurations: their parameters are declared, and their weights are made when it is known how.
 */
import { config } from '../experiment/config.ts';
import { Module as TorchModule } from '../torch/nn/module.ts';
import type { RandomState } from './random.ts';

/** How the weights of a model begin. */
export const ModuleInitMode = {
  /** With what was trained before, where the model has that, otherwise as RANDOM. */
  DEFAULT: 'default',
  /** The structure alone: what the parameters hold does not matter, as they are loaded next. */
  NONE: 'none',
  /** Drawn, also where the model has something trained before. */
  RANDOM: 'random',
} as const;
export type ModuleInitMode = (typeof ModuleInitMode)[keyof typeof ModuleInitMode];

export interface ModuleInitOptions {
  readonly mode: ModuleInitMode;
  /** For what a model draws by itself; libtorch's own generator is seeded from the same source. Not with NONE. */
  readonly random?: RandomState;
}

/** Whatever draws its own first weights: a {@link Module}, or any other module with such a method. */
export interface InitializableModel {
  initialize(options: ModuleInitOptions): void | Promise<void>;
}

const INITIALIZED: unique symbol = Symbol('initialized');

/**
 * A model that is a configuration. Parameters that are modules are its submodules:
 *
 *     export class Ranker extends config(import.meta, 'my.Ranker', { encoder: param(Encoder), dim: param(int) }, Module) {
 *       readonly head = new nn.Linear(this.dim, 1);
 *
 *       protected override build({ mode }: ModuleInitOptions) {
 *         if (mode !== ModuleInitMode.NONE) nn.init.zeros_(this.head.bias);
 *       }
 *     }
 */
export abstract class Module extends config(import.meta, 'xpmir.learning.optim.Module', {}, TorchModule) {
  /** @internal Keyed by a symbol, so that it is no field to walk, and copied by `deepcopy`. */
  [INITIALIZED]: Promise<void> | undefined;

  /**
   * Makes the model ready, once: the models in it, as their parameters were declared, then itself with `build`. Whoever
   * comes second gets what the first one made, so weights that were loaded stay.
   */
  initialize(options: ModuleInitOptions): Promise<void> {
    const make = async (): Promise<void> => {
      await initializeBelow(this, options);
      await this.build(options);
      // What build made, if anything.
      await initializeBelow(this, options);
    };
    this[INITIALIZED] ??= make().catch((error: unknown) => {
      this[INITIALIZED] = undefined;
      throw error;
    });
    return this[INITIALIZED];
  }

  /** Makes layers that depend on what was read, and sets the first weights unless the mode is NONE. */
  protected build(_options: ModuleInitOptions): void | Promise<void> {}
}

/** Initialises a model, or, where it has no `initialize`, every model in it that has. */
export async function initializeModel(model: TorchModule, options: ModuleInitOptions): Promise<void> {
  if (initializes(model)) await model.initialize(options);
  else await initializeBelow(model, options);
}

async function initializeBelow(model: TorchModule, options: ModuleInitOptions): Promise<void> {
  for (const child of model.children()) await initializeModel(child, options);
}

function initializes(model: TorchModule): model is TorchModule & InitializableModel {
  return 'initialize' in model && typeof model.initialize === 'function';
}
