/** Student's paired t-test, two-sided. */

export interface TestResult {
  /** t of a t-test; the mean difference of a randomisation test. */
  readonly statistic: number;
  /** How probable a difference at least as far from 0 is where there is none. */
  readonly p: number;
}

/**
 * Tests whether paired differences have mean 0.
 *
 * @param differences at least two; where their mean is 0, p is 1, and where all are one other number, 0
 */
export function pairedTTest(differences: readonly number[]): TestResult {
  const n = differences.length;
  const mean = differences.reduce((sum, each) => sum + each, 0) / n;
  const squares = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  if (mean === 0) return { statistic: 0, p: 1 };
  const statistic = mean / Math.sqrt(squares / (n - 1) / n);
  return { statistic, p: studentTail(statistic, n - 1) };
}

/** The probability of a |T| of at least |t| under Student's distribution. */
export function studentTail(t: number, freedom: number): number {
  if (!Number.isFinite(t)) return 0;
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** The regularised incomplete beta function I_x(a, b) (DLMF 8.17). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below this point; above it, that of the other tail does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  return (Math.exp(front) / a) * betaFraction(x, a, b);
}

const TINY = 1e-300;

/** The continued fraction of DLMF 8.17.22, by the method of Lentz. */
function betaFraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let [c, d] = [1, 1 / away(1 - ((a + b) * x) / (a + 1))];
  let value = d;
  let change = 0;
  for (let m = 1; m <= 10_000 && Math.abs(change - 1) > 1e-15; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      change = c * d;
      value *= change;
    }
  }
  return value;
}

/** ln Γ(x) of a positive number: Stirling's series, shifted to where it is exact to the last digits. */
export function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 15; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / z;
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}
