/** What the computation of a part gives, and what is told of it. */
import type { Tensor } from '../torch/tensor.ts';
import type { AddedMetric, Loss } from './context.ts';

/** What the computation of a part gave. */
export interface Computed {
  readonly losses: readonly Loss[];
  readonly metrics: readonly AddedMetric[];
  readonly total: Tensor;
}

/** What a tape tells: the names of its outputs, in their order. */
export interface Told {
  readonly losses: readonly string[];
  readonly metrics: readonly { readonly key: string; readonly count: number }[];
}

/** What a tape gives: the losses, their sum where there are several, metrics, and what is minimised. */
export function outputsOf({ losses, metrics, total }: Computed): Tensor[] {
  const told = metrics.map(({ value }) => value).filter((value) => typeof value !== 'number');
  const sum = losses.length > 1 ? [total] : [];
  return [...losses.map(({ value }) => value), ...sum, ...told, total];
}

/** The names of that, or why it cannot be told. */
export function toldBy({ losses, metrics }: Computed): Told | string {
  const number = metrics.find(({ value }) => typeof value === 'number');
  if (number !== undefined) return `adds metric ${number.key} as a number: give addMetric a scalar tensor`;
  return {
    losses: losses.map(({ name }) => name),
    metrics: metrics.map(({ key, count }) => ({ key, count })),
  };
}

export function lengthOf({ losses, metrics }: Told): number {
  return losses.length + (losses.length > 1 ? 1 : 0) + metrics.length + 1;
}
