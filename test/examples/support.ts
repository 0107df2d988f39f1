/** What tests of the examples share. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One thread, so that a busy machine does not slow two down. */
export function example(name: string, ...args: string[]): Promise<Ended> {
  const command = ['--import', 'tsx', join('examples', name), ...args];
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
  });
}

const VERBS = ['read', 'write', 'open', 'close', 'parse', 'format', 'sort', 'merge', 'split', 'copy'];
const NOUNS = ['file', 'socket', 'stream', 'buffer', 'message', 'table', 'image', 'query', 'token', 'date'];

/** A hundred functions, each with a sentence that says its name in other words. */
export function tinyTree(): string {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-demo-'));
  const lines = VERBS.flatMap((verb) =>
    NOUNS.map((noun) => {
      const name = verb + noun[0]!.toUpperCase() + noun.slice(1);
      return `/** Will ${verb} one ${noun} for the caller. */\nexport declare function ${name}(${noun}: ${noun.toUpperCase()}): void;`;
    }),
  );
  mkdirSync(join(directory, 'types'));
  writeFileSync(join(directory, 'types', 'tiny.d.ts'), lines.join('\n'));
  return directory;
}
