/** `xpmir jobs`: what is in a workspace, and what to do about it. */

import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { readIfThere } from '../experiment/files.ts';
import type { DiskState, JobFiles } from '../experiment/jobFiles.ts';
import { readProgress, showProgress } from '../experiment/jobProgress.ts';
import { shortName } from '../experiment/report.ts';
import { tagsPath } from '../experiment/tags.ts';
import { Workspace } from '../experiment/workspace.ts';
import { action } from './action.ts';
import { findJob, jobArgument, type WorkspaceOption, workspaceOption } from './jobReference.ts';

const states: readonly DiskState[] = ['ready', 'running', 'done', 'failed', 'interrupted'];

const stateOption = () => new Option('-s, --state <state...>', 'only those in such a state').choices(states);

interface Selection extends WorkspaceOption {
  readonly state?: readonly DiskState[];
  readonly experiment?: string;
}

export function jobsCommand(): Command {
  return new Command('jobs')
    .description('list, show, kill and remove jobs')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(killCommand())
    .addCommand(cleanCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('one line for each job: state, name, tags, how far it is, and why it failed')
    .addOption(workspaceOption())
    .addOption(stateOption())
    .option('-e, --experiment <name>', 'only those of an experiment')
    .option('--json', 'one JSON object for each line')
    .action(
      action((options: Selection & { readonly json?: true }) => {
        for (const job of select(options))
          console.log(options.json ? JSON.stringify(summary(job)) : line(job));
      }),
    );
}

function select({ workspace: path, state, experiment }: Selection): JobFiles[] {
  const workspace = new Workspace(path);
  const jobs = experiment === undefined ? workspace.jobs() : workspace.jobsOf(experiment);
  return state === undefined ? jobs : jobs.filter((job) => state.includes(job.state()));
}

function summary(job: JobFiles) {
  const { task, identifier, directory } = job;
  return {
    state: job.state(),
    task,
    identifier,
    directory,
    tags: job.record()?.tags ?? {},
    failure: job.failure(),
    progress: job.isDone() ? undefined : readProgress(job.progress),
  };
}

function line(job: JobFiles): string {
  const { state, tags, failure, progress } = summary(job);
  const why =
    state === 'failed' && failure !== undefined
      ? `${failure.reason}: ${failure.message.split('\n', 1)[0]}`
      : '';
  const parts = [state.padEnd(11), shortName(job), tagsPath(tags), showProgress(progress), why];
  return parts.filter((part) => part !== '').join('  ');
}

function showCommand(): Command {
  return new Command('show')
    .description('all about a job')
    .argument('<job>', jobArgument)
    .addOption(workspaceOption())
    .option('-n, --lines <count>', 'how many of the last lines of its output', Number, 10)
    .action(
      action((reference: string, { workspace, lines }: WorkspaceOption & { readonly lines: number }) => {
        const job = findJob(new Workspace(workspace), reference);
        for (const [name, value] of details(job)) console.log(`${name.padEnd(11)}${value}`);
        for (const path of [job.out, job.err]) showEnd(path, lines);
      }),
    );
}

function details(job: JobFiles): [string, string][] {
  const owner = job.owner();
  const failure = job.failure();
  return [
    ['state', job.state()],
    ['task', job.task],
    ['identifier', job.identifier],
    ['directory', job.directory],
    ['tags', tagsPath(job.record()?.tags ?? {})],
    ['progress', showProgress(summary(job).progress)],
    ['process', owner === undefined ? '' : `${owner.pid} on ${owner.host}`],
    [
      'failure',
      failure === undefined ? '' : `${failure.reason} (exit code ${failure.code}): ${failure.message}`,
    ],
  ].filter(([, value]) => value !== '') as [string, string][];
}

function showEnd(path: string, count: number): void {
  const lines = (readIfThere(path) ?? '').trimEnd().split('\n');
  if (count < 1 || lines.join('') === '') return;
  console.log(`\n${path}`);
  for (const each of lines.slice(-count)) console.log(`  ${each}`);
}

function killCommand(): Command {
  return new Command('kill')
    .description('cancel jobs: they end as their task sees fit')
    .argument('<job...>', jobArgument)
    .addOption(workspaceOption())
    .option('-f, --force', 'end them at once, with the processes that they started')
    .action(
      action((references: string[], { workspace, force }: WorkspaceOption & { readonly force?: true }) => {
        for (const job of references.map((each) => findJob(new Workspace(workspace), each)))
          kill(job, force ?? false);
      }),
    );
}

function kill(job: JobFiles, force: boolean): void {
  const owner = job.owner();
  if (owner === undefined) throw new Error(`${shortName(job)} does not run: it is ${job.state()}`);
  if (owner.host !== hostname())
    throw new Error(`${shortName(job)} runs on ${owner.host}: call this command there`);
  // A job leads its own group.
  process.kill(force ? -owner.pid : owner.pid, force ? 'SIGKILL' : 'SIGTERM');
  console.log(`${shortName(job)}: sent ${force ? 'SIGKILL' : 'SIGTERM'} to process ${owner.pid}`);
}

function cleanCommand(): Command {
  return new Command('clean')
    .description('remove jobs with all that they left; says which, and removes them with --yes')
    .argument('[job...]', jobArgument)
    .addOption(workspaceOption())
    .addOption(stateOption())
    .option('-y, --yes', 'remove them')
    .action(
      action((references: string[], options: Selection & { readonly yes?: true }) => {
        const workspace = new Workspace(options.workspace);
        if (references.length === 0 && options.state === undefined)
          throw new Error('Say which: name jobs, or give --state');
        const named = references.map((each) => findJob(workspace, each));
        const jobs = references.length === 0 ? select(options) : named;
        for (const job of jobs)
          console.log(`${clean(workspace, job, options.yes ?? false)} ${shortName(job)}`);
      }),
    );
}

function clean(workspace: Workspace, job: JobFiles, really: boolean): string {
  if (job.state() === 'running') return 'runs, kept:';
  if (!really) return 'would remove';
  return workspace.remove(job) ? 'removed' : 'runs, kept:';
}
