/** The command that runs a job: Node on the runner, with tsx where TypeScript is to be read. */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ArgumentError } from '../errors.ts';
import { writeAtomically } from './files.ts';
import type { JobFiles } from './jobFiles.ts';
import type { JobCommand } from './launcher.ts';
import type { TaskRecord } from './record.ts';
import type { HeldPart } from './tokens.ts';

const isTypeScript = (url: string) => /\.[mc]?tsx?$/.test(new URL(url).pathname);

/** A program of this package, of the same kind as the file that starts it: source or compiled. */
export function programBeside(url: string, name: string): URL {
  return new URL(`${name}.${isTypeScript(url) ? 'ts' : 'js'}`, url);
}

const runner = programBeside(import.meta.url, './runner/main');

export function commandFor(job: JobFiles, record: TaskRecord, tokens: readonly HeldPart[] = []): JobCommand {
  const modules = [runner.href, ...record.objects.map(({ module }) => module)];
  return {
    program: process.execPath,
    // `npx tsx` would stand between the job and the signals that it gets.
    arguments: [...typeScriptOptions(modules), fileURLToPath(runner), job.directory],
    environment: { XPMIR_TOKENS: JSON.stringify(tokens) },
    out: job.out,
    err: job.err,
  };
}

/** What Node is started with to import these modules: nothing unless one is TypeScript. */
export function typeScriptOptions(modules: readonly string[]): string[] {
  const typeScript = modules.find(isTypeScript);
  return typeScript === undefined ? [] : ['--import', tsxFor(typeScript)];
}

/** The tsx of the user's project, or else the one of this package. */
function tsxFor(module: string): string {
  for (const from of [module, import.meta.url, pathToFileURL(`${process.cwd()}/`).href]) {
    try {
      return pathToFileURL(createRequire(from).resolve('tsx')).href;
    } catch {}
  }
  throw new ArgumentError(
    `${fileURLToPath(module)} is TypeScript: install tsx, with which its job is run, or compile it`,
  );
}

/** A script that runs the job by hand. `exec`, so that signals reach the job and not a shell. */
export function writeScript(job: JobFiles, { program, arguments: given }: JobCommand): void {
  const words = [program, ...given].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeAtomically(job.script, `#!/bin/sh\nexec ${words.join(' ')}\n`);
}
