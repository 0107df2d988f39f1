/** How a job is named on the command line. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import { JobFiles } from '../experiment/jobFiles.ts';
import { shortName } from '../experiment/report.ts';
import type { Workspace } from '../experiment/workspace.ts';

export interface WorkspaceOption {
  readonly workspace: string;
}

/** `-w, --workspace`, which every command about jobs has. */
export function workspaceOption(): Option {
  return new Option('-w, --workspace <directory>', 'the workspace').env('XPMIR_WORKSPACE').default('.');
}

export const jobArgument = 'first letters of its identifier, `task/letters`, or its directory';

/** @throws Error that names the candidates, when there is not exactly one */
export function findJob(workspace: Workspace, reference: string): JobFiles {
  const path = resolve(basename(reference) === 'params.json' ? dirname(reference) : reference);
  if (existsSync(join(path, 'params.json'))) return new JobFiles(path);
  const [letters = '', task] = reference.toLowerCase().split('/').reverse();
  const isTask = (id: string) => task === undefined || id === task || id.endsWith(`.${task}`);
  const found = workspace
    .jobs()
    .filter((job) => letters !== '' && job.identifier.startsWith(letters) && isTask(job.task));
  if (found.length === 1) return found[0] as JobFiles;
  if (found.length === 0)
    throw new Error(`No job ${reference} in ${workspace.path}; \`xpmir jobs list\` shows them`);
  throw new Error(`${reference} may be any of ${found.map(shortName).join(', ')}`);
}
