/** Runs cases, as one process does it, and prints what came of each: `resumeProgram.ts <part> <directory> <cases.json>`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from './resumeCases.ts';
import { cutOf, runToCut, runToEnd, type Trace } from './resumeRun.ts';

/** A case, and the folder that it runs in where that is not named after it. */
export type Asked = Case & { readonly folder?: string };

/** Of one case, in the order of the cases. */
export interface Told {
  readonly id: number;
  readonly traces?: readonly Trace[];
  readonly error?: string;
}

const [part, directory, file] = process.argv.slice(2) as [string, string, string];
const of = ({ id, folder }: Asked, what: string) => join(directory, `${folder ?? id}-${what}`);

for (const given of JSON.parse(readFileSync(file, 'utf8')) as Asked[]) {
  const told: Told = await tracesOf(given).then(
    (traces) => ({ id: given.id, traces }),
    (error: unknown) => ({ id: given.id, error: error instanceof Error ? `${error.stack}` : `${error}` }),
  );
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

/** The first part is the whole run and the one that is cut, the second what is left of that. */
async function tracesOf(given: Asked): Promise<Trace[]> {
  if (part !== 'first') return [await runToEnd(given, of(given, 'cut'))];
  const whole = await runToEnd(given, of(given, 'whole'));
  return [whole, await runToCut(given, of(given, 'cut'), cutOf(given, whole))];
}
