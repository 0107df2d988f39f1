/** What SIGTERM, SIGINT and SIGUSR1 do, whatever a run is doing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect } from '@jest/globals';
import { readCheckpoint } from '../../lib/learning/checkpoint.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { newDirectory } from '../learning/toy.ts';
import { full, repeatable } from './effort.ts';

const PHASES = ['data', 'forward', 'backward', 'update', 'validation', 'saving', 'idle'] as const;
const ROUNDS = full ? 20 : 1;
/** A step and two seconds, and as much again for a machine with other work. */
const LIMIT_MS = 10_000;

const test = repeatable(import.meta.url);

beforeAll(() => setNumThreads(1));

class Run {
  readonly path = newDirectory();
  readonly #child: ChildProcess;
  readonly said: string[] = [];
  errors = '';
  readonly ended: Promise<unknown[]>;

  constructor(phase: string, compile: boolean) {
    const program = fileURLToPath(new URL('signalsProgram.ts', import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', program, this.path, phase, `${compile}`], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.said.push(line));
    this.#child.stderr!.on('data', (text) => {
      this.errors += text;
    });
    this.ended = once(this.#child, 'close');
  }

  async says(beginning: string): Promise<string> {
    for (;;) {
      const line = this.said.find((each) => each.startsWith(beginning));
      if (line !== undefined) return line;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`ended without ${beginning}: ${this.said} ${this.errors}`);
      await sleep(2);
    }
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  goOn(): void {
    this.#child.stdin!.write('\n');
  }

  /** Its exit code, or the signal that it died of, if it ends in time. */
  async end(): Promise<unknown> {
    const late = sleep(LIMIT_MS, ['late'], { ref: false });
    const [code, signal] = await Promise.race([this.ended, late]);
    if (code === 'late') this.#child.kill('SIGKILL');
    return code ?? signal;
  }

  async saved(): Promise<number> {
    const directory = join(this.path, 'checkpoints');
    const { manifest } = await readCheckpoint(join(directory, readlinkSync(join(directory, 'last'))));
    return manifest.steps;
  }
}

/** The steps of the newest checkpoint: those that were made when the run came to the phase, or the one at hand too. */
const STEPS: Readonly<Record<(typeof PHASES)[number], readonly number[]>> = {
  data: [2],
  forward: [3, 4],
  backward: [1, 2],
  update: [1],
  validation: [4],
  saving: [6],
  idle: [1],
};

describe('a signal', () => {
  for (const phase of PHASES) {
    const compiled =
      phase === 'data' || phase === 'validation' || phase === 'saving' ? [true, false] : [false];
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      for (const compile of compiled) {
        test(`${signal} during ${phase}, compiled ${compile}: a checkpoint, and the code ${code}`, async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const run = new Run(phase, compile);
            await run.says(`in ${phase}`);
            run.send(signal);
            // A hook of an optimizer's step is waited for.
            if (phase === 'update' || phase === 'idle') {
              await sleep(50);
              run.goOn();
            }
            expect([await run.end(), run.errors]).toEqual([
              code,
              expect.stringContaining(`${signal}: the run stops`),
            ]);
            expect(STEPS[phase]).toContain(await run.saved());
          }
        });
      }
    }
  }

  test('sent again ends the process at once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const run = new Run('update', false);
      await run.says('in update');
      run.send('SIGINT');
      while (!run.errors.includes('SIGINT: the run stops')) await sleep(2);
      run.send('SIGINT');
      // The hook was never told to go on.
      expect(await run.end()).toBe(130);
    }
  });

  test('SIGUSR1 saves, and the run goes on to the same weights', async () => {
    const undisturbed = new Run('none', true);
    const weights = await undisturbed.says('weights');
    for (const phase of ['data', 'validation', 'idle'] as const) {
      for (let round = 0; round < ROUNDS; round++) {
        const run = new Run(phase, phase === 'data');
        await run.says(`in ${phase}`);
        run.send('SIGUSR1');
        if (phase === 'idle') {
          await sleep(100);
          run.goOn();
        }
        await run.says(`saved ${STEPS[phase][0]}`);
        run.goOn();
        expect(await run.says('weights')).toBe(weights);
      }
    }
  });
});
