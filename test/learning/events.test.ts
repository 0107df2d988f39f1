/** What a run leaves of its events, and how they are found again. */
import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  Evaluator,
  type LoggedEvent,
  type MetricsPerItem,
  RecoverableOOMError,
  readEvents,
  StepTrainingHook,
  type TrainerContext,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { ended } from '../support/process.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner } from './toy.ts';

beforeAll(() => setNumThreads(1));

class Epochs extends Evaluator {
  evaluate({ state }: TrainerContext): MetricsPerItem {
    return new Map([
      [
        'rr',
        new Map([
          ['a', state.epoch],
          ['b', Number.NaN],
        ]),
      ],
    ]);
  }
}

/** Ends a run, or its process, after a step. */
class Ending extends StepTrainingHook {
  readonly #at: number;
  constructor(at: number) {
    super();
    this.#at = at;
  }
  override after({ state }: TrainerContext): void {
    if (state.steps === this.#at) throw new Error('as planned');
  }
}

const listener = () => new ValidationListener({ id: 'val', evaluator: new Epochs(), metrics: { rr: false } });

async function collect(path: string): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of readEvents(path)) events.push(event);
  return events;
}

/** `type step/epoch/samples` of every event but checkpoints, which are told of once they are on the disk. */
const outline = (events: readonly LoggedEvent[]): string[] =>
  events.filter(({ type }) => type !== 'checkpoint').map(told);

const checkpoints = (events: readonly LoggedEvent[]): string[] =>
  events.filter(({ type }) => type === 'checkpoint').map(told);

const told = (event: LoggedEvent): string =>
  event.type === 'run' ? 'run' : `${event.type} ${event.state.steps}/${event.state.epoch}/${event.samples}`;

