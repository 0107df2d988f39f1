/**
 * `measure.ts WHAT NAME STEPS THREADS [eager]`: a whole process that trains what NAME says, and prints what was asked for.
 * `losses`: of every step, and warnings; `peak`: the last loss, and the most memory it had; `lag`: milliseconds beyond one
 * that a timer of one millisecond waited; `wait`: the share of the time in which nothing was computed, as the next batch was
 * not there; `first`: how many of the later steps are made in the time of the first ones; `pace`: of the later ones, steps a
 * second, milliseconds computed for each by all threads together, and the lag.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Learner, LearnerEvent, RunOptions } from '../../lib/learning/index.ts';
import { setNumThreads } from '../../lib/torch/index.ts';
import { SETTLED } from '../runner/cases.ts';
import { newLearner } from './learners.ts';
import { peakBytes } from './peak.mjs';

type Figures = Readonly<Record<string, unknown>>;

/** What is trained, and how. */
type Prepared = readonly [learner: Learner, options: RunOptions];

const measures: Readonly<Record<string, (prepared: Prepared) => Promise<Figures>>> = {
  async losses(prepared) {
    const losses: number[] = [];
    const warnings: string[] = [];
    await train(prepared, (event) => {
      if (event.type === 'step') losses.push(event.metrics.get('loss') as number);
      if (event.type === 'warning') warnings.push(event.message);
    });
    return { losses, warnings };
  },
  async peak(prepared) {
    let loss = Number.NaN;
    await train(prepared, (event) => {
      if (event.type === 'step') loss = event.metrics.get('loss') as number;
    });
    return { loss, peakBytes: peakBytes() };
  },
  async lag(prepared) {
    const lag = startLag();
    await train(prepared, () => {});
    return lag();
  },
  async wait(prepared) {
    const waits: number[] = [];
    await train(prepared, (event) => {
      if (event.type === 'epoch') waits.push(event.dataWait as number);
    });
    return { share: (100 * waits.reduce((sum, wait) => sum + wait, 0)) / waits.length };
  },
  async first(prepared) {
    const times = [performance.now()];
    await train(prepared, (event) => {
      if (event.type === 'step') times.push(performance.now());
    });
    const [start, settled, end] = [0, SETTLED, times.length - 1].map((step) => times[step] as number);
    const later = (end - settled) / (times.length - 1 - SETTLED);
    return { worth: (settled - start) / later };
  },
  async pace(prepared) {
    const now = () => ({ clock: performance.now(), cpu: process.cpuUsage(), lag: startLag() });
    let settled: ReturnType<typeof now> | undefined;
    let steps = -SETTLED;
    await train(prepared, (event) => {
      if (event.type === 'step' && ++steps === 0) settled = now();
    });
    if (settled === undefined) throw new Error(`Expected more than ${SETTLED} steps`);
    const { user, system } = process.cpuUsage(settled.cpu);
    const seconds = (performance.now() - settled.clock) / 1000;
    return { stepsPerSecond: steps / seconds, cpu: (user + system) / 1000 / steps, ...settled.lag() };
  },
};

/** Gives the lag until then, in milliseconds. */
function startLag(): () => { median: number; p99: number; most: number } {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  return () => {
    delay.disable();
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - 1);
    return { median: late(delay.percentile(50)), p99: late(delay.percentile(99)), most: late(delay.max) };
  };
}

async function train([learner, options]: Prepared, read: (event: LearnerEvent) => void): Promise<void> {
  await learner.run({ ...options, progress: read });
}

/** Memory is measured without the modules of the demo. */
async function prepare(name: string, steps: number, compile: boolean): Promise<Prepared> {
  if (name !== 'demo') return [newLearner(name, steps, { compile }), {}];
  const { demoLearner } = await import('./demo.ts');
  return demoLearner(steps);
}

const [what = '', name = '', steps, threads, eager] = process.argv.slice(2);
const measure = measures[what];
if (measure === undefined) throw new Error(`no measure ${what}`);
setNumThreads(Number(threads));
console.log(JSON.stringify(await measure(await prepare(name, Number(steps), eager === undefined))));
