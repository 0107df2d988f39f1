/** `xpmir build`: compiles the addon for the libtorch that is here, where no prebuilt one fits. */
import { Command } from 'commander';
import { action } from './action.ts';

export function buildCommand(): Command {
  return new Command('build')
    .description(
      'compile the addon from @xpmir/source for the libtorch that is found, or for one that is fetched',
    )
    .action(
      action(async () => {
        const { buildFromSource } = await import('../setup/fromSource.ts');
        const { directory, libtorch } = await buildFromSource();
        console.log(`The addon for libtorch ${libtorch} is in ${directory}`);
      }),
    );
}
