/** The table of contents of `xpmir`. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { checkpointCommand } from './checkpoint.ts';
import { diffCommand } from './diff.ts';
import { jobsCommand } from './jobs.ts';

export function program(): Command {
  return new Command('xpmir')
    .version(version())
    .description('Jobs of a workspace, what they compute, and what they left')
    .addCommand(jobsCommand())
    .addCommand(diffCommand())
    .addCommand(checkpointCommand());
}

function version(): string {
  const description = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(description) as { version: string }).version;
}
