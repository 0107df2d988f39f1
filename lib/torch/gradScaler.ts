/** Gradients in float16 vanish when they are small: the loss is scaled up before backward, the gradients down after. */

import { ArgumentError, expected } from '../errors.ts';
import type { AutocastDevice } from './amp.ts';
import { isAvailable } from './cuda.ts';
import type { Device } from './dtype.ts';
import { F } from './functions.ts';
import { noGrad } from './modes.ts';
import { ops } from './ops.ts';
import type { Optimizer } from './optim/optimizer.ts';
import { keep, tidy } from './scope.ts';
import type { Tensor } from './tensor.ts';

export interface GradScalerOptions {
  /** First scale, default 65536. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` steps without infinities, default 2. */
  readonly growthFactor?: number;
  /** What it is multiplied by after a step with one, default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
  /** `false` makes every method do what it would without a scaler. Default: true. */
  readonly enabled?: boolean;
}

/** In PyTorch's names. Empty when the scaler is disabled. */
export interface GradScalerState {
  readonly scale?: number;
  readonly growth_factor?: number;
  readonly backoff_factor?: number;
  readonly growth_interval?: number;
  readonly _growth_tracker?: number;
}

type AnyOptimizer = Pick<Optimizer, 'paramGroups'> & { step(): unknown };
type Stage = 'unscaled' | 'stepped';

interface Steps {
  stage: Stage;
  /** By device: whether a gradient there was not finite, as 0 or 1. */
  readonly found: ReadonlyMap<Device, Tensor>;
}

/**
 * PyTorch's `torch.amp.GradScaler`: one for all optimizers of a training.
 *
 * @example
 * scaler.scale(loss).backward();
 * scaler.unscale_(optimizer); // only to look at the gradients, or to clip them
 * scaler.step(optimizer); // skipped when a gradient is infinite or NaN
 * scaler.update();
 */
export class GradScaler {
  readonly #device: AutocastDevice;
  readonly #enabled: boolean;
  #growthFactor: number;
  #backoffFactor: number;
  #growthInterval: number;
  #initScale: number;
  #initTracker = 0;
  /** On the device of the first loss, both made when it comes. */
  #scale: Tensor | undefined;
  #tracker: Tensor | undefined;
  #steps = new Map<AnyOptimizer, Steps>();

  /** @param device where the losses are. Without CUDA a scaler for it is disabled, as in PyTorch. */
  constructor(device: AutocastDevice = 'cuda', options: GradScalerOptions = {}) {
    if (device !== 'cpu' && device !== 'cuda') throw expected("'cpu' or 'cuda'", 'device', device);
    const {
      initScale = 65536,
      growthFactor = 2,
      backoffFactor = 0.5,
      growthInterval = 2000,
      enabled = true,
    } = options;
    if (typeof enabled !== 'boolean') throw expected('a boolean', 'enabled', enabled);
    if (!(initScale > 0 && initScale < Infinity)) throw expected('a positive number', 'initScale', initScale);
    if (!(growthFactor > 1)) throw expected('a number above 1', 'growthFactor', growthFactor);
    if (!(backoffFactor < 1)) throw expected('a number below 1', 'backoffFactor', backoffFactor);
    if (!Number.isSafeInteger(growthInterval) || growthInterval < 1)
      throw expected('a positive integer', 'growthInterval', growthInterval);
    this.#device = device;
    this.#enabled = enabled && (device !== 'cuda' || isAvailable());
    this.#initScale = initScale;
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
  }

  isEnabled(): boolean {
    return this.#enabled;
  }

