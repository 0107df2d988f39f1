/** The table of contents of `xpmir`. */
import { Command } from 'commander';
import { packageVersion } from '../packageVersion.ts';
import { checkpointCommand } from './checkpoint.ts';
import { diffCommand } from './diff.ts';
import { jobsCommand } from './jobs.ts';

export function program(): Command {
  return new Command('xpmir')
    .version(packageVersion())
    .description('Jobs of a workspace, what they compute, and what they left')
    .addCommand(jobsCommand())
    .addCommand(diffCommand())
    .addCommand(checkpointCommand());
}
