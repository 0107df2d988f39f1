/** Corrections of p for how many hypotheses are tested at once. */

export type Correction = 'none' | 'bonferroni' | 'holm';

export const CORRECTIONS: Readonly<Record<Correction, (p: readonly number[]) => number[]>> = {
  none: (p) => [...p],
  bonferroni: (p) => p.map((each) => Math.min(1, each * p.length)),
  /** Holm 1979: the smallest times n, the next times n − 1 and so on, none smaller than one before it. */
  holm(p) {
    const corrected = new Array<number>(p.length);
    let least = 0;
    const ascending = [...p.keys()].sort((a, b) => (p[a] as number) - (p[b] as number));
    for (const [place, i] of ascending.entries()) {
      least = Math.max(least, Math.min(1, (p[i] as number) * (p.length - place)));
      corrected[i] = least;
    }
    return corrected;
  },
};
