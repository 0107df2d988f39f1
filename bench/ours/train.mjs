/** `train.mjs TORCH STEPS THREADS`: a whole process that trains, and prints its loss and the most memory it had. */

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { mlp } from './mlp.mjs';

const [path, steps, threads] = process.argv.slice(2);
const torch = await import(pathToFileURL(path).href);
torch.setNumThreads(Number(threads));
const loss = await mlp(torch)(Number(steps));
console.log(JSON.stringify({ loss, peakBytes: peakBytes() }));

/** Linux counts what getrusage tells from before the program was even started; its own file does not. */
function peakBytes() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
