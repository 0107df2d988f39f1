/** What a side of the comparison measures of itself. */

export interface Latency {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export function timed(queries: readonly string[], search: (query: string) => unknown): Latency {
  const times = queries
    .map((query) => {
      const begun = performance.now();
      search(query);
      return performance.now() - begun;
    })
    .sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * times.length)] as number;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The longest time, in milliseconds, in which a timer of 1 ms had no turn. */
export function longestBlock(): () => number {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

export function tell(figures: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify(figures));
}
