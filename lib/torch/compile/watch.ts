/** Whether the fields of objects are what they were, such as those of modules whose operators were written down. */
import { types } from 'node:util';
import { isPlainObject } from '../../plainObject.ts';
import { Module } from '../nn/module.ts';

/** What an object held when it was last looked at. */
interface Look {
  readonly object: object;
  readonly kind: 'object' | 'array' | 'map';
  readonly keys: readonly unknown[];
  /** As many as keys; that of a getter stays empty, and is never asked for. */
  readonly values: readonly unknown[];
  readonly isField: readonly boolean[];
}

/** Larger ones in a field, such as a vocabulary, would take longer to look through than to compute with. */
const LARGEST_PART = 1000;

/**
 * Remembers the own enumerable fields of objects, the items of arrays and the entries of Maps, by identity. Getters are not called, and the
 * `training` of modules is left out, as tapes are told apart by it anyway.
 */
export class Watch {
  readonly #objects: () => Iterable<object>;
  #looks: readonly Look[];
  #at = 0;
  #isSame = true;
  #what = '';

  /** @param objects gives what to watch; asked again only after a change */
  constructor(objects: () => Iterable<object>) {
    this.#objects = objects;
    this.#looks = Array.from(objects(), lookAt);
  }

  /** Whether anything changed since this was last asked. It runs before every call, so it allocates nothing. */
  changed(): boolean {
    for (const look of this.#looks) {
      if (this.#isAsItWas(look)) continue;
      this.#what = look.object.constructor?.name ?? 'an object';
      this.#looks = Array.from(this.#objects(), lookAt);
      return true;
    }
    return false;
  }

  /** The class of what changed last. */
  get what(): string {
    return this.#what;
  }

  #isAsItWas(look: Look): boolean {
    if (look.kind === 'map') return this.#isSameMap(look);
    const fields = look.object as Record<string | number, unknown>;
    const { keys, values, isField } = look;
    let at = 0;
    if (look.kind === 'array') {
      while (at < keys.length && (!isField[at] || Object.is(fields[at], values[at]))) at++;
      return at === keys.length && at === fields.length;
    }
    for (const key in fields) {
      if (!Object.hasOwn(fields, key)) continue;
      if (key !== keys[at] || (isField[at] && !Object.is(fields[key], values[at]))) return false;
      at++;
    }
    return at === keys.length;
  }

  #isSameMap(look: Look): boolean {
    this.#at = 0;
    this.#isSame = true;
    (look.object as Map<unknown, unknown>).forEach(this.#compareEntry, look);
    return this.#isSame && this.#at === look.keys.length;
  }

  /** Called with a look as its `this`, so that no function is made for it. */
  readonly #compareEntry = ((watch: Watch) =>
    function (this: Look, value: unknown, key: unknown): void {
      const at = watch.#at++;
      if (!Object.is(key, this.keys[at]) || !Object.is(value, this.values[at])) watch.#isSame = false;
    })(this);
}

function lookAt(object: object): Look {
  if (types.isMap(object)) {
    const keys = [...object.keys()];
    return { object, kind: 'map', keys, values: [...object.values()], isField: keys.map(() => true) };
  }
  const isArray = Array.isArray(object);
  const keys = isArray ? Array.from({ length: object.length }, (_, i) => String(i)) : Object.keys(object);
  const fields = keys.map((key) => Object.getOwnPropertyDescriptor(object, key));
  const isWatched = (key: string) => key !== 'training' || !(object instanceof Module);
  return {
    object,
    kind: isArray ? 'array' : 'object',
    keys,
    values: fields.map((field) => field?.value),
    isField: keys.map(
      (key, i) => fields[i]?.get === undefined && fields[i]?.set === undefined && isWatched(key),
    ),
  };
}

/** What to watch of modules: they, and what is not large of the lists, Maps and plain objects in their fields. */
export function partsOf(modules: Iterable<object>): object[] {
  const parts = new Set<object>();
  for (const module of modules) {
    parts.add(module);
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(module)))
      if (sizeOf(value) <= LARGEST_PART) parts.add(value);
  }
  return [...parts];
}

function sizeOf(value: unknown): number {
  if (types.isProxy(value)) return Number.POSITIVE_INFINITY;
  if (Array.isArray(value)) return value.length;
  if (types.isMap(value)) return value.size;
  return isPlainObject(value) ? Object.keys(value).length : Number.POSITIVE_INFINITY;
}