describe('events.jsonl', () => {
  test('has everything that happened, each line with where and when', async () => {
    const path = newDirectory();
    const before = Date.now() / 1000;
    await toyLearner({ listeners: [listener()], maxEpochs: 2, checkpointInterval: 2 }).run({
      path,
      progress: false,
    });
    const lines = readFileSync(join(path, 'events.jsonl'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(lines[0]!)).toEqual({
      type: 'run',
      version: 1,
      run: expect.stringMatching(/^[0-9a-f-]{36}$/),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const events = await collect(join(path, 'events.jsonl'));
    expect(events).toHaveLength(lines.length);
    expect(outline(events)).toEqual([
      'run',
      'start 0/0/0',
      'step 1/1/2',
      'step 2/1/4',
      'epoch 2/1/4',
      'validation 2/1/4',
      'step 3/2/6',
      'step 4/2/8',
      'epoch 4/2/8',
      'validation 4/2/8',
      'end 4/2/8',
    ]);
    expect(checkpoints(events)).toEqual(['checkpoint 4/2/8']);
    const times = events.flatMap((event) => (event.type === 'run' ? [] : [event.time]));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(before);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now() / 1000);

    const validation = events[5]!;
    expect(lines[5]).toContain('"values":{"rr":[1,"NaN"]}');
    expect(validation).toMatchObject({ listener: 'val', metrics: new Map([['rr', Number.NaN]]) });
    expect(validation).toMatchObject({ values: new Map([['rr', [1, Number.NaN]]]), improved: new Set() });
    expect(events[2]).toMatchObject({ metrics: expect.any(Map) });
    expect(events.at(-1)).toMatchObject({ failed: false, reason: 'finished' });
  });

  test('of a run that failed and went on: nothing twice, and what was void is left out', async () => {
    const path = newDirectory();
    const log = join(path, 'events.jsonl');
    const learner = (at: number, maxEpochs: number) =>
      toyLearner({ listeners: [listener()], hooks: [new Ending(at)], maxEpochs, checkpointInterval: 2 });
    await expect(learner(7, 4).run({ path, progress: false })).rejects.toThrow('as planned');
    expect((await collect(log)).at(-1)).toMatchObject({
      type: 'end',
      reason: 'failed',
      message: 'as planned',
      failed: true,
    });
    const run = (await collect(log))[0];

    await learner(0, 4).run({ path, progress: false });
    const events = await collect(log);
    expect(events.filter(({ type }) => type === 'run')).toEqual([run]);
    expect(outline(events).slice(6)).toEqual([
      'step 3/2/6',
      'step 4/2/8',
      'epoch 4/2/8',
      // By the first run; the second validates once more, and does not tell it twice.
      'validation 4/2/8',
      'resume 4/2/8',
      'step 5/3/10',
      'step 6/3/12',
      'epoch 6/3/12',
      'validation 6/3/12',
      'step 7/4/14',
      'step 8/4/16',
      'epoch 8/4/16',
      'validation 8/4/16',
      'end 8/4/16',
    ]);
    expect(checkpoints(events)).toEqual(['checkpoint 4/2/8', 'checkpoint 8/4/16']);
    expect(readFileSync(log, 'utf8').match(/"type":"step","step":5,/g)).toHaveLength(2);
  });

  test('a run that begins anew in its directory makes all before it void', async () => {
    const path = newDirectory();
    const learner = (at: number) =>
      toyLearner({ hooks: [new Ending(at)], maxEpochs: 1, checkpointInterval: 9 });
    await expect(learner(2).run({ path, progress: false })).rejects.toThrow('as planned');
    await learner(0).run({ path, progress: false });
    expect(outline(await collect(join(path, 'events.jsonl')))).toEqual([
      'run',
      'start 0/0/0',
      'resume 0/0/0',
      'step 1/1/2',
      'step 2/1/4',
      'epoch 2/1/4',
      'end 2/1/4',
    ]);
  });

  test('a last line that a killed process left torn is left out, and cut off when the run goes on', async () => {
    const path = newDirectory();
    const log = join(path, 'events.jsonl');
    await toyLearner({ maxEpochs: 1 }).run({ path, progress: false });
    const whole = outline(await collect(log));
    appendFileSync(log, '{"type":"step","step":3,"epo');
    expect(outline(await collect(log))).toEqual(whole);
    await toyLearner({ maxEpochs: 2 }).run({ path, progress: false });
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    for (const line of lines) JSON.parse(line);
    expect(outline(await collect(log)).slice(whole.length)).toEqual([
      'resume 2/1/4',
      'step 3/2/6',
      'step 4/2/8',
      'epoch 4/2/8',
      'end 4/2/8',
    ]);
    // Also where only the first line was begun.
    truncateSync(log, 20);
    await toyLearner({ maxEpochs: 3 }).run({ path, progress: false });
    expect(outline(await collect(log)).slice(0, 3)).toEqual(['run', 'start 4/2/0', 'step 5/3/2']);
  });

  test('of a process that was killed has all that was before its last epoch, and the run goes on', async () => {
    const path = newDirectory();
    const log = join(path, 'events.jsonl');
    const script = `
      import { existsSync } from 'node:fs';
      import { setTimeout } from 'node:timers/promises';
      import { StepTrainingHook } from './lib/learning/index.ts';
      import { setNumThreads } from './lib/torch/threads.ts';
      import { toyLearner } from './test/learning/toy.ts';
      setNumThreads(1);
      class Killing extends StepTrainingHook {
        async after({ state }) {
          if (state.steps < 5) return;
          while (!existsSync(process.argv[1] + '/checkpoints/epoch-00000002')) await setTimeout(1);
          process.kill(process.pid, 'SIGKILL');
        }
      }
      toyLearner({ hooks: [new Killing()] }).run({ path: process.argv[1], progress: false });
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, path];
    const { status } = await ended(process.execPath, args, process.env);
    expect(status).toBe(null);
    const found = outline(await collect(log));
    const whole = ['run', 'start 0/0/0', 'step 1/1/2', 'step 2/1/4', 'epoch 2/1/4'];
    expect(found.slice(0, 8)).toEqual([...whole, 'step 3/2/6', 'step 4/2/8', 'epoch 4/2/8']);
    await toyLearner().run({ path, progress: false });
    const after = outline(await collect(log));
    expect(after.slice(8)).toEqual([
      'resume 4/2/8',
      'step 5/3/10',
      'step 6/3/12',
      'epoch 6/3/12',
      'end 6/3/12',
    ]);
  });

  test('says why a run ended, and which steps were made again', async () => {
    const ends: unknown[] = [];
    const run = async (values: Parameters<typeof toyLearner>[0], signal?: AbortSignal) => {
      const path = newDirectory();
      await toyLearner(values)
        .run({ path, progress: false, signal })
        .catch(() => {});
      const events = await collect(join(path, 'events.jsonl'));
      const { reason, message } = events.at(-1) as { reason?: unknown; message?: string };
      ends.push([reason, message?.split(':')[0]]);
      return events;
    };
    class Huge extends ToyTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records.map(({ x, y }) => ({ x, y: y + Number.POSITIVE_INFINITY })));
      }
    }
    class Memory extends ToyTrainer {
      failures = 2;
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records);
        if (this.failures-- > 0) throw new RecoverableOOMError('memory ran out', undefined);
      }
    }
    const early = new ValidationListener({
      id: 'val',
      evaluator: new Epochs(),
      metrics: { rr: true },
      earlyStop: 1,
      lowerIsBetter: ['rr'],
    });
    Object.defineProperty(early.evaluator, 'evaluate', {
      value: ({ state }: TrainerContext) => new Map([['rr', new Map([['a', state.epoch]])]]),
    });
    await run({ trainer: new Huge() });
    await run({ listeners: [early] });
    await run({}, AbortSignal.abort(new Error('enough')));
    const restarted = await run({ trainer: new Memory() });
    expect(ends).toEqual([
      ['notFinite', 'loss mse'],
      ['stopped', undefined],
      ['cancelled', 'enough'],
      ['finished', undefined],
    ]);
    expect(outline(restarted).slice(2, 6)).toEqual([
      'restart 1/1/0',
      'restart 1/1/0',
      'step 1/1/2',
      'step 2/1/4',
    ]);
    expect(restarted[2]).toMatchObject({ message: 'memory ran out' });
  });

  test('that cannot be kept is one warning, and the run goes on', async () => {
    const path = newDirectory();
    const log = join(path, 'events.jsonl');
    const warnings: string[] = [];
    const run = () =>
      toyLearner({ maxEpochs: 1 }).run({
        path,
        progress: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      });
    mkdirSync(log);
    await run();
    expect(warnings).toEqual([expect.stringMatching(/^events are not kept: EISDIR/)]);

    const other = newDirectory();
    writeFileSync(join(other, 'events.jsonl'), '{"some":"log"}\n');
    await toyLearner({ maxEpochs: 1 }).run({
      path: other,
      progress: (event) => event.type === 'warning' && warnings.push(event.message),
    });
    expect(warnings[1]).toBe(`events are not kept: ${join(other, 'events.jsonl')} is no log of events`);
    expect(warnings).toHaveLength(2);
    expect(readFileSync(join(other, 'events.jsonl'), 'utf8')).toBe('{"some":"log"}\n');

    const later = newDirectory();
    writeFileSync(join(later, 'events.jsonl'), '{"type":"run","version":2}\n');
    await expect(collect(join(later, 'events.jsonl'))).rejects.toThrow(
      'events: expected version 1, received 2; update xpmir',
    );
    await expect(collect(join(later, 'none.jsonl'))).rejects.toThrow('ENOENT');
  });
});

describe('readers', () => {
  test('that fail are a warning each, and the run and the other readers go on', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const path = newDirectory();
    let told = 0;
    await toyLearner({ maxEpochs: 2 }).run({
      path,
      progress: () => {
        if (++told === 3) throw new Error('of the reader');
      },
    });
    await toyLearner({ maxEpochs: 1 }).run({
      progress: (async () => {
        throw new Error('asynchronous');
      }) as () => void,
    });
    await sleep(0);
    const messages = warn.mock.calls.map(([message]) => message as string);
    warn.mockRestore();
    expect(told).toBe(3);
    expect(messages).toEqual([
      "A reader of a run's events failed and is not told any more: of the reader",
      "A reader of a run's events failed and is not told any more: asynchronous",
    ]);
    expect(outline(await collect(join(path, 'events.jsonl'))).at(-1)).toBe('end 4/2/8');
  });

  test('follow a run that goes on, from before its file is there', async () => {
    const path = newDirectory();
    const log = join(path, 'events.jsonl');
    const stop = new AbortController();
    const events: LoggedEvent[] = [];
    const following = (async () => {
      for await (const event of readEvents(log, { follow: true, signal: stop.signal, interval: 5 })) {
        events.push(event);
        if (event.type === 'end' && event.reason === 'finished') break;
      }
    })();
    const learner = (at: number) => toyLearner({ hooks: [new Ending(at)], maxEpochs: 2 });
    await expect(learner(3).run({ path, progress: false })).rejects.toThrow('as planned');
    // What was given before it was void is followed by the line that says so.
    for (let i = 0; i < 400 && events.at(-1)?.type !== 'end'; i++) await sleep(5);
    await learner(0).run({ path, progress: false });
    await following;
    expect(outline(events).slice(-8)).toEqual([
      'epoch 2/1/4',
      'step 3/2/6',
      'end 3/2/6',
      'resume 2/1/4',
      'step 3/2/6',
      'step 4/2/8',
      'epoch 4/2/8',
      'end 4/2/8',
    ]);
    expect(checkpoints(events)).toEqual(['checkpoint 2/1/4', 'checkpoint 4/2/8']);

    const stopped = (async () => {
      for await (const _ of readEvents(log, { follow: true, signal: stop.signal, interval: 5 }));
    })();
    stop.abort();
    await stopped;
  });
});
