/** TensorBoard itself, from pip, in the Python that XPMIR_PYTHON names. */
import { execFileSync } from 'node:child_process';

const python = process.env.XPMIR_PYTHON ?? 'python3';

/** Runs a script and reads what it prints as JSON. */
export function runPython(script: string, ...args: readonly string[]): unknown {
  const output = execFileSync(python, ['-c', script, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output);
}

export const hasTensorboard = (() => {
  try {
    return runPython('import tensorboard.backend.event_processing.event_accumulator\nprint("true")') === true;
  } catch {
    return false;
  }
})();

/** For the names of tests. */
export const whyWithout = hasTensorboard
  ? ''
  : ' (skipped: the Python named by XPMIR_PYTHON has no tensorboard package)';
