/**
 * Memory that ran out, and what can be done about it.
 */
import { setImmediate as macrotask } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What libraries below libtorch, and V8, say when they get no memory; libtorch's own errors have a code. */
const MESSAGES = [
  /\bout of memory\b/i,
  /CUBLAS_STATUS_ALLOC_FAILED/,
  // What cuDNN answers when there is no room for the workspace of an algorithm.
  /CUDNN_STATUS_(NOT_SUPPORTED|ALLOC_FAILED)/,
  /DefaultCPUAllocator: (can't allocate|not enough) memory/,
  /^Array buffer allocation failed$/,
];

/** Whether an error, or what caused it, says that memory ran out, on the CPU or a GPU. */
export function isOutOfMemory(error: unknown): boolean {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 8; depth++) {
    const { code, message, cause } = at as { code?: unknown; message?: unknown; cause?: unknown };
    if (code === 'ERR_OUT_OF_MEMORY') return true;
    if (typeof message === 'string' && MESSAGES.some((each) => each.test(message))) return true;
    at = cause;
  }
  return false;
}

/** Thrown inside a step: memory ran out, and the whole step is to be done again, in smaller parts. */
export class RecoverableOOMError extends Error {
  readonly code = 'ERR_OUT_OF_MEMORY';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'RecoverableOOMError';
  }
}

let collect: (() => void) | undefined;

/**
 * Frees the tensors that nobody refers to any more and that no scope freed. What libtorch keeps of a GPU's memory for
 * later needs no call: its allocator gives that back by itself before it says that memory ran out.
 */
export async function freeMemory(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  // Tensors are released by finalizers, which have their turn between two tasks.
  await macrotask();
}
