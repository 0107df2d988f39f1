/**
 * The best k of many scores.
 */

/** A document, by its number in the index, and its score. */
export interface Hit {
  readonly doc: number;
  readonly score: number;
}

/**
 * The k highest scores, best first; equal scores keep the order of their documents. NaN is never returned.
 *
 * @param scores one score a document
 * @param k how many to return at most
 * @param above only scores greater than this, default −∞
 */
export function topK(scores: ArrayLike<number>, k: number, above = -Infinity): Hit[] {
  // A binary heap whose root is the worst kept: O(n log k) and no sort of the whole.
  const heap: Hit[] = [];
  for (let doc = 0; doc < scores.length; doc++) {
    const score = scores[doc] as number;
    if (!(score > above)) continue;
    const hit = { doc, score };
    if (heap.length < k) {
      heap.push(hit);
      siftUp(heap);
    } else if (k > 0 && isWorse(heap[0] as Hit, hit)) {
      heap[0] = hit;
      siftDown(heap);
    }
  }
  return heap.sort((a, b) => (isWorse(a, b) ? 1 : -1));
}

function isWorse(a: Hit, b: Hit): boolean {
  return a.score < b.score || (a.score === b.score && a.doc > b.doc);
}

function siftUp(heap: Hit[]): void {
  let i = heap.length - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!isWorse(heap[i] as Hit, heap[parent] as Hit)) return;
    swap(heap, i, parent);
    i = parent;
  }
}

function siftDown(heap: Hit[]): void {
  let i = 0;
  for (;;) {
    let worst = i;
    for (const child of [2 * i + 1, 2 * i + 2]) {
      if (child < heap.length && isWorse(heap[child] as Hit, heap[worst] as Hit)) worst = child;
    }
    if (worst === i) return;
    swap(heap, i, worst);
    i = worst;
  }
}

function swap(heap: Hit[], i: number, j: number): void {
  const hit = heap[i] as Hit;
  heap[i] = heap[j] as Hit;
  heap[j] = hit;
}
