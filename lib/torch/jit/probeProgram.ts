/** The process of `probe`: loads one file and prints a line of JSON about it. */
import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { readBytes } from '../io/knownBytes.ts';
import { load } from './load.ts';

function report(path: string): object {
  try {
    const bytes = readBytes(path);
    const script = load(bytes);
    return {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      originalName: script.originalName,
      methods: script.methods,
      state: [...script.stateDict()].map(([name, { shape }]) => [name, shape]),
    };
  } catch (error) {
    return { problem: types.isNativeError(error) ? error.message : String(error) };
  }
}

process.stdout.write(`${JSON.stringify(report(process.argv[2] as string))}\n`);
