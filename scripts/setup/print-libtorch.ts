/** Prints the directory of the libtorch to build against, for a CMake that was started without one. */
import { locateLibtorch } from '../../lib/libtorch.ts';

try {
  console.log(locateLibtorch({ headers: true, builtFor: [] }).directory);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
