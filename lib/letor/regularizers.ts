/**
 * Hooks that keep vectors sparse.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { float, int } from '../experiment/types.ts';
import type { TrainerContext } from '../learning/context.ts';
import { tensor } from '../torch/factories.ts';
import { keep } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { DualVectorListener } from './dual.ts';

/**
 * Adds the loss `flops`, λ_q · FLOPS(topics) + λ_d · FLOPS(documents), where FLOPS of N vectors is Σⱼ (Σᵢ |wᵢⱼ| / N)²: a
 * smooth stand-in for how many products a sparse index computes (Paria et al., "Minimizing FLOPs to Learn Efficient
 * Sparse Representations", 2020; Formal et al., "SPLADE", 2021).
 *
 * Metrics: `flops_q` and `flops_d`, without λ; `sparsity_q` and `sparsity_d`, the share of entries that are 0.
 */
export class FlopsRegularizer extends config(
  import.meta,
  'xpmir.neural.dual.FlopsRegularizer',
  {
    /** λ_q, of topics. */
    lambdaQ: param(float),
    /** λ_d, of documents. */
    lambdaD: param(float),
  },
  DualVectorListener,
) {
  override vectors(context: TrainerContext, topics: Tensor, documents: Tensor): void {
    const [q, d] = [flops(topics), flops(documents)];
    context.addLoss('flops', this.weighted(q, d));
    for (const [side, value, vectors] of [
      ['q', q, topics],
      ['d', d, documents],
    ] as const) {
      const count = vectors.shape[0] as number;
      context.addMetric(`flops_${side}`, value.detach(), count);
      context.addMetric(`sparsity_${side}`, vectors.detach().eq(0).to('float32').mean(), count);
    }
  }

  /** λ_q · q + λ_d · d, with λ of this step. */
  protected weighted(q: Tensor, d: Tensor): Tensor {
    return q.mul(this.lambdaQ).add(d.mul(this.lambdaD));
  }
}

/** A FlopsRegularizer whose λ grows with the square of the step, from a least one up to its own. */
export class ScheduledFlopsRegularizer extends config(
  import.meta,
  'xpmir.neural.dual.ScheduledFlopsRegularizer',
  {
    minLambdaQ: param(float, { default: 0 }),
    minLambdaD: param(float, { default: 0 }),
    /** Step of the run, from 1, from which on λ is its own: before, it is min + (λ − min) · (step / steps)². */
    lambdaWarmupSteps: param(int),
  },
  FlopsRegularizer,
) {
  /** λ_q and λ_d: a tensor, so that steps whose operators were written down take that of now. */
  #now: Tensor | undefined;

  override validate(): void {
    super.validate();
    if (this.lambdaWarmupSteps < 1)
      throw wrong('lambdaWarmupSteps', 'a positive integer', this.lambdaWarmupSteps);
  }

  override before({ state, device }: TrainerContext): void {
    const ramp = Math.min(1, state.steps / this.lambdaWarmupSteps) ** 2;
    const between = (least: number, most: number) => least + (most - least) * ramp;
    const lambdas = tensor(
      Float64Array.of(between(this.minLambdaQ, this.lambdaQ), between(this.minLambdaD, this.lambdaD)),
    );
    if (this.#now?.device === device) this.#now.copy_(lambdas);
    else this.#now = keep(lambdas.to(device));
  }

  protected override weighted(q: Tensor, d: Tensor): Tensor {
    // A loss that is measured outside of a run's steps is that at the end of the ramp.
    if (this.#now === undefined) return super.weighted(q, d);
    const now = this.#now.to(q.dtype);
    return q.mul(now.select(0, 0)).add(d.mul(now.select(0, 1)));
  }
}

/** FLOPS of `[N, D]`. */
function flops(vectors: Tensor): Tensor {
  return vectors.abs().mean([0]).square().sum();
}
