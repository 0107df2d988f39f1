import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { newLearner } from '../../bench/ours/learners.ts';
import { type Loop, loops } from '../../bench/ours/loops.ts';
import { type ComparedCase, cases } from '../../bench/runner/cases.ts';
import { RESULTS, readOptions, usage } from '../../bench/runner/options.ts';
import { jsonLine, tableLine } from '../../bench/runner/report.ts';
import { playRound } from '../../bench/runner/sides.ts';
import { median, summarize } from '../../bench/runner/statistics.ts';
import { Worker } from '../../bench/runner/worker.ts';

const one = cases[0] as ComparedCase;

describe('statistics', () => {
  test('the median is the middle value, whatever the order, or the mean of the two in the middle', () => {
    expect(median([5, 1, 100])).toBe(5);
    expect(median([4, 1, 100, 2])).toBe(3);
    expect(median([10, 9])).toBe(9.5);
    expect(() => median([])).toThrow('Expected at least one number for values');
  });

  test('the speedup is the median of ratios, not the ratio of medians', () => {
    const rounds = [
      { ours: 1, reference: 4 },
      { ours: 10, reference: 20 },
      { ours: 20, reference: 20 },
    ];
    expect(summarize(rounds)).toEqual({ ours: 10, reference: 20, speedup: 2, min: 1, max: 4, rounds: 3 });
    // The whole machine ten times slower in one round changes the costs, and no ratio.
    const slowed = rounds.map((round, i) =>
      i === 0 ? { ours: 10 * round.ours, reference: 10 * round.reference } : round,
    );
    expect(summarize(slowed)).toMatchObject({ speedup: 2, min: 1, max: 4 });
  });
});

describe('rounds', () => {
  const measured = (name: string, check: number, log: string[]) => async () => {
    log.push(name);
    return { cost: name === 'ours' ? 2 : 3, check };
  };

  test('the sides take turns at going first', async () => {
    const log: string[] = [];
    for (const round of [0, 1]) {
      const outcome = await playRound(round, measured('ours', 1, log), measured('reference', 1, log));
      expect(outcome).toEqual({ ours: 2, reference: 3 });
    }
    expect(log).toEqual(['ours', 'reference', 'reference', 'ours']);
  });

  test('sides that computed different values are no result', async () => {
    const different = await playRound(0, measured('ours', 0.5, []), measured('reference', 0.25, []));
    expect(different).toEqual({ problem: 'the two sides computed different values, 0.5 and 0.25' });
  });

  test('values that are no numbers are not equal either', async () => {
    const outcome = await playRound(
      0,
      measured('ours', Number.NaN, []),
      measured('reference', Number.NaN, []),
    );
    expect(outcome).toHaveProperty('problem');
  });
});

describe('output', () => {
  const summary = { ours: 100, reference: 150, speedup: 1.5, min: 1.25, max: 1.75, rounds: 7 };

  test('a JSON line holds name, unit, ours, reference and speedup', () => {
    const line = jsonLine({ case: one, summary });
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({ name: 'add-4x4', unit: 'ns', ...summary });
  });

  test('what is no result has no figures', () => {
    const outcome = { case: one, problem: 'the losses differ' };
    expect(JSON.parse(jsonLine(outcome))).toEqual({
      name: 'add-4x4',
      unit: 'ns',
      ours: null,
      reference: null,
      speedup: null,
      problem: 'the losses differ',
    });
    expect(tableLine(outcome)).toMatch(/^add-4x4 +not a result: the losses differ$/);
  });

  test('a line of the table shows the same', () => {
    expect(tableLine({ case: one, summary }).split(/ +/)).toEqual([
      'add-4x4',
      '100',
      '150',
      'ns',
      '1.50x',
      '1.25..1.75',
      '7',
    ]);
  });
});

