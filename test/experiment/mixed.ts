/** The mistake of a script that declares its tasks and runs its experiment in one file. */
import { experiment, param, string, task } from '../../lib/experiment/index.ts';

export class Mixed extends task(import.meta, 'test.mixed.Mixed', { x: param(string) }) {
  override execute() {}
}

const xp = experiment('mixed', process.argv[2] ?? '', { observer: false });
new Mixed({ x: 'x' }).submit();
xp.wait().catch((error) => console.log(String(error)));
