/** Going through a configuration and all that it holds. */
import { type Config, DECLARATION, fieldOf, isConfig } from './declaration.ts';
import { hidden } from './hidden.ts';
import type { Shape } from './types.ts';

/** An object and where it stands, as a message names it and as a path names it. */
export interface Place<T extends object = Config> {
  readonly config: T;
  /** Such as `learner.optimizers[1]`. */
  readonly at: string;
  /** Such as `['optimizers', '1']`. */
  readonly steps: readonly string[];
}

/**
 * `root` and all configurations in it, each once, in the order of declaration.
 *
 * @param enter whether to go on into a configuration; by default into all
 */
export function* tree(
  root: Place,
  enter: (place: Place) => boolean = () => true,
  seen = new Set<Config>(),
): Generator<Place> {
  if (seen.has(root.config)) return;
  seen.add(root.config);
  yield root;
  if (!enter(root)) return;
  for (const child of children(root)) if (isPlaceOfConfig(child)) yield* tree(child, enter, seen);
}

function isPlaceOfConfig(place: Place<object>): place is Place {
  return isConfig(place.config);
}

/** What a configuration holds: configurations, and, where a parameter is of another class, any objects. */
export function* children({ config, at, steps }: Place): Generator<Place<object>> {
  for (const [name, { role, shape }] of config[DECLARATION].parameters) {
    if (role === 'path') continue;
    const value = fieldOf(config, name);
    yield* objectsIn(shape, value, `${at}.${name}`, [...steps, name]);
  }
  for (const [i, pretask] of hidden(config).pretasks.entries()) {
    yield { config: pretask, at: `${at}.pretasks[${i}]`, steps: [...steps, 'pretasks', `${i}`] };
  }
}

function* objectsIn(
  shape: Shape,
  value: unknown,
  at: string,
  steps: readonly string[],
): Generator<Place<object>> {
  if (value === undefined) return;
  switch (shape.kind) {
    case 'config':
      yield { config: value as object, at, steps };
      return;
    case 'optional':
      yield* objectsIn(shape.item, value, at, steps);
      return;
    case 'list':
    case 'set': {
      let i = 0;
      for (const item of value as Iterable<unknown>) {
        yield* objectsIn(shape.item, item, `${at}[${i}]`, [...steps, `${i}`]);
        i++;
      }
      return;
    }
    case 'dict':
      for (const [key, item] of Object.entries(value as object)) {
        yield* objectsIn(shape.item, item, `${at}[${JSON.stringify(key)}]`, [
          ...steps,
          encodeURIComponent(key),
        ]);
      }
  }
}
