/** `xpmir diff A B`: why two jobs are not the same job. */
import { Command } from 'commander';
import { differences, type FindProducer } from '../experiment/differences.ts';
import type { JobFiles } from '../experiment/jobFiles.ts';
import type { TaskRecord } from '../experiment/record.ts';
import { shortName } from '../experiment/report.ts';
import { Workspace } from '../experiment/workspace.ts';
import { action } from './action.ts';
import { findJob, jobArgument, type WorkspaceOption, workspaceOption } from './jobReference.ts';

export function diffCommand(): Command {
  return new Command('diff')
    .description('explain why two jobs have different identifiers, parameter by parameter')
    .argument('<a>', jobArgument)
    .argument('<b>', jobArgument)
    .addOption(workspaceOption())
    .action(
      action((a: string, b: string, { workspace: path }: WorkspaceOption) => {
        const workspace = new Workspace(path);
        const [left, right] = [read(findJob(workspace, a)), read(findJob(workspace, b))];
        for (const line of explain(left, right, inWorkspaceOf(findJob(workspace, a)))) console.log(line);
      }),
    );
}

function read(job: JobFiles): TaskRecord {
  const record = job.record();
  if (record === undefined) throw new Error(`${shortName(job)} has no params.json that could be read`);
  return record;
}

function inWorkspaceOf(job: JobFiles): FindProducer {
  const workspace = new Workspace(job.workspace);
  return ({ task, identifier }) => workspace.job(task, identifier).record();
}

function explain(left: TaskRecord, right: TaskRecord, find: FindProducer): string[] {
  if (left.identifier === right.identifier) return ['The same identity'];
  const found = differences(left, right, find);
  if (found.length === 0) return ['The same parameters, but not the same objects are shared between them'];
  return found.map(({ at, left, right }) => `${at}: ${left} -> ${right}`);
}
