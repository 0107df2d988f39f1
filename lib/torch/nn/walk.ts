import { expected } from '../../errors.ts';
import type { Tensor } from '../tensor.ts';
import type { Module } from './module.ts';

/** What to walk: names start with `prefix`; children are entered; a shared tensor or module counts once. */
export interface WalkOptions {
  readonly prefix?: string;
  readonly recurse?: boolean;
  readonly removeDuplicate?: boolean;
}

export type Named<T> = [name: string, value: T];

/** The entries whose value is of the wanted kind. */
export function pick<T>(
  entries: Iterable<Named<unknown>>,
  isWanted: (value: unknown) => value is T,
): Named<T>[] {
  return [...entries].filter((entry): entry is Named<T> => isWanted(entry[1]));
}

/** `a.b`, or `b` where there is no prefix. */
export function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

/** What `own` finds in a module and below, under dotted names. */
export function namedMembers<T extends Tensor>(
  root: Module,
  own: (module: Module) => Named<T>[],
  { prefix = '', recurse = true, removeDuplicate = true }: WalkOptions,
): Named<T>[] {
  const modules = recurse
    ? root.namedModules({ prefix, removeDuplicate })
    : [[prefix, root] as Named<Module>];
  const seen = new Set<T>();
  const found: Named<T>[] = [];
  for (const [path, module] of modules) {
    for (const [name, value] of own(module)) {
      if (seen.has(value)) continue;
      if (removeDuplicate) seen.add(value);
      found.push([join(path, name), value]);
    }
  }
  return found;
}

/** The module at a dotted path; '' is `root`. */
export function submodule(root: Module, path: string): Module {
  let module = root;
  for (const name of path === '' ? [] : path.split('.'))
    module = lookUp(module, 'submodule', name, module.ownModules());
  return module;
}

/** What `own` finds under the last name of a dotted path. */
export function memberAt<T>(
  root: Module,
  path: string,
  kind: string,
  own: (module: Module) => Named<T>[],
): T {
  const dot = path.lastIndexOf('.');
  const module = submodule(root, path.slice(0, Math.max(dot, 0)));
  return lookUp(module, kind, path.slice(dot + 1), own(module));
}

function lookUp<T>(module: Module, kind: string, name: string, entries: Named<T>[]): T {
  const found = entries.find(([key]) => key === name);
  if (found) return found[1];
  const known = entries.map(([key]) => key).join(', ') || 'none';
  throw expected(`one of: ${known}`, `${kind} of ${module.constructor.name}`, name);
}

/** Refuses a name that cannot become a key of the state dict or that the module uses for something else. */
export function checkName(module: Module, kind: string, name: string, isRegistered: boolean): void {
  if (typeof name !== 'string') throw expected('a string', `${kind} name`, name);
  if (name === '') throw expected('a non-empty string', `${kind} name`, name);
  if (name.includes('.')) throw expected('a name without "."', `${kind} name`, name);
  if (name in module && !isRegistered && (module as object as Record<string, unknown>)[name] !== undefined) {
    throw expected('a name that is not taken yet', `${kind} name`, name);
  }
}
