/** Runs the program with the given arguments and names the native libraries of torch that it loaded. */
import { program } from '../../lib/cli/program.ts';

console.log = () => {};
await program().parseAsync();
const { sharedObjects } = process.report.getReport() as unknown as {
  readonly sharedObjects: readonly string[];
};
process.stdout.write(sharedObjects.filter((path) => /torch|xpmir|\.node$/.test(path)).join('\n'));
