/** Names for what differs between jobs, for tables and paths. Never in an identity. */
import { ArgumentError } from '../errors.ts';
import { wrong } from './accept.ts';
import type { Config } from './declaration.ts';
import { hidden, type TagValue } from './hidden.ts';
import { wholeTree } from './seal.ts';
import type { Place } from './tree.ts';

export type Tags = Readonly<Record<string, TagValue>>;

/** Tags a configuration: every task that holds it, and every task that uses an output of such a one, has the tags too. */
export function tag<T extends Config>(config: T, tags: Tags): T {
  for (const [key, value] of Object.entries(tags)) {
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw wrong(`tags.${key}`, 'a string, number or boolean', value);
    hidden(config).tags.set(key, value);
  }
  return config;
}

/**
 * All tags in a submission.
 *
 * @param inherited those of the jobs that it depends on; where these disagree about one, it is left out
 * @throws ArgumentError when one name has two values among the configurations of the task itself
 */
export function collectTags(places: readonly Place[], inherited: readonly Tags[]): Tags {
  const found: Record<string, TagValue> = {};
  for (const { config, at } of wholeTree(places)) {
    for (const [key, value] of hidden(config).tags) {
      if (key in found && found[key] !== value) {
        throw new ArgumentError(
          `${at}: the tag ${key} is ${JSON.stringify(value)} here and ${JSON.stringify(found[key])} elsewhere in the task`,
        );
      }
      found[key] = value;
    }
  }
  return { ...agreed(inherited), ...found };
}

function agreed(all: readonly Tags[]): Tags {
  const entries = all.flatMap((tags) => Object.entries(tags));
  return Object.fromEntries(
    entries.filter(([key, value]) => entries.every(([other, its]) => other !== key || its === value)),
  );
}

/** Tags as one name of a file, such as `lr=0.1_seed=2`: sorted, and the same for the same tags. */
export function tagsPath(tags: Tags): string {
  const parts = Object.keys(tags)
    .sort()
    .map((key) => `${key}=${tags[key]}`);
  return parts.map((part) => part.replace(/[/\\\0]/g, '-')).join('_');
}
