/** The table of contents of `xpmir`. */
import { Command } from 'commander';
import { packageVersion } from '../packageVersion.ts';
import { buildCommand } from './build.ts';
import { checkpointCommand } from './checkpoint.ts';
import { diffCommand } from './diff.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { jobsCommand } from './jobs.ts';
import { setupCommand } from './setup.ts';

export function program(): Command {
  return new Command('xpmir')
    .version(packageVersion())
    .description('Set-up, jobs of a workspace, what they compute, what they left, and what runs are worth')
    .addCommand(setupCommand())
    .addCommand(doctorCommand())
    .addCommand(buildCommand())
    .addCommand(jobsCommand())
    .addCommand(diffCommand())
    .addCommand(checkpointCommand())
    .addCommand(evaluateCommand());
}
