/**
 * Histograms in TensorBoard's way: the same buckets for everybody, a tenth wider from one to the next.
 */

export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** Where each bucket ends, which is where the next one begins. */
  readonly bucketLimits: readonly number[];
  readonly buckets: readonly number[];
}

/** Between 1e-12 and 1e20 on both sides of 0. */
const LIMITS = bucketLimits();

/**
 * Counts values into buckets. Empty buckets side by side are given as one, and the first one is empty: it says where the
 * second begins. A value on a limit belongs to the bucket above it.
 *
 * @returns undefined where no value is finite; those that are not finite are not counted
 */
export function histogramOf(values: readonly number[]): Histogram | undefined {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const value of finite) {
    const bucket = bucketOf(value);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  const limits: number[] = [];
  const buckets: number[] = [];
  let last: number | undefined;
  for (const bucket of [...counts.keys()].sort((a, b) => a - b)) {
    if (bucket - 1 !== last) {
      limits.push(LIMITS[bucket - 1] as number);
      buckets.push(0);
    }
    limits.push(LIMITS[bucket] as number);
    buckets.push(counts.get(bucket) as number);
    last = bucket;
  }
  return {
    min: finite.reduce((least, value) => Math.min(least, value)),
    max: finite.reduce((most, value) => Math.max(most, value)),
    num: finite.length,
    sum: finite.reduce((sum, value) => sum + value, 0),
    sumSquares: finite.reduce((sum, value) => sum + value * value, 0),
    bucketLimits: limits,
    buckets,
  };
}

/** Number of the first limit above a value; what is beyond all limits is in the outermost bucket. */
function bucketOf(value: number): number {
  let low = 1;
  let high = LIMITS.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < (LIMITS[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bucketLimits(): readonly number[] {
  const positive: number[] = [];
  for (let limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push(limit);
  return [...positive.map((limit) => -limit).reverse(), 0, ...positive];
}
