import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ShownState } from '../../lib/cli/checkpointShown.ts';
import { JobFiles } from '../../lib/experiment/jobFiles.ts';
import { Lock } from '../../lib/experiment/lock.ts';
import { CheckpointStore } from '../../lib/learning/checkpoint.ts';
import { AdamW, LinearWithWarmup, ParameterOptimizer, ValidationListener } from '../../lib/learning/index.ts';
import type { Manifest } from '../../lib/learning/manifest.ts';
import { Snapshot } from '../../lib/learning/snapshot.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { run } from '../experiment/support.ts';
import { Scripted } from '../learning/scripted.ts';
import { toyLearner } from '../learning/toy.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const cli = async (...given: string[]) => {
  const { code, output } = await run('../../lib/cli.ts', ['checkpoint', ...given]).ended;
  return { code, lines: output.trimEnd().split('\n') };
};
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as unknown);

const origin = { xpmir: '0.1.0', libtorch: '2.13.0', node: '22.0.0', device: 'cpu', threads: 1 };
const KEEP_ALL = { last: 100, every: 0 };

/** A directory as a run leaves it, with the given epochs; `1.5` is after half of the steps of epoch 2. */
async function newRun(epochs: readonly number[], directory = temporaryDirectory()): Promise<string> {
  const checkpoints = join(directory, 'checkpoints');
  mkdirSync(checkpoints, { recursive: true });
  const store = new CheckpointStore(checkpoints, KEEP_ALL);
  const model = new Linear(2, 1);
  for (const each of epochs) {
    const unfinished = !Number.isInteger(each);
    const snapshot = Snapshot.take(model, { epoch: each });
    const position = { epoch: Math.ceil(each), steps: each * 10, unfinished };
    await store.save(position, snapshot, { origin, stepsInEpoch: unfinished ? 5 : null });
    snapshot.dispose();
  }
  return directory;
}

const nameOf = (epoch: number) => `epoch-0000000${epoch}`;
const there = (directory: string) => readdirSync(join(directory, 'checkpoints')).sort();

/** Changes a byte. @returns what is wrong then */
function damage(path: string, file = 'model.safetensors'): string {
  const bytes = readFileSync(join(path, file));
  // Of the manifest the last digit of its seal, of anything else the last byte.
  const at = file === 'manifest.json' ? bytes.lastIndexOf('"') - 1 : bytes.length - 1;
  bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
  writeFileSync(join(path, file), bytes);
  return file === 'manifest.json'
    ? 'damaged: manifest.json is not what was written'
    : `damaged: the content of ${file} is not what was written`;
}

describe('xpmir checkpoint list', () => {
  test('shows each, the newest first, what was set aside and what is unfinished', async () => {
    const directory = await newRun([1, 1.5, 2]);
    const checkpoints = join(directory, 'checkpoints');
    const why = damage(join(checkpoints, nameOf(2)), 'manifest.json');
    const aside = `${nameOf(3)}.damaged`;
    mkdirSync(join(checkpoints, aside));
    writeFileSync(join(checkpoints, aside, 'reason.txt'), 'state.json is missing\n');
    for (const name of ['tmp-12-abc', 'trash-12-abc']) mkdirSync(join(checkpoints, name));
    const { code, lines } = await cli('list', directory);
    const when = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
    expect(code).toBe(0);
    expect(lines.map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
      `${nameOf(2)}  ${why}  last`,
      expect.stringMatching(`^${nameOf(2)}-step-00000015  epoch 2  15 steps  ${when}  \\d+ bytes$`),
      expect.stringMatching(`^${nameOf(1)}  epoch 1  10 steps  ${when}  \\d+ bytes$`),
      `${aside}  set aside: state.json is missing`,
      'tmp-12-abc  unfinished: it was being written',
      'trash-12-abc  unfinished: it was being removed',
    ]);
    const json = parsed((await cli('list', checkpoints, '--json')).lines);
    expect(json).toHaveLength(6);
    expect(json.slice(0, 3)).toEqual([
      { name: nameOf(2), state: 'damaged', epoch: 2, last: true, reason: why.replace('damaged: ', '') },
      {
        name: `${nameOf(2)}-step-00000015`,
        state: 'saved',
        epoch: 2,
        steps: 15,
        savedAt: expect.stringMatching(when),
        bytes: expect.any(Number),
        last: false,
      },
      expect.objectContaining({ name: nameOf(1), epoch: 1, steps: 10 }),
    ]);
  });

  test('of a directory that has none, or that is none, says so', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'empty', 'checkpoints'), { recursive: true });
    const given = [join(directory, 'empty'), directory, join(directory, 'absent')];
    const refused = (what: RegExp) => ({ code: 1, lines: [expect.stringMatching(what)] });
    expect(await Promise.all(given.map((each) => cli('list', each)))).toEqual([
      { code: 0, lines: [''] },
      refused(/^xpmir: Expected a run's directory, .* for dir but received "/),
      refused(/^xpmir: Expected a directory for dir but received "/),
    ]);
  });
});