  /** The current scale; 1 when disabled. */
  getScale(): number {
    if (!this.#enabled) return 1;
    return this.#scale === undefined ? this.#initScale : this.#scale.item();
  }

  /** The losses times the scale. */
  scale(outputs: Tensor): Tensor;
  scale(outputs: readonly Tensor[]): Tensor[];
  scale(outputs: Tensor | readonly Tensor[]): Tensor | Tensor[] {
    if (!this.#enabled) return outputs as Tensor | Tensor[];
    if (Array.isArray(outputs)) return outputs.map((output: Tensor) => this.scale(output));
    const output = outputs as Tensor;
    this.#start(output.device);
    return output.mul((this.#scale as Tensor).to(output.device));
  }

  /** @internal What `scale` multiplies losses by, the first of which is on this device; undefined when disabled. */
  scaleFrom(device: Device): Tensor | undefined {
    if (!this.#enabled) return undefined;
    this.#start(device);
    return this.#scale;
  }

  /** @internal What `unscale_` found since the last update, a tensor for each device. */
  foundOf(optimizer: AnyOptimizer): Tensor[] {
    return [...(this.#steps.get(optimizer)?.found.values() ?? [])];
  }

  /** Divides the gradients of an optimizer's parameters by the scale, once between two updates. */
  unscale_(optimizer: AnyOptimizer): void {
    if (!this.#enabled) return;
    const stage = this.#steps.get(optimizer)?.stage;
    if (stage === 'unscaled')
      throw new ArgumentError('unscale_() has already been called on this optimizer since the last update()');
    if (stage === 'stepped') throw new ArgumentError('unscale_() is being called after step()');
    const scale = this.#started('unscale_');
    const gradients = byDevice(optimizer);
    const found = new Map<Device, Tensor>();
    noGrad(() =>
      tidy(() => {
        const inverse = scale.to('float64').reciprocal().to('float32');
        for (const [device, lists] of gradients) {
          const infinite = keep(F.full([], 0, { dtype: 'float32', device }));
          for (const list of lists.values()) {
            ops.aten._amp_foreach_non_finite_check_and_unscale_(list, infinite, inverse.to(device));
          }
          found.set(device, infinite);
        }
      }),
    );
    this.#steps.set(optimizer, { stage: 'unscaled', found });
  }

  /** Unscales if that was not done yet, and steps unless a gradient is infinite or NaN. Returns whether it stepped. */
  step(optimizer: AnyOptimizer): boolean {
    return this.stepBy(optimizer, () => optimizer.step());
  }

  /** @internal The same, with `run` as the optimizer's step. */
  stepBy(optimizer: AnyOptimizer, run: () => unknown): boolean {
    if (!this.#enabled) {
      run();
      return true;
    }
    if (this.#steps.get(optimizer)?.stage === 'stepped')
      throw new ArgumentError('step() has already been called since the last update()');
    if (!this.#steps.has(optimizer)) this.unscale_(optimizer);
    const steps = this.#steps.get(optimizer) as Steps;
    if (steps.found.size === 0)
      throw new ArgumentError('Expected an optimizer with gradients for step() but received one without any');
    const finite = tidy(() => [...steps.found.values()].every((infinite) => infinite.item() === 0));
    if (finite) run();
    steps.stage = 'stepped';
    return finite;
  }

  /** Adapts the scale once all optimizers stepped; `newScale` sets it. */
  update(newScale?: number): void {
    if (!this.#enabled) return;
    const scale = this.#started('update');
    if (newScale !== undefined) {
      if (!(newScale > 0 && newScale < Infinity)) throw expected('a positive number', 'newScale', newScale);
      scale.fill_(newScale);
    } else {
      const found = [...this.#steps.values()].flatMap((steps) => [...steps.found.values()]);
      if (found.length === 0)
        throw new ArgumentError('Expected a step or unscale_() before update() but received none');
      tidy(() => {
        const total = found.map((each) => each.to(scale.device)).reduce((sum, each) => sum.add(each));
        ops.aten._amp_update_scale_(
          scale,
          this.#tracker as Tensor,
          total,
          this.#growthFactor,
          this.#backoffFactor,
          this.#growthInterval,
        );
      });
    }
    this.#forgetSteps();
  }

  stateDict(): GradScalerState {
    if (!this.#enabled) return {};
    return {
      scale: this.getScale(),
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: this.#tracker === undefined ? this.#initTracker : this.#tracker.item(),
    };
  }

  loadStateDict(state: GradScalerState): void {
    if (!this.#enabled) return;
    const number = (name: keyof GradScalerState): number => {
      const value = state?.[name];
      if (typeof value !== 'number') throw expected('a number', `state.${name}`, value);
      return value;
    };
    const scale = number('scale');
    const tracker = number('_growth_tracker');
    this.#growthFactor = number('growth_factor');
    this.#backoffFactor = number('backoff_factor');
    this.#growthInterval = number('growth_interval');
    this.#initScale = scale;
    this.#initTracker = tracker;
    this.#scale?.fill_(scale);
    this.#tracker?.fill_(tracker);
  }

  /** Frees its tensors; it begins anew from where it was. */
  dispose(): void {
    const { scale = this.#initScale, _growth_tracker = 0 } = this.stateDict();
    this.#initScale = scale;
    this.#initTracker = _growth_tracker;
    this.#forgetSteps();
    this.#scale?.dispose();
    this.#tracker?.dispose();
    this.#scale = this.#tracker = undefined;
  }

  #start(device: Device): void {
    if (this.#scale !== undefined) return;
    if (!device.startsWith(this.#device)) throw expected(`a tensor on ${this.#device}`, 'outputs', device);
    this.#scale = keep(F.full([], this.#initScale, { dtype: 'float32', device }));
    this.#tracker = keep(F.full([], this.#initTracker, { dtype: 'int32', device }));
  }

  #started(method: string): Tensor {
    if (this.#scale === undefined)
      throw new ArgumentError(`Expected scale() to be called before ${method}()`);
    return this.#scale;
  }

  #forgetSteps(): void {
    for (const { found } of this.#steps.values()) for (const tensor of found.values()) tensor.dispose();
    this.#steps = new Map();
  }
}

/** The gradients of an optimizer by device, and on each by dtype. */
function byDevice(optimizer: AnyOptimizer): Map<Device, Map<string, Tensor[]>> {
  const devices = new Map<Device, Map<string, Tensor[]>>();
  for (const { params } of optimizer.paramGroups) {
    for (const { grad } of params) {
      if (grad === null) continue;
      if (grad.dtype === 'float16') throw new ArgumentError('Attempting to unscale FP16 gradients.');
      const dtypes = devices.get(grad.device) ?? new Map<string, Tensor[]>();
      devices.set(grad.device, dtypes);
      const list = dtypes.get(grad.dtype);
      if (list === undefined) dtypes.set(grad.dtype, [grad]);
      else list.push(grad);
    }
  }
  return devices;
}
