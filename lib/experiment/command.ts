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
function typeScriptOptions(modules: readonly string[]): string[] {
  const loader = findTsx('tsx', modules);
  return loader === undefined ? [] : ['--import', loader];
}

/**
 * A program for `new Worker` with `eval` that imports `program` and may import `modules`. Threads do not take over how
 * their process reads TypeScript, and `--import` does not teach them.
 */
export function threadProgram(program: string, modules: readonly string[]): string {
  const start = `import(${JSON.stringify(program)})`;
  // What is resolved is for `require`; its neighbour is the same for `import`.
  const tsx = findTsx('tsx/esm/api', [program, ...modules])?.replace(/\.cjs$/, '.mjs');
  return tsx === undefined
    ? start
    : `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return ${start}; });`;
}

/** A part of the user's tsx, or else of this package's; undefined when none of the modules is TypeScript. */
function findTsx(part: string, modules: readonly string[]): string | undefined {
  const module = modules.find(isTypeScript);
  if (module === undefined) return undefined;
  for (const from of [module, import.meta.url, pathToFileURL(`${process.cwd()}/`).href]) {
    try {
      return pathToFileURL(createRequire(from).resolve(part)).href;
    } catch {}
  }
  throw new ArgumentError(
    `${fileURLToPath(module)} is TypeScript: install tsx, with which it is run beside this process, or compile it`,
  );
}

/** A script that runs the job by hand. `exec`, so that signals reach the job and not a shell. */
export function writeScript(job: JobFiles, { program, arguments: given }: JobCommand): void {
  const words = [program, ...given].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeAtomically(job.script, `#!/bin/sh\nexec ${words.join(' ')}\n`);
}