describe('xpmir checkpoint verify', () => {
  test('reads every byte, names what is damaged, and exits with 1 then', async () => {
    const directory = await newRun([1, 2]);
    const whole = await cli('verify', directory);
    const ok = expect.stringMatching(/^epoch-0000000[12]: ok \(2 files, \d+ bytes\)$/);
    expect(whole).toEqual({ code: 0, lines: [ok, ok] });
    const [first, second] = [1, 2].map((epoch) => join(directory, 'checkpoints', nameOf(epoch))) as [
      string,
      string,
    ];
    const why = damage(first);
    appendFileSync(join(second, 'state.json'), ' ');
    const damaged = await cli('verify', join(directory, 'checkpoints'), '--json');
    expect(damaged.code).toBe(1);
    expect(parsed(damaged.lines)).toEqual([
      { ok: false, name: nameOf(2), reason: expect.stringMatching(/^damaged: state\.json has \d+ bytes/) },
      { ok: false, name: nameOf(1), reason: why },
    ]);
    expect(await cli('verify', first)).toEqual({ code: 1, lines: [`${nameOf(1)}: ${why}`] });
    unlinkSync(join(second, 'model.safetensors'));
    expect((await cli('verify', join(directory, 'checkpoints', 'last'))).lines).toEqual([
      `${nameOf(2)}: damaged: model.safetensors is missing`,
    ]);
  });

  test('of a run reads the best models that its listeners keep, and tells another version from damage', async () => {
    const directory = await newRun([1, 2]);
    const checkpoints = join(directory, 'checkpoints');
    const best = join(directory, 'out', 'listeners', '0', 'listeners', '1', 'best');
    mkdirSync(best, { recursive: true });
    const store = new CheckpointStore(checkpoints, KEEP_ALL);
    await store.publish(join(checkpoints, nameOf(2)), { epoch: 2, steps: 20 }, join(best, 'RR@10'));
    const kept = `out/listeners/0/listeners/1/best/RR@10.${nameOf(2)}`;
    expect((await cli('verify', directory)).lines[2]).toMatch(`${kept}: ok (1 files, `);
    // Both names are of one file.
    const why = damage(join(checkpoints, nameOf(2)));
    writeFileSync(join(checkpoints, nameOf(1), 'manifest.json'), '{"version": 1}');
    expect(await cli('verify', directory)).toEqual({
      code: 1,
      lines: [
        `${nameOf(2)}: ${why}`,
        expect.stringMatching(`^${nameOf(1)}: unreadable: .*version 2, received version 1`),
        `${kept}: ${why}`,
      ],
    });
    expect((await cli('verify', join(best, 'RR@10'))).lines).toEqual([`RR@10.${nameOf(2)}: ${why}`]);
  });
});

describe('xpmir checkpoint prune', () => {
  test('says what would go, and removes it with --yes; whole ones alone count', async () => {
    const directory = await newRun([1, 2, 3, 4, 4.5, 5]);
    const checkpoints = join(directory, 'checkpoints');
    const before = there(directory);
    const why = damage(join(checkpoints, nameOf(5)));
    const stays = `damaged, stays: ${nameOf(5)}: ${why.replace('damaged: ', '')}`;
    const command = ['prune', directory, '--keep', '2', '--every', '2'];
    const would = await cli(...command);
    expect(would).toEqual({
      code: 0,
      lines: [stays, `would remove ${nameOf(1)}`, `would remove ${nameOf(3)}`],
    });
    expect(there(directory)).toEqual(before);
    expect((await cli(...command, '--yes')).lines).toEqual([
      stays,
      `removed ${nameOf(1)}`,
      `removed ${nameOf(3)}`,
    ]);
    const left = [nameOf(2), nameOf(4), nameOf(5), `${nameOf(5)}-step-00000045`, 'last'];
    expect(there(directory)).toEqual(left);
  });

  test('never removes the last whole one, and leaves no link without an end', async () => {
    const directory = await newRun([1, 2, 3]);
    const checkpoints = join(directory, 'checkpoints');
    const link = join(checkpoints, 'last');
    unlinkSync(link);
    symlinkSync(nameOf(1), link);
    damage(join(checkpoints, nameOf(3)));
    await cli('prune', checkpoints, '-k', '1', '-y');
    expect(there(directory)).toEqual([nameOf(2), nameOf(3), 'last']);
    expect(readlinkSync(link)).toBe(nameOf(2));
    damage(join(checkpoints, nameOf(2)));
    await cli('prune', checkpoints, '-k', '1', '-y');
    expect(there(directory)).toEqual([nameOf(2), nameOf(3), 'last']);
  });

  test('refuses while a run or a job holds the directory, and what is no count', async () => {
    const directory = await newRun([1, 2]);
    const held = Lock.take(join(directory, '.lock')) as Lock;
    const refused = {
      code: 1,
      lines: [
        expect.stringMatching(`^xpmir: Expected .* but process ${process.pid} of ${hostname()} trains in `),
      ],
    };
    expect(await cli('prune', directory, '--keep', '1', '--yes')).toEqual(refused);
    held.release();
    expect((await cli('prune', directory, '--keep', '1')).lines).toEqual([`would remove ${nameOf(1)}`]);
    const wrong = [
      ['--keep', '0', 1],
      ['--keep', '1.5', 1],
      ['--every', 'x', 0],
    ] as const;
    const said = wrong.map(([name, value]) => cli('prune', directory, '--keep=1', name, value, '--yes'));
    expect(await Promise.all(said)).toEqual(
      wrong.map(([name, value, least]) => ({
        code: 1,
        lines: [`xpmir: Expected an integer of at least ${least} for ${name} but received "${value}"`],
      })),
    );
    expect(there(directory)).toEqual([nameOf(1), nameOf(2), 'last']);

    const job = new JobFiles(join(temporaryDirectory(), 'jobs', 'test.train', 'a'.repeat(64)));
    await newRun([1, 2], join(job.directory, 'out', 'learner'));
    writeFileSync(job.params, '{}');
    Lock.take(job.lock);
    expect(await cli('prune', join(job.directory, 'out', 'learner'), '-k', '1', '-y')).toEqual(refused);
    expect(existsSync(join(job.directory, 'out', 'learner', 'checkpoints', nameOf(1)))).toBe(true);
  });
});

