/** Seeds and generators, as PyTorch's: the same seed gives the same numbers. */

import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { DEFAULT, GeneratorHandle } from './generatorHandle.ts';
import { OwnedTensor } from './lifetime.ts';
import type { Tensor } from './tensor.ts';
import { wrap } from './wire.ts';

/** A source of random numbers with a state of its own, for the `generator` option of random operators. CPU only. */
export class Generator extends GeneratorHandle {
  /** Seeds it; returns itself. */
  manualSeed(seed: number | bigint): this {
    native().setSeed(GeneratorHandle.idOf(this), checkSeed(seed));
    return this;
  }

  /** The seed that it was last given. */
  initialSeed(): bigint {
    return native().currentSeed(GeneratorHandle.idOf(this));
  }

  /** Seeds it from the system's entropy and returns that seed. */
  seed(): bigint {
    return native().drawSeed(GeneratorHandle.idOf(this));
  }

  /** The whole state as a uint8 tensor. */
  getState(): Tensor {
    return wrap(native().getState(GeneratorHandle.idOf(this))) as Tensor;
  }

  /** Continues from a state that `getState` gave. */
  setState(state: Tensor): this {
    native().setState(GeneratorHandle.idOf(this), OwnedTensor.handleOf(state));
    return this;
  }
}

/** The generator that operators draw from unless told otherwise. */
export const defaultGenerator: Generator = new Generator(DEFAULT);

/** Seeds the default generators of the CPU and of every device. */
export function manualSeed(seed: number | bigint): Generator {
  native().manualSeed(checkSeed(seed));
  return defaultGenerator;
}

/** The seed of the CPU's default generator. */
export function initialSeed(): bigint {
  return defaultGenerator.initialSeed();
}

/** Seeds the CPU's default generator from the system's entropy and returns that seed. */
export function seed(): bigint {
  return defaultGenerator.seed();
}

/** The state of the CPU's default generator, a uint8 tensor. */
export function getRngState(): Tensor {
  return defaultGenerator.getState();
}

/** Continues the CPU's default generator from a state that `getRngState` gave. */
export function setRngState(state: Tensor): void {
  defaultGenerator.setState(state);
}

/** @throws ArgumentError for what is no seed */
export function checkSeed(seed: number | bigint): number | bigint {
  if (typeof seed === 'bigint' || Number.isSafeInteger(seed)) return seed;
  throw expected('an integer within 2^53 or a bigint', 'seed', seed);
}
