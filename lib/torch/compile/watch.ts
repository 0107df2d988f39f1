/** Notices when JavaScript changes what a compiled function may depend on. */

interface Seen {
  readonly object: object;
  readonly keys: readonly string[];
  readonly values: unknown[];
  /** With those that have getters. */
  readonly everyKey: readonly string[];
}

/** The own enumerable data properties of objects; getters are not called. */
export class Watch {
  readonly #objects: () => Iterable<object>;
  #seen: Seen[];
  #what = '';

  /** @param objects asked again when something changed, as others may belong to them then */
  constructor(objects: () => Iterable<object>) {
    this.#objects = objects;
    this.#seen = [...objects()].map(look);
  }

  /** Whether a property changed, came or went since the last time. */
  changed(): boolean {
    for (const seen of this.#seen) {
      if (isSame(seen, this)) continue;
      this.#seen = [...this.#objects()].map(look);
      return true;
    }
    return false;
  }

  /** The property that changed last, such as `Ranker.weight`. */
  get what(): string {
    return this.#what;
  }

  /** @internal */
  note(object: object, key: string): false {
    this.#what = `${object.constructor?.name ?? 'object'}.${key}`;
    return false;
  }
}

function look(object: object): Seen {
  const keys: string[] = [];
  const values: unknown[] = [];
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    if (property.enumerable !== true || property.get !== undefined) continue;
    keys.push(key);
    values.push(property.value);
  }
  return { object, keys, values, everyKey: Object.keys(object) };
}

function isSame({ object, keys, values, everyKey }: Seen, watch: Watch): boolean {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (!Object.is((object as Record<string, unknown>)[key], values[i])) return watch.note(object, key);
  }
  const all = everyKey.length;
  let count = 0;
  for (const key in object) {
    if (!Object.hasOwn(object, key)) continue;
    if (count < all && everyKey[count] !== key) return watch.note(object, key);
    count++;
  }
  return count === all || watch.note(object, 'properties');
}