describe('options', () => {
  test('everything, with one thread, unless told otherwise', () => {
    expect(readOptions([])).toEqual({
      json: false,
      help: false,
      rounds: undefined,
      threads: 1,
      cases,
      write: RESULTS,
    });
  });

  test('--only takes a case, or all that begin alike, and may be repeated', () => {
    const names = (...args: string[]) => readOptions(args).cases.map(({ name }) => name);
    expect(names('--only', 'mlp-step')).toEqual(['mlp-step']);
    expect(names('--only', 'first-step', '--only', 'mm')).toEqual([
      'mm-4x4',
      'first-step-tsx',
      'first-step-compiled',
    ]);
  });

  test('a part of the cases is written only where it is said', () => {
    const write = (...args: string[]) => readOptions(args).write;
    expect(write('--only', 'mlp')).toBeUndefined();
    expect(write('--only', 'mlp', '--write', 'some.md')).toBe('some.md');
    expect(write('--write', 'all.md')).toBe('all.md');
    expect(write('--no-write')).toBeUndefined();
  });

  test('rounds and threads are positive integers', () => {
    expect(readOptions(['--json', '--rounds', '3', '--threads', '2'])).toMatchObject({
      json: true,
      rounds: 3,
      threads: 2,
    });
    expect(() => readOptions(['--rounds', '0'])).toThrow('Expected a positive integer for --rounds');
    expect(() => readOptions(['--threads', 'two'])).toThrow('Expected a positive integer for --threads');
    expect(() => readOptions(['--only', 'mlpstep'])).toThrow('Expected one of add-4x4, mm-4x4');
  });

  test('names are unique, and the help lists all', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const { name } of cases) expect(usage).toContain(name);
  });
});

test('both sides have every loop', () => {
  const all = cases.filter((one) => one.kind === 'loop');
  expect(Object.keys(loops)).toEqual(all.map(({ name }) => name));
  const names = all.filter(({ beside }) => beside === undefined).map(({ name }) => name);
  const python = readFileSync(join(import.meta.dirname, '../../bench/reference/worker.py'), 'utf8');
  const table = /LOOPS = \{([^}]*)\}/.exec(python)?.[1] ?? '';
  expect([...table.matchAll(/"([^"]+)":/g)].map(([, name]) => name)).toEqual(names);
});

test('training tells when it settled, once, and computes the same', async () => {
  const loop = (loops.mlp as () => Loop)();
  const reached: number[] = [];
  const settling = await loop(6, 4, () => reached.push(4));
  expect(reached).toEqual([4]);
  expect(await loop(6)).toBe(settling);
});

test('the steps before the clock of large cases are those that are made in JavaScript too', async () => {
  const settled = cases.flatMap((each) => (each.kind === 'loop' && each.settled ? each : []));
  expect(settled.length).toBeGreaterThan(0);
  const learner = newLearner('mlp', 50);
  const trainer = learner.trainer as unknown as { trainBatch(batch: unknown): void };
  const trainBatch = trainer.trainBatch.bind(trainer);
  let told = 0;
  const made: number[] = [];
  trainer.trainBatch = (batch) => {
    made.push(told + 1);
    trainBatch(batch);
  };
  await learner.run({
    progress: ({ type }) => {
      if (type === 'step') told++;
    },
  });
  for (const { settled: before = 0, iterations } of settled) {
    expect(made.filter((step) => step <= before)).toEqual([1, 2, 3, 4, 13]);
    expect(made.filter((step) => step > before && step <= before + iterations)).toEqual([]);
  }
});

describe('worker', () => {
  const program = `
    const say = (reply) => console.log(JSON.stringify(reply));
    say({ torch: '1', runtime: 'test' });
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { case: name, iterations, settled } = JSON.parse(line);
      if (name === 'quit') process.exit(0);
      say(name === 'add' ? { nanoseconds: 5, check: settled + iterations } : { error: 'no loop ' + name });
    });`;
  const start = () => Worker.start('Node', process.execPath, ['-e', program], process.env);

  test('answers a request, tells an error, and says when it is gone', async () => {
    const { worker, greeting } = await start();
    expect(greeting).toEqual({ torch: '1', runtime: 'test' });
    expect(await worker.run('add', 12)).toEqual({ nanoseconds: 5, check: 12 });
    expect(await worker.run('add', 12, 3)).toEqual({ nanoseconds: 5, check: 15 });
    await expect(worker.run('sub', 12)).rejects.toThrow('Node: no loop sub');
    await expect(worker.run('quit', 1)).rejects.toThrow('Node ended before it answered');
  });

  test('a command that does not exist is an error', async () => {
    await expect(Worker.start('Python', 'no-such-python', [], process.env)).rejects.toThrow('Python ended');
  });
});
