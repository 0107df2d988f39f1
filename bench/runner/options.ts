/** The command line of the bench. */

import { parseArgs } from 'node:util';
import { expected } from '../../lib/errors.ts';
import { type Case, cases } from './cases.ts';

export interface Options {
  readonly json: boolean;
  readonly help: boolean;
  /** Rounds of every case; each case has its own number when this is not given. */
  readonly rounds: number | undefined;
  /** Threads of libtorch, on both sides. */
  readonly threads: number;
  readonly cases: readonly Case[];
  /** Where the page of results is written; undefined: nowhere. */
  readonly write: string | undefined;
}

/** What a run of all cases writes. */
export const RESULTS = 'bench/RESULTS.md';

export const usage = `npm run bench -- [--only NAME]... [--rounds N] [--threads N] [--json] [--write FILE | --no-write]

PyTorch in Python and this, in alternating rounds. XPMIR_PYTHON names the Python (python3 otherwise); it needs the same torch.
A run of everything writes ${RESULTS}, which is to be committed; a run of some cases writes nothing. --write FILE writes
what was run to FILE, --no-write nothing.

${cases.map(({ name, title }) => `  ${name.padEnd(22)} ${title}`).join('\n')}
`;

/** @throws ArgumentError for what it does not know; `--only first-step` takes every case whose name begins so. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '1' },
      write: { type: 'string' },
      'no-write': { type: 'boolean', default: false },
    },
  });
  for (const only of values.only) {
    if (!cases.some(({ name }) => name.startsWith(only)))
      throw expected(`one of ${cases.map(({ name }) => name).join(', ')}`, '--only', only);
  }
  const chosen = cases.filter(({ name }) => values.only.some((only) => name.startsWith(only)));
  return {
    json: values.json,
    help: values.help,
    rounds: values.rounds === undefined ? undefined : positive('--rounds', values.rounds),
    threads: positive('--threads', values.threads),
    cases: chosen.length === 0 ? cases : chosen,
    write: values['no-write'] ? undefined : (values.write ?? (chosen.length === 0 ? RESULTS : undefined)),
  };
}

function positive(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw expected('a positive integer', name, text);
  return Number(text);
}
