/** Signals of the system, whatever the run does: the state is saved, and the process ends as a shell expects. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { compiled } from './compiled.ts';
import { full, repeatable, tell } from './effort.ts';
import type { Phase, SignalsLine, SignalsOptions } from './signalsProgram.ts';

/** In which step, or after which, a run is in which phase. */
const PHASES: SignalsOptions['phases'] = {
  loading: 8,
  forward: 10,
  backward: 14,
  optimizer: 16,
  hook: 20,
  validation: 24,
  saving: 28,
};
/** What JavaScript has a part in when steps are compiled. */
const COMPILED: SignalsOptions['phases'] = { loading: 14, hook: 20, validation: 24, running: 27, saving: 33 };
/** Steps that may be under way when they are short. */
const AHEAD = 16;

const ROUNDS = full ? 20 : 1;
/** A step and two seconds, on a machine that has ten times as much to do. */
const IN_TIME_MS = 20_000;
const STUCK_MS = 120_000;

const test = repeatable(import.meta.url);
let [directory, program] = ['', ''];
let count = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xpmir-signals-'));
  program = compiled('signalsProgram.ts', join(directory, 'program'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A run in a process of its own. */
class Running {
  readonly path = join(directory, `run-${count++}`);
  readonly lines: SignalsLine[] = [];
  errors = '';
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #text = '';
  #told: (line: SignalsLine) => void = () => {};

  constructor(
    options: Omit<SignalsOptions, 'path'>,
    told: (line: SignalsLine, self: Running) => void = () => {},
  ) {
    mkdirSync(this.path);
    const given = JSON.stringify({ ...options, path: this.path });
    this.#child = spawn(process.execPath, [program, given], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#told = (line) => told(line, this);
    const stuck = setTimeout(() => this.#child.kill('SIGKILL'), STUCK_MS);
    this.#child.stderr?.on('data', (chunk) => {
      this.errors += chunk;
    });
    this.#child.stdout?.on('data', (chunk) => this.#read(`${chunk}`));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        clearTimeout(stuck);
        resolve(code);
      });
    });
  }

  /** Sends a signal in a phase, which may end then. */
  send(signal: NodeJS.Signals, phase: Phase): void {
    this.#child.kill(signal);
    writeFileSync(join(this.path, `sent-${phase}`), '');
  }

  #read(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    for (const text of lines) {
      const line = JSON.parse(text) as SignalsLine;
      this.lines.push(line);
      this.#told(line);
    }
  }
}

interface Ended {
  readonly running: Running;
  readonly code: number | null;
  readonly milliseconds: number;
}

/** Runs until it ends by a signal that it gets in a phase. */
async function ending(signal: NodeJS.Signals, phase: Phase, compile: boolean): Promise<Ended> {
  const step = (compile ? COMPILED : PHASES)[phase];
  let sentAt = Number.NaN;
  const running = new Running({ phases: { [phase]: step }, stays: true, compile }, (line, self) => {
    if (line.phase !== phase) return;
    sentAt = performance.now();
    self.send(signal, phase);
  });
  const code = await running.ended;
  return { running, code, milliseconds: performance.now() - sentAt };
}

/** The last line of a step in the log of a run. */
function lastStep(path: string): number {
  const lines = readFileSync(join(path, 'events.jsonl'), 'utf8').split('\n');
  return Math.max(
    0,
    ...lines.map((line) => /^\{"type":"step","step":(\d+)/.exec(line)?.[1] ?? 0).map(Number),
  );
}

async function expectSaved({ path }: Running, from: number, to: number): Promise<void> {
  const { manifest } = await tidy(() => readCheckpoint(join(path, 'checkpoints', 'last')));
  // No step that was made is lost.
  expect(manifest.steps).toBe(lastStep(path));
  expect(manifest.steps).toBeGreaterThanOrEqual(from);
  expect(manifest.steps).toBeLessThanOrEqual(to);
}

const CODES = { SIGTERM: 143, SIGINT: 130 } as const;
const took: number[] = [];

for (const compile of [false, true])
  for (const [phase, step] of Object.entries(compile ? COMPILED : PHASES) as [Phase, number][])
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      // Compiled, one signal in each phase is enough.
      if (!full && compile && (signal === 'SIGINT') === (step % 2 === 0)) continue;
      test(`${signal} in ${phase}${compile ? ', compiled' : ''}`, async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const { running, code, milliseconds } = await ending(signal, phase, compile);
          expect([code, running.errors]).toEqual([
            CODES[signal],
            expect.stringContaining(`${signal}: the run stops`),
          ]);
          // While something is written or computed, steps go on until the signal is there.
          const goesOn = phase === 'saving' || phase === 'running';
          await expectSaved(
            running,
            step - 1,
            goesOn ? Number.POSITIVE_INFINITY : step + (compile ? AHEAD : 0),
          );
          expect(milliseconds).toBeLessThan(IN_TIME_MS);
          took.push(milliseconds);
        }
      });
    }

test('a second SIGINT ends a run at once', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    let waiting = 2;
    const options = { phases: { hook: 8, saving: 3 }, stays: true, hangs: true, compile: false };
    const running = new Running(options, ({ phase, checkpoint }, self) => {
      if (phase === 'hook' || checkpoint !== undefined) waiting--;
      if (waiting === 0) self.send('SIGINT', 'hook');
    });
    while (!running.errors.includes('SIGINT: the run stops'))
      await new Promise((resolve) => setTimeout(resolve, 5));
    // Twice at once counts as once.
    running.send('SIGINT', 'hook');
    await new Promise((resolve) => setTimeout(resolve, 150));
    const sentAt = performance.now();
    running.send('SIGINT', 'hook');
    expect(await running.ended).toBe(CODES.SIGINT);
    expect(performance.now() - sentAt).toBeLessThan(IN_TIME_MS);
    const saved = running.lines.flatMap(({ checkpoint }) => checkpoint ?? []);
    const { manifest } = await tidy(() => readCheckpoint(join(running.path, 'checkpoints', 'last')));
    expect(manifest.steps).toBe(saved.at(-1));
  }
});

for (const compile of [false, true])
  test(`SIGUSR1 in any phase saves the state, and the run goes on as it was${compile ? ', compiled' : ''}`, async () => {
    const plain = new Running({ phases: {}, stays: false, compile });
    expect([await plain.ended, plain.errors]).toEqual([0, '']);
    for (let round = 0; round < ROUNDS; round++) {
      const phases = compile ? COMPILED : PHASES;
      const running = new Running({ phases, stays: false, compile }, ({ phase }, self) => {
        if (phase !== undefined) self.send('SIGUSR1', phase);
      });
      expect([await running.ended, running.errors]).toEqual([0, '']);
      expect(running.lines.at(-1)).toEqual(plain.lines.at(-1));
      const { lines } = running;
      expect(lines.flatMap(({ phase }) => phase ?? [])).toEqual(Object.keys(phases));
      for (const [i, { phase }] of lines.entries()) {
        if (phase === undefined) continue;
        const next = lines.slice(i + 1).find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint;
        const step = phases[phase] as number;
        const ahead = phase === 'saving' || compile ? AHEAD : 0;
        expect([phase, next]).toEqual([phase, Math.min(Math.max(next ?? -1, step - 1), step + ahead)]);
      }
      // One in each phase, and the last one; what is asked for while it is being saved is there.
      expect(lines.filter(({ checkpoint }) => checkpoint !== undefined).length).toBeGreaterThan(
        Object.keys(phases).length,
      );
    }
  });

afterAll(() =>
  tell(`${took.length} runs ended by signals, at most ${Math.max(0, ...took).toFixed(0)} ms after them`),
);
