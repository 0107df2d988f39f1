/** Programs beside the tests, in processes of their own. */
import { fileURLToPath } from 'node:url';
import { ended } from '../support/process.ts';

/** The command line of a program in this directory. */
function command(program: string, args: readonly string[]): string[] {
  return ['--import', 'tsx', fileURLToPath(new URL(program, import.meta.url)), ...args];
}

/** Runs a program to its end. @returns what it printed, each line as JSON */
export async function told<T>(program: string, args: readonly string[]): Promise<T[]> {
  const { status, output, errors } = await ended(process.execPath, command(program, args), process.env);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${errors}`);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
