/**
 * The best of many scored documents, without sorting them all.
 */

/** A document, by its number in the index, and its score. */
export interface Hit {
  readonly doc: number;
  readonly score: number;
}

/** Keeps the k best of what is offered: a binary heap whose root is the worst kept. */
export class BestHits {
  readonly #k: number;
  readonly #orderTies: (a: number, b: number) => number;
  readonly #heap: Hit[] = [];

  /** @param orderTies negative where, of two documents of equal score, the first is the better one */
  constructor(k: number, orderTies: (a: number, b: number) => number) {
    this.#k = k;
    this.#orderTies = orderTies;
  }

  /** Score below which nothing is kept any more; −∞ as long as there is room. */
  get floor(): number {
    if (this.#heap.length < this.#k) return Number.NEGATIVE_INFINITY;
    return this.#heap[0]?.score ?? Number.POSITIVE_INFINITY;
  }

  offer(doc: number, score: number): void {
    const heap = this.#heap;
    if (heap.length < this.#k) {
      heap.push({ doc, score });
      this.#siftUp();
    } else if (score >= this.floor) {
      const hit = { doc, score };
      if (!this.#isWorse(heap[0] as Hit, hit)) return;
      heap[0] = hit;
      this.#siftDown();
    }
  }

  /** All that is kept, best first. */
  sorted(): Hit[] {
    return [...this.#heap].sort((a, b) => (this.#isWorse(a, b) ? 1 : -1));
  }

  #isWorse(a: Hit, b: Hit): boolean {
    return a.score < b.score || (a.score === b.score && this.#orderTies(a.doc, b.doc) > 0);
  }

  #siftUp(): void {
    const heap = this.#heap;
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isWorse(heap[i] as Hit, heap[parent] as Hit)) return;
      swap(heap, i, parent);
      i = parent;
    }
  }

  #siftDown(): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      let worst = i;
      if (left < heap.length && this.#isWorse(heap[left] as Hit, heap[worst] as Hit)) worst = left;
      if (left + 1 < heap.length && this.#isWorse(heap[left + 1] as Hit, heap[worst] as Hit))
        worst = left + 1;
      if (worst === i) return;
      swap(heap, i, worst);
      i = worst;
    }
  }
}

function swap(heap: Hit[], i: number, j: number): void {
  const hit = heap[i] as Hit;
  heap[i] = heap[j] as Hit;
  heap[j] = hit;
}
