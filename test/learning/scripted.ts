import { Evaluator, type MetricsPerItem, type TrainerContext } from '../../lib/learning/index.ts';
import { isGradEnabled } from '../../lib/torch/modes.ts';

/** Gives values by epoch, and notes how the model was when it was asked. */
export class Scripted extends Evaluator {
  readonly seen: string[] = [];
  readonly #values: Readonly<Record<string, readonly number[]>>;

  constructor(values: Readonly<Record<string, readonly number[]>>) {
    super();
    this.#values = values;
  }

  evaluate({ state, model }: TrainerContext): MetricsPerItem {
    this.seen.push(`${state.epoch} training=${model.training} grad=${isGradEnabled()}`);
    return new Map(
      Object.entries(this.#values).map(([name, values]) => [
        name,
        // Two items around the mean.
        new Map([
          ['a', values[state.epoch - 1]! - 1],
          ['b', values[state.epoch - 1]! + 1],
        ]),
      ]),
    );
  }
}
