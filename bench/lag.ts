/**
 * How late the event loop is while a Learner trains: `node --import tsx bench/lag.ts`. Milliseconds beyond one that a
 * timer of one millisecond waits, compiled and as ever, on one thread of libtorch.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setNumThreads } from '../lib/torch/index.ts';
import { newLearner } from './ours/learners.ts';

const CASES = [
  ['mlp', 20_000],
  ['cross-encoder', 30],
] as const;

setNumThreads(1);
for (const [name, steps] of CASES) {
  for (const compile of [true, false]) {
    const learner = newLearner(name, steps, compile);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await learner.run({ progress: false });
    delay.disable();
    const [p50, p99, most] = [delay.percentile(50), delay.percentile(99), delay.max].map((nanoseconds) =>
      Math.max(0, nanoseconds / 1e6 - 1).toFixed(2),
    );
    console.log(
      `${name} ${compile ? 'compiled' : 'as ever'}: median ${p50} ms, p99 ${p99} ms, most ${most} ms`,
    );
  }
}
