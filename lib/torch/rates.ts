/**
 * Numbers of an optimizer's update that change from step to step. In a tape (see native/tape.h) they have places of
 * their own, and are computed anew for each run, from the count of steps and the learning rate of then.
 */

/** A number on its way to an operator of a tape. */
export class Rate {
  readonly #isRate = true;
  readonly value: number;
  /** Among the rates of the tape. */
  readonly place: number;

  constructor(value: number, place: number) {
    this.value = value;
    this.place = place;
  }

  static is(value: object): value is Rate {
    return #isRate in value;
  }
}

/** How a number follows. */
export interface Rated {
  /** Whose learning rate; null counts as 0. */
  readonly group: { readonly lr: number | null };
  /** Whose count of steps, where one matters. */
  readonly state: Readonly<Record<string, unknown>> | undefined;
  readonly compute: (step: number, lr: number) => number;
}

/** The rates of an update. */
export class Rates {
  readonly #all: Rated[] = [];

  /** How many they are. */
  get width(): number {
    return this.#all.length;
  }

  /** One more, with its number of now. */
  note(rated: Rated): Rate {
    return new Rate(numberOf(rated, 0), this.#all.push(rated) - 1);
  }

  /** Their numbers once so many more steps are counted, at the learning rates of now. */
  after(steps: number): number[] {
    return this.#all.map((rated) => numberOf(rated, steps));
  }
}

function numberOf({ group, state, compute }: Rated, ahead: number): number {
  const step = typeof state?.step === 'number' ? state.step : 0;
  return compute(step + ahead, group.lr ?? 0);
}
