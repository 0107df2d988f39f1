import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { JobProgress, readProgress, showProgress } from '../../lib/experiment/jobProgress.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('the progress of a job', () => {
  test('is written for changes of at least a hundredth, and at the end', async () => {
    const path = join(temporaryDirectory(), 'train.progress');
    const progress = new JobProgress(path);
    const seen: (number | undefined)[] = [];
    for (let i = 0; i <= 1000; i++) {
      progress.report(i / 1000, { description: `item ${i}` });
      await progress.settled();
      const fraction = readProgress(path)?.[0]?.fraction;
      if (fraction !== seen.at(-1)) seen.push(fraction);
    }
    expect(seen).toHaveLength(101);
    expect(seen.slice(0, 4)).toEqual([0, 0.01, 0.02, 0.03]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      version: 1,
      levels: [{ fraction: 1, description: 'item 1000' }],
    });
    const nearly = new JobProgress(path);
    for (const fraction of [0.995, 1]) {
      nearly.report(fraction);
      await nearly.settled();
    }
    expect(readProgress(path)).toEqual([{ fraction: 1, description: '' }]);
  });

  test('is nested: what an outer loop reports begins the inner ones anew', async () => {
    const path = join(temporaryDirectory(), 'train.progress');
    const { report, settled } = bound(new JobProgress(path));
    report(0.5, { description: 'epoch 1/2' });
    report(0.25, { level: 1, description: 'step 1/4' });
    report(0.1, { level: 7 });
    await settled();
    expect(showProgress(readProgress(path))).toBe('50% epoch 1/2, 25% step 1/4, 10%');
    report(0.75, { level: 1, description: 'step 3/4' });
    await settled();
    expect(showProgress(readProgress(path))).toBe('50% epoch 1/2, 75% step 3/4');
    report(1, { description: 'epoch 2/2' });
    await settled();
    expect(readProgress(path)).toEqual([{ fraction: 1, description: 'epoch 2/2' }]);
    // Less than a hundredth more in the outer loop, and the inner one from its beginning.
    report(0.5);
    report(0.9, { level: 1 });
    await settled();
    report(0.501);
    report(0, { level: 1 });
    await settled();
    expect(readProgress(path)?.map(({ fraction }) => fraction)).toEqual([0.501, 0]);
  });

  test('never fails a task', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { report, settled } = bound(new JobProgress(join(temporaryDirectory(), 'none', 'train.progress')));
    for (const fraction of [Number.NaN, -1, 0.5, 7]) {
      report(fraction, { level: Number.NaN });
      await settled();
    }
    await sleep(0);
    expect(warn.mock.calls).toHaveLength(1);
    warn.mockRestore();
    const silent = bound(new JobProgress(undefined));
    silent.report(0.5);
    await silent.settled();
    expect(readProgress(join(temporaryDirectory(), 'train.progress'))).toBeUndefined();
    expect(showProgress(undefined)).toBe('');
  });
});

function bound(progress: JobProgress) {
  return { report: progress.report, settled: () => progress.settled() };
}
