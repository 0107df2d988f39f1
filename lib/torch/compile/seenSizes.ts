/** Which sizes there were, each at its place, and how they were to each other. */

export class SeenSizes {
  readonly #values: Set<number>[] = [];
  readonly #equal = new Set<number>();
  /** Of each quantity: code branches on a length, and on sums, products and comparisons of two. */
  readonly #least: number[] = [];
  readonly #most: number[] = [];

  add(sizes: readonly number[]): void {
    for (const [i, size] of sizes.entries()) {
      this.#values[i] ??= new Set();
      this.#values[i]?.add(size);
    }
    for (const [i, quantity] of quantitiesOf(sizes).entries()) {
      this.#least[i] = Math.min(this.#least[i] ?? Number.POSITIVE_INFINITY, quantity);
      this.#most[i] = Math.max(this.#most[i] ?? Number.NEGATIVE_INFINITY, quantity);
    }
    for (const pair of equalPairs(sizes)) this.#equal.add(pair);
  }

  /** @param between whether sizes between those that were there count as seen; not 0 and 1, which are cases of their own */
  covers(sizes: readonly number[], between: boolean): boolean {
    const isSeen = (size: number, i: number) => (between && size > 1) || this.#values[i]?.has(size) === true;
    return (
      sizes.every(isSeen) && this.spans(sizes) && equalPairs(sizes).every((pair) => this.#equal.has(pair))
    );
  }

  /** Whether all quantities lie between those that were there. */
  spans(sizes: readonly number[]): boolean {
    return quantitiesOf(sizes).every(
      (quantity, i) => quantity >= (this.#least[i] as number) && quantity <= (this.#most[i] as number),
    );
  }

  /** Whether some sizes may lie between those of both. */
  meets(other: SeenSizes): boolean {
    return this.#least.every(
      (least, i) =>
        least <= (other.#most[i] as number) && (other.#least[i] as number) <= (this.#most[i] as number),
    );
  }
}

function quantitiesOf(sizes: readonly number[]): number[] {
  const quantities = [...sizes];
  for (const [i, a] of sizes.entries())
    for (const b of sizes.slice(0, i)) quantities.push(a + b, a - b, a * b);
  return quantities;
}

function equalPairs(sizes: readonly number[]): number[] {
  const pairs: number[] = [];
  for (let i = 0; i < sizes.length; i++)
    for (let j = 0; j < i; j++) if (sizes[i] === sizes[j]) pairs.push(i * sizes.length + j);
  return pairs;
}
