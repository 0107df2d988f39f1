/**
 * What both programs share: their arguments, and how they end.
 */
import { join, relative } from 'node:path';
import { parseArgs, types } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');

/** The packages that the project itself has installed. */
export const DEFAULT_FROM = fromRoot('node_modules');
/** Where the demo leaves its model. */
export const DEFAULT_OUT = fromRoot('runs', 'demo');

/** A path of this project, as it is called from the current directory. */
export function fromRoot(...path: string[]): string {
  return relative(process.cwd(), join(ROOT, ...path)) || '.';
}

/** Reads the command line; an option that does not exist, or has no value, is an error that names it. */
export function readArguments<K extends string>(
  options: Readonly<Record<K, 'string' | 'boolean'>>,
  { positionals = false } = {},
) {
  const described = Object.entries(options).map(([name, type]) => [name, { type }]);
  const config = { ...Object.fromEntries(described), help: { type: 'boolean', short: 'h' } };
  const parsed = parseArgs({ options: config, allowPositionals: positionals });
  const values = parsed.values as Partial<Record<K | 'help', string>>;
  if (values.help) throw new HelpWanted();
  /** A positive integer. */
  const count = (name: K, otherwise: number): number => {
    const given = values[name];
    if (given === undefined) return otherwise;
    if (!/^[1-9]\d{0,8}$/.test(given))
      throw new Error(`Expected a positive integer for --${name} but received "${given}"`);
    return Number(given);
  };
  return { values, positionals: parsed.positionals, count };
}

class HelpWanted extends Error {}

/** Runs a program; what goes wrong is told in one line, with the whole stack only where XPMIR_DEBUG asks for it. */
export async function runProgram(usage: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (error instanceof HelpWanted) {
      console.log(usage);
      return;
    }
    const told = types.isNativeError(error)
      ? process.env.XPMIR_DEBUG
        ? error.stack
        : error.message
      : String(error);
    console.error(told);
    if (isUsage(error)) console.error(usage);
    process.exitCode = 1;
  }
}

function isUsage(error: unknown): boolean {
  return types.isNativeError(error) && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
