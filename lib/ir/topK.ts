import { BestHits, type Hit } from './bestHits.ts';

/**
 * The k highest scores, best first; equal scores keep the order of their documents. NaN is never returned.
 *
 * @param scores one score a document
 * @param k how many to return at most
 * @param above only scores greater than this, default −∞
 */
export function topK(scores: ArrayLike<number>, k: number, above = -Infinity): Hit[] {
  const best = new BestHits(k, (a, b) => a - b);
  for (let doc = 0; doc < scores.length; doc++) {
    const score = scores[doc] as number;
    if (score > above) best.offer(doc, score);
  }
  return best.sorted();
}
