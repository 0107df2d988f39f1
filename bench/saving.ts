/**
 * `node --import tsx bench/saving.ts [ROUNDS] [EPOCHS]`: what it costs to save every epoch of the demo's training, without its
 * validation: the time of a run that does over that of one which saves at its end only, in alternating processes. The first
 * two epochs, in which steps are made both ways and memory is fresh, do not count.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setNumThreads } from '../lib/torch/index.ts';
import { demoLearner } from './ours/demo.ts';

const SETTLED = 2;
const [first = '5', second = '8'] = process.argv.slice(2);

async function train(interval: number, epochs: number): Promise<void> {
  setNumThreads(1);
  const [learner, options] = demoLearner(epochs);
  Object.defineProperties(learner, { checkpointInterval: { value: interval }, listeners: { value: [] } });
  const ends: number[] = [];
  await learner.run({
    ...options,
    progress: ({ type }) => {
      if (type === 'epoch') ends.push(performance.now());
    },
  });
  process.send?.({ seconds: ((ends.at(-1) as number) - (ends[SETTLED - 1] as number)) / 1000 });
  process.disconnect();
}

async function measure(interval: number, epochs: string): Promise<number> {
  const child = fork(fileURLToPath(import.meta.url), ['--train', `${interval}`, epochs]);
  const [{ seconds }] = (await once(child, 'message')) as [{ seconds: number }];
  await once(child, 'exit');
  return seconds;
}

if (first === '--train') await train(Number(second), Number(process.argv[4]));
else {
  const costs: number[] = [];
  const epochs = Number(second) - SETTLED;
  for (let round = 0; round < Number(first); round++) {
    const order = round % 2 === 0 ? [1, 1000] : [1000, 1];
    const seconds = new Map<number, number>();
    for (const interval of order) seconds.set(interval, await measure(interval, second));
    const [saving, none] = [seconds.get(1) as number, seconds.get(1000) as number];
    costs.push(saving / none - 1);
    console.log(
      `${(saving / epochs).toFixed(3)} s an epoch saved, ${(none / epochs).toFixed(3)} s without: ${(100 * costs.at(-1)!).toFixed(1)} %`,
    );
  }
  const median = costs.sort((a, b) => a - b)[costs.length >> 1] as number;
  console.log(`median of ${costs.length}: ${(100 * median).toFixed(1)} %`);
}
