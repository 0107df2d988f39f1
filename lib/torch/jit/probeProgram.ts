/** The process of `probe`: takes paths of files, a JSON string each line, loads each and answers with a line about it. */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { types } from 'node:util';
import { readBytes } from '../io/knownBytes.ts';
import { load } from './load.ts';

const ANSWERS = 3;

function report(path: string): object {
  try {
    const bytes = readBytes(path);
    const script = load(bytes);
    const state = [...script.stateDict()];
    const found = {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      originalName: script.originalName,
      methods: script.methods,
      state: state.map(([name, { shape }]) => [name, shape]),
    };
    for (const [, tensor] of state) tensor.dispose();
    return found;
  } catch (error) {
    return { problem: types.isNativeError(error) ? error.message : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  writeSync(ANSWERS, `${JSON.stringify(report(JSON.parse(line) as string))}\n`);
