/** How much of an epoch's time is waiting for batches. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type LearnerEvent, Sampler, SkippingIterator } from '../../lib/learning/index.ts';
import { type Batch, collated, NetTrainer, newLearner } from './compiledNet.ts';
import { EXAMPLES, type Example } from './toy.ts';

const MILLISECONDS = 20;

/** Takes its time for every record. */
class Slow extends Sampler<Example> {
  iterate() {
    return new SkippingIterator(async function* () {
      for (const example of EXAMPLES) {
        await sleep(MILLISECONDS);
        yield example;
      }
    });
  }
}

/** Takes as long to put a batch together, and keeps the event loop meanwhile. */
class Busy extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const until = performance.now() + records.length * MILLISECONDS;
    while (performance.now() < until);
    return collated(records);
  }
}

async function dataWaits(trainer: NetTrainer, compile: boolean): Promise<number[]> {
  const waits: number[] = [];
  const progress = (event: LearnerEvent) => {
    if (event.type === 'epoch') waits.push(event.dataWait as number);
  };
  await newLearner({ trainer: () => trainer }, compile, 3).run({ progress });
  return waits;
}

describe('epochs tell which share of their time they waited for batches', () => {
  test.each([true, false])('nearly all of it where records come slowly, compiled %s', async (compile) => {
    const waits = await dataWaits(new NetTrainer({ batchSize: 4, sampler: new Slow() }), compile);
    expect(waits).toHaveLength(3);
    for (const wait of waits.slice(1)) {
      expect(wait).toBeGreaterThan(0.7);
      expect(wait).toBeLessThanOrEqual(1);
    }
  });

  test('also where putting them together keeps the event loop, and steps are computed beside it', async () => {
    const waits = await dataWaits(new Busy(), true);
    for (const wait of waits.slice(1)) expect(wait).toBeGreaterThan(0.7);
  });

  test('little of it where they are there', async () => {
    const [, ...waits] = await dataWaits(new NetTrainer(), false);
    for (const wait of waits) expect(wait).toBeLessThan(0.5);
  });
});
