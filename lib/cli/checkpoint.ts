/** `xpmir checkpoint`: what a run left, whether it is whole, and what may go. Loads what reads checkpoints when it is called. */
import { Command, Option } from 'commander';
import { expected } from '../errors.ts';
import { action } from './action.ts';
import type { Listed } from './checkpointList.ts';

interface JsonOption {
  readonly json?: true;
}

interface PruneOptions {
  readonly keep: string;
  readonly every: string;
  readonly yes?: true;
}

const ofRun = "a run's directory, or the one with its checkpoints";
const ofAny = `${ofRun}, or one checkpoint`;

export function checkpointCommand(): Command {
  return new Command('checkpoint')
    .description('list, verify, show and prune checkpoints')
    .addCommand(listCommand())
    .addCommand(verifyCommand())
    .addCommand(showCommand())
    .addCommand(pruneCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('one line for each, the newest first, then what was set aside and what is unfinished')
    .argument('<dir>', ofRun)
    .option('--json', 'one JSON object for each line')
    .action(
      action(async (given: string, { json }: JsonOption) => {
        const { checkpointsOf } = await import('./checkpointPlace.ts');
        const { listed } = await import('./checkpointList.ts');
        const entries = await listed(checkpointsOf(given).directory);
        const width = Math.max(...entries.map(({ name }) => name.length));
        for (const entry of entries) console.log(json ? JSON.stringify(entry) : line(entry, width));
      }),
    );
}

function line(entry: Listed, width: number): string {
  return `${entry.name.padEnd(width)}  ${told(entry)}`;
}

function told(entry: Listed): string {
  const { state, epoch, steps, savedAt, bytes, last, reason } = entry;
  if (state !== 'saved') return `${WORDS[state]}: ${reason}${last ? '  last' : ''}`;
  return `epoch ${epoch}  ${steps} steps  ${savedAt}  ${bytes} bytes${last ? '  last' : ''}`;
}

const WORDS = {
  damaged: 'damaged',
  unreadable: 'unreadable',
  aside: 'set aside',
  unfinished: 'unfinished',
} as const;

function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'read every byte, of the best models that a run keeps too; exit code 1 if any is damaged, or there is none',
    )
    .argument('<dir>', ofAny)
    .option('--json', 'one JSON object for each line')
    .action(
      action(async (given: string, { json }: JsonOption) => {
        const { verified } = await import('./checkpointList.ts');
        let found = 0;
        for await (const { ok, name, files, bytes, reason } of verified(given)) {
          found++;
          if (!ok) process.exitCode = 1;
          const text = ok ? `ok (${files} files, ${bytes} bytes)` : reason;
          console.log(json ? JSON.stringify({ ok, name, files, bytes, reason }) : `${name}: ${text}`);
        }
        if (found === 0) throw expected('at least one checkpoint', 'dir', given);
      }),
    );
}

function showCommand(): Command {
  return new Command('show')
    .description('all about one, of a run about the newest: what made it, its files, its state and its model')
    .argument('<dir>', ofAny)
    .option('--json', 'as one JSON object')
    .action(
      action(async (given: string, { json }: JsonOption) => {
        const { described, linesOf, plainJson } = await import('./checkpointShown.ts');
        const shown = await described(given);
        for (const each of json ? [plainJson(shown)] : linesOf(shown)) console.log(each);
      }),
    );
}

function pruneCommand(): Command {
  return new Command('prune')
    .description('remove older ones; says which, and removes them with --yes')
    .argument('<dir>', ofRun)
    .requiredOption('-k, --keep <count>', 'how many of the newest stay; damaged ones do not count')
    .addOption(
      new Option('-e, --every <epochs>', 'those of epochs that are multiples of it stay too').default('0'),
    )
    .option('-y, --yes', 'remove them')
    .action(
      action(async (given: string, { keep, every, yes }: PruneOptions) => {
        const kept = { last: count(keep, '--keep', 1), every: count(every, '--every', 0) };
        const { checkpointsOf } = await import('./checkpointPlace.ts');
        const { prune } = await import('./checkpointPrune.ts');
        await prune(checkpointsOf(given), kept, { really: yes ?? false, tell: console.log });
      }),
    );
}

function count(text: string, name: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw expected(`an integer of at least ${least}`, name, text);
}
