/** `xpmir setup`: gets a libtorch where there is none, or the one that a person wants. Nothing else ever fetches anything. */
import { Command } from 'commander';
import type { SetUpOptions, SetUpPlan } from '../setup/plan.ts';
import { action } from './action.ts';

interface Options extends SetUpOptions {
  readonly dryRun?: true;
  readonly remove?: true;
}

export function setupCommand(): Command {
  return new Command('setup')
    .description('find libtorch or fetch it, for CUDA where there is an NVIDIA driver')
    .option('--cpu', 'the build without CUDA, whatever the machine has')
    .option(
      '--cuda [build]',
      'the build with CUDA: cu126, cu130 or cu132; the one that suits the driver unless named',
    )
    .option('--python', 'use the torch of the active Python environment')
    .option(
      '--from <path>',
      'a wheel of torch, an archive or directory of libtorch, or a directory with one: no network',
    )
    .option('--mirror <url>', 'the folder that has the archive, instead of its vendor')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--remove', 'remove everything that was fetched or chosen')
    .addHelpText(
      'after',
      `
Environment: XPMIR_LIBTORCH (the libtorch to use), XPMIR_LIBTORCH_URL (a mirror), XPMIR_LIBTORCH_SHA256 (what the archive
must be), XPMIR_PYTHON (whose pip fetches), HTTPS_PROXY, NO_PROXY, XDG_CACHE_HOME.`,
    )
    .action(action((options: Options) => run(options)));
}

async function run({ dryRun, remove, ...options }: Options): Promise<void> {
  const { cacheDirectory } = await import('../libtorch.ts');
  if (remove) {
    if (dryRun) return console.log(`Would remove everything in ${cacheDirectory()}`);
    const { removeFetched } = await import('../setup/libtorch.ts');
    const any = await removeFetched();
    return console.log(
      `${any ? 'Removed everything' : 'Nothing to remove: nothing was fetched or chosen'} in ${cacheDirectory()}`,
    );
  }
  const { planSetUp } = await import('../setup/plan.ts');
  const plan = planSetUp(options);
  if (dryRun) return console.log(told(plan));
  const { setUp } = await import('../setup/setUp.ts');
  const { version, directory, source } = await setUp(plan);
  console.log(`Programs load libtorch ${version} (${source}: ${directory})`);
}

function told(plan: SetUpPlan): string {
  if (plan.action === 'keep')
    return `Nothing to do: libtorch ${plan.libtorch.version} is found (${plan.libtorch.source}: ${plan.libtorch.directory})`;
  if (plan.action === 'choose') return `Would use libtorch ${plan.version} in ${plan.directory}`;
  return `Would get libtorch ${plan.request.version}+${plan.request.variant} from ${plan.from} into ${plan.place}`;
}