/** Two epochs of two optimizer steps, one of the metrics kept. */
async function trained(): Promise<string> {
  const path = temporaryDirectory();
  const optimizer = new ParameterOptimizer({
    optimizer: new AdamW({ lr: 1e-3 }),
    scheduler: new LinearWithWarmup({ numWarmupSteps: 2 }),
  });
  const listener = new ValidationListener({
    id: 'bestval',
    evaluator: new Scripted({ map: [Number.POSITIVE_INFINITY, 1] }),
  });
  const learner = toyLearner({ maxEpochs: 2, optimizers: [optimizer], listeners: [listener] });
  await learner.run({ path, progress: false });
  return path;
}

describe('xpmir checkpoint on what a run left', () => {
  test('shows what made it, its files, its state and its model', async () => {
    const path = await trained();
    const checkpoint = join(path, 'checkpoints', nameOf(2));
    const manifest = JSON.parse(readFileSync(join(checkpoint, 'manifest.json'), 'utf8')) as Manifest;
    const { files, ...described } = manifest;
    const [json, text] = await Promise.all([cli('show', path, '--json'), cli('show', checkpoint)]);
    const state: ShownState = {
      optimizers: [{ algorithm: 'AdamW', rates: [0], scheduled: 4 }],
      scaler: null,
      random: ['run', 'shared', 'torch.cpu'],
      trainer: { sampler: expect.any(Object), batcher: null },
      hooks: {},
      listeners: { bestval: { top: { map: { value: 'Infinity', epoch: 1 } } } },
    };
    const tensors = [{ name: 'weight', dtype: 'float32', shape: [1, 2], count: 2 }];
    expect(parsed(json.lines)).toEqual([
      {
        path: realpathSync(checkpoint),
        ...described,
        files: Object.entries(files).map(([name, entry]) => ({ name, ...entry })),
        state,
        model: { count: 2, tensors },
      },
    ]);
    const { origin: made, id, previous, savedAt } = manifest;
    expect(text.lines.map((line) => line.trim().replace(/ {2,}/g, '  '))).toEqual([
      `checkpoint  ${realpathSync(checkpoint)}`,
      `id  ${id}`,
      `previous  ${previous}`,
      `saved at  ${savedAt}`,
      'epoch  2',
      'steps  4',
      `made by  xpmir ${made.xpmir}, libtorch ${made.libtorch}, Node ${made.node}`,
      expect.stringMatching(/^on {2}cpu, \d+ threads?$/),
      '',
      ...Object.entries(files).map(([name, { size, sha256 }]) => `${name}  ${size} bytes  ${sha256}`),
      '',
      'optimizer 1  AdamW, learning rate 0, schedule at step 4',
      'random  run, shared, torch.cpu',
      expect.stringMatching(/^trainer {2}\{"sampler":\{/),
      'listener bestval  {"top":{"map":{"value":"Infinity","epoch":1}}}',
      '',
      'model: 1 tensors, 2 parameters with its buffers',
      'weight  float32 [1, 2]  2',
    ]);
    expect((await cli('show', join(path, 'out', 'listeners', '0', 'best', 'map'))).lines).toContain(
      'epoch       1',
    );
    damage(checkpoint, 'state.json');
    expect(await cli('show', path)).toEqual({
      code: 1,
      lines: [
        `xpmir: ${realpathSync(checkpoint)} is damaged: the content of state.json is not what was written`,
      ],
    });
  });

  test('loads no libtorch', async () => {
    const path = await trained();
    const loaded = ['list', 'verify', 'show', 'prune'].map(async (command) => {
      const given = ['checkpoint', command, path, ...(command === 'prune' ? ['--keep=1'] : [])];
      return [command, (await run('../cli/libraries.ts', given).ended).output] as const;
    });
    expect(Object.fromEntries(await Promise.all(loaded))).toEqual({
      list: '',
      verify: '',
      show: '',
      prune: '',
    });
  });
});
