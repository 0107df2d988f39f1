/** How libtorch runs TorchScript. */
import { expected } from '../../errors.ts';
import { native } from '../../native.ts';

/**
 * Whether calls of scripts, from here on and in this thread, may run graphs that were optimized for the calls before; on, as
 * in PyTorch, unless set.
 *
 * Optimized graphs may round otherwise than the first calls of a model do, so that a run which goes on with a model that was
 * loaded again may differ in last bits from one that never stopped; with `false` it does not.
 */
export function setOptimizedExecution(enabled: boolean): void {
  if (typeof enabled !== 'boolean') throw expected('a boolean', 'enabled', enabled);
  native().scriptOptimizes(enabled);
}
