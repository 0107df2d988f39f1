/** Parameters behind a name of trec_eval's: `P.5,10`, `utility.1,-1,0,0`, `ndcg.1=3.5,2=9`. */
import { ArgumentError, expected } from '../../../errors.ts';

/** Numbers as C reads them: what follows a number is left out. */
function numbers(measure: string, text: string): number[] {
  return text.split(',').map((each) => {
    const value = Number.parseFloat(each);
    if (!Number.isFinite(value))
      throw expected('numbers with commas between', `parameters of ${measure}`, text);
    return value;
  });
}

/** Ascending, each once. */
function ascending(measure: string, values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const twice = sorted.find((value, i) => value === sorted[i - 1]);
  if (twice !== undefined) throw new ArgumentError(`Cutoff ${twice} of ${measure} is there twice`);
  return sorted;
}

/** Ranks, ascending; fractions are cut off. @throws ArgumentError for ranks below 1 and for one that is there twice */
export function cutoffs(measure: string, text: string): number[] {
  const ranks = numbers(measure, text).map(Math.trunc);
  if (ranks.some((rank) => rank < 1))
    throw expected('cutoffs of at least 1', `parameters of ${measure}`, text);
  return ascending(measure, ranks);
}

/** Shares or multiples, ascending. @throws ArgumentError for one that is there twice */
export function shares(measure: string, text: string): number[] {
  return ascending(measure, numbers(measure, text));
}

/** A fixed number of numbers, or at least one where `count` is undefined. */
export function list(measure: string, text: string, count?: number): number[] {
  const values = numbers(measure, text);
  if (count !== undefined && values.length !== count)
    throw expected(`${count} numbers with commas between`, `parameters of ${measure}`, text);
  return values;
}

/** What stands before = by what stands behind it. */
export function pairs(measure: string, text: string): Map<string, number> {
  return new Map(
    text.split(',').map((pair) => {
      const [name, value, ...more] = pair.split('=');
      if (!name || value === undefined || more.length > 0)
        throw expected('pairs such as 1=3.5,2=9', `parameters of ${measure}`, text);
      return [name, numbers(measure, value)[0] as number];
    }),
  );
}
