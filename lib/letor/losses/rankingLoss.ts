/**
 * What losses of rankers have in common.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { float } from '../../experiment/types.ts';

/** A loss over scores. Its value is a mean, so that it does not depend on the size of a batch. */
export abstract class RankingLoss extends config(import.meta, 'xpmir.letor.losses.RankingLoss', {
  /** What it counts among the losses of a trainer and of its hooks. */
  weight: param(float, { default: 1, ignoreDefault: true }),
}) {
  /** The name of its metric. */
  abstract get lossName(): string;
}
