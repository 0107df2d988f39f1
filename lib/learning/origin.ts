/**
 * What a checkpoint is made with: where that changes, a run that goes on may round otherwise.
 */
import { packageVersion } from '../packageVersion.ts';
import { getNumThreads, version } from '../torch/threads.ts';
import type { Origin, RunSettings } from './manifest.ts';

const xpmir = packageVersion();

/** Of this process. */
export function originOf(device: string, settings?: RunSettings): Origin {
  const made = { xpmir, libtorch: version(), node: process.versions.node, device, threads: getNumThreads() };
  return settings === undefined ? made : { ...made, settings };
}

/** What of it changes the bits of a result, in words; empty where nothing did. */
export function originChanges(before: Origin, now: Origin): string {
  const changes: string[] = [];
  if (before.libtorch !== now.libtorch) changes.push(`by libtorch ${before.libtorch}, not ${now.libtorch}`);
  if (kindOf(before.device) !== kindOf(now.device)) changes.push(`on ${before.device}, not ${now.device}`);
  if (before.threads !== now.threads)
    changes.push(`with ${before.threads} threads of libtorch, not ${now.threads}`);
  for (const name of SETTINGS) {
    const [then, today] = [before.settings?.[name], now.settings?.[name]];
    if (then !== undefined && today !== undefined && then !== today)
      changes.push(`with ${name} ${then}, not ${today}`);
  }
  return changes.join(', ');
}

const SETTINGS = ['stepsPerEpoch', 'accumulateGradBatches', 'precision'] as const;

/** `cuda` of `cuda:1`. */
function kindOf(device: string): string {
  return device.replace(/:.*/, '');
}
