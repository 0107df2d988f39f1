/**
 * What a checkpoint is made with: where that changes, a run that goes on may round otherwise.
 */
import { packageVersion } from '../packageVersion.ts';
import { getNumThreads, version } from '../torch/threads.ts';
import type { Origin } from './manifest.ts';

const xpmir = packageVersion();

/** Of this process. */
export function originOf(device: string): Origin {
  return { xpmir, libtorch: version(), node: process.versions.node, device, threads: getNumThreads() };
}

/** What of it changes the bits of a result, in words; empty where nothing did. */
export function originChanges(before: Origin, now: Origin): string {
  const changes: string[] = [];
  if (before.libtorch !== now.libtorch) changes.push(`by libtorch ${before.libtorch}, not ${now.libtorch}`);
  if (kindOf(before.device) !== kindOf(now.device)) changes.push(`on ${before.device}, not ${now.device}`);
  if (before.threads !== now.threads)
    changes.push(`with ${before.threads} threads of libtorch, not ${now.threads}`);
  return changes.join(', ');
}

/** `cuda` of `cuda:1`. */
function kindOf(device: string): string {
  return device.replace(/:.*/, '');
}
