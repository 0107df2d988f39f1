/** How much memory a process had at most. */

import { readFileSync } from 'node:fs';

/** Resident. Linux counts what getrusage tells from before the program was even started; its own file does not. */
export function peakBytes() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
