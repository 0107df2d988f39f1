/** Tries for each of so many locks at the moment that all racers do, and says which it got: `racer.ts DIRECTORY LOG COUNT`. */
import { appendFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Lock } from '../../lib/experiment/lock.ts';

const [directory = '', log = '', count = '0'] = process.argv.slice(2);
const signal = join(directory, 'start');
const interval = 15;

appendFileSync(log, 'ready\n');
while (!existsSync(signal));
const start = statSync(signal).mtimeMs;
for (let i = 0; i < Number(count); i++) {
  while (Date.now() < start + i * interval);
  if (Lock.take(join(directory, `${i}`)) !== undefined) appendFileSync(log, `${i}\n`);
}
appendFileSync(log, 'through\n');
// Holds what it took until it is killed, so that a slower one cannot take it from a dead process.
setInterval(() => {}, 1000);
