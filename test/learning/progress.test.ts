import { describe, expect, test } from '@jest/globals';
import { type LearnerEvent, type ProgressOptions, progress } from '../../lib/learning/index.ts';
import { reportTo } from '../../lib/learning/progress.ts';

/** Tells a run of two epochs with two steps each of a quarter of a second, and gives what was written. */
function tell(
  options: ProgressOptions & { readonly isTTY?: boolean; readonly columns?: number } = {},
): string {
  const { isTTY = false, columns = 200, ...more } = options;
  let written = '';
  let now = 0;
  const write = (text: string): void => {
    written += text;
  };
  const stream = { isTTY, columns, write };
  const read = progress({ stream, now: () => now, ...more });
  const events: LearnerEvent[] = [
    { type: 'warning', message: 'a "bias" is not trained' },
    { type: 'start', maxEpochs: 2, stepsPerEpoch: 2, state: { epoch: 0, steps: 0 } },
  ];
  for (const epoch of [1, 2]) {
    for (const steps of [2 * epoch - 1, 2 * epoch]) {
      const metrics = new Map([
        ['loss', 1 / steps],
        ['gradient/scheduler/1/1', 1e-3],
      ]);
      events.push({ type: 'step', state: { epoch, steps }, metrics, samples: 16 });
    }
    const state = { epoch, steps: 2 * epoch };
    events.push({ type: 'epoch', state, metrics: new Map([['loss', 0.75 / epoch]]) });
    events.push({
      type: 'validation',
      listener: 'val',
      state,
      metrics: new Map([['RR@10', 0.5]]),
      values: new Map(),
      improved: new Set(epoch === 1 ? ['RR@10'] : []),
    });
  }
  events.push({
    type: 'end',
    state: { epoch: 2, steps: 4 },
    failed: false,
    reason: 'finished',
    metrics: new Map(),
  });
  for (const event of events) {
    if (event.type === 'step') now += 250;
    read(event);
  }
  return written;
}

describe('progress', () => {
  test('writes key=value lines where there is no terminal', () => {
    expect(tell({ beside: () => ({ 'BM25 RR@10': 0.25 }) }).split('\n')).toEqual([
      'warning message="a \\"bias\\" is not trained"',
      // The first step after a quarter of a second: three more are left.
      'step epoch=1/2 step=1/4 loss=1.000 left_s=1',
      'epoch epoch=1/2 step=2/4 loss=0.7500',
      'validation listener=val epoch=1/2 step=2/4 RR@10=0.5000 BM25_RR@10=0.2500 best=RR@10',
      'epoch epoch=2/2 step=4/4 loss=0.3750',
      'validation listener=val epoch=2/2 step=4/4 RR@10=0.5000 BM25_RR@10=0.2500',
      '',
    ]);
  });

  test('keeps one line in place on a terminal, and lets validations stand', () => {
    const erase = '\r\x1b[2K';
    expect(tell({ isTTY: true }).split(erase)).toEqual([
      '',
      'warning: a "bias" is not trained\n',
      'epoch 1/2  step 1/4  loss 1.000  0:01 left',
      // A tenth of the new loss; four steps a second.
      'epoch 1/2  step 2/4  loss 0.9500  steps/s 4.0  0:01 left',
      '',
      'epoch 1/2  loss 0.9500  RR@10 0.5000*\n',
      'epoch 2/2  step 3/4  loss 0.8883  steps/s 4.0  0:00 left',
      'epoch 2/2  step 4/4  loss 0.8245  steps/s 4.0  0:00 left',
      '',
      'epoch 2/2  loss 0.8245  RR@10 0.5000\n',
      '',
    ]);
  });

  test('never breaks into a second line', () => {
    const lines = tell({ isTTY: true, columns: 30 })
      .split('\r\x1b[2K')
      .filter((line) => line.includes('step'));
    expect(lines.map((line) => line.length)).toEqual([29, 29, 29, 29]);
  });

  test('leaves out what there is no room for, but neither the speed nor the time left', () => {
    let written = '';
    const write = (text: string) => {
      written = text;
    };
    for (const [columns, values] of [
      [60, 'a 1.000  '],
      [0, 'a 1.000  b 1.000  c 1.000  '],
    ] as const) {
      let now = 0;
      const read = progress({ stream: { isTTY: true, columns, write }, now: () => now });
      read({ type: 'start', maxEpochs: 1, stepsPerEpoch: 4, state: { epoch: 0, steps: 0 } });
      for (const steps of [1, 2]) {
        now += 500;
        const metrics = new Map([...'abc'].map((key) => [key, 1]));
        read({ type: 'step', state: { epoch: 1, steps }, metrics, samples: 1 });
      }
      expect(written).toBe(`\r\x1b[2Kepoch 1/1  step 2/4  ${values}steps/s 2.0  0:01 left`);
    }
  });

  test('a terminal keeps the last epoch where no validation told it', () => {
    const lines: string[] = [];
    const write = (text: string) => lines.push(text);
    const read = progress({ stream: { isTTY: true, columns: 80, write } });
    const state = { epoch: 1, steps: 1 };
    read({ type: 'start', maxEpochs: 1, stepsPerEpoch: 1, state: { epoch: 0, steps: 0 } });
    read({ type: 'step', state, metrics: new Map([['loss', 0.5]]), samples: 1 });
    read({ type: 'epoch', state, metrics: new Map([['loss', 0.5]]) });
    read({ type: 'end', state, failed: false, reason: 'finished', metrics: new Map() });
    expect(lines.at(-1)).toBe('\r\x1b[2Kepoch 1/1  step 1/1  loss 0.5000\n');
  });

  test('quiet leaves warnings only', () => {
    expect(tell({ quiet: true })).toBe('warning message="a \\"bias\\" is not trained"\n');
  });

  test('estimates what is left from the steps of this process, tells restarts, and why a run ended early', () => {
    let written = '';
    let now = 0;
    const write = (text: string): void => {
      written += text;
    };
    const stream = { write };
    const read = progress({ stream, now: () => now });
    const state = { epoch: 3, steps: 201 };
    read({ type: 'start', maxEpochs: 4, stepsPerEpoch: 100, state: { epoch: 2, steps: 200 } });
    read({ type: 'restart', state, message: 'memory ran out' });
    now = 2000;
    read({ type: 'step', state, metrics: new Map(), samples: 1 });
    read({ type: 'end', state, failed: false, reason: 'stopped', metrics: new Map() });
    expect(written.split('\n')).toEqual([
      'restart message="memory ran out"',
      // Two seconds for one step, and 199 of them are left.
      'step epoch=3/4 step=201/400 left_s=398',
      'end reason=stopped epoch=3/4 step=201/400',
      '',
    ]);
  });
});

describe('reportTo', () => {
  test('reports all of the run, and inside that the epoch', () => {
    const reported: unknown[] = [];
    const read = reportTo((...given) => reported.push(given));
    read({ type: 'start', maxEpochs: 4, stepsPerEpoch: 8, state: { epoch: 1, steps: 8 } });
    read({ type: 'step', state: { epoch: 2, steps: 10 }, metrics: new Map(), samples: 1 });
    read({ type: 'warning', message: 'nothing of it' });
    expect(reported).toEqual([
      [0.25, { description: 'epoch 1/4' }],
      [1, { level: 1, description: 'step 8/8' }],
      [10 / 32, { description: 'epoch 2/4' }],
      [0.25, { level: 1, description: 'step 2/8' }],
    ]);
  });
});
