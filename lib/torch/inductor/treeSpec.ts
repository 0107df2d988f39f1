/** How arguments and results nest, as `torch.utils._pytree.treespec_dumps` writes it. */
import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { isPlainObject } from '../../plainObject.ts';
import { OwnedTensor } from '../lifetime.ts';
import { isArray } from '../nested.ts';
import type { Tensor } from '../tensor.ts';
import type { NamedTensor } from './inputs.ts';

export type Tree =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'sequence'; readonly children: readonly Tree[] }
  | { readonly kind: 'mapping'; readonly keys: readonly unknown[]; readonly children: readonly Tree[] };

type Sequence = Extract<Tree, { kind: 'sequence' }>;
type Mapping = Extract<Tree, { kind: 'mapping' }>;

/** How a function is called: its positional arguments, and those by name. */
export interface CallTree {
  readonly positional: Sequence;
  readonly named: Mapping;
}

interface Written {
  readonly type: string | null;
  readonly context: unknown;
  readonly children_spec: readonly Written[];
}

const PROTOCOL = 1;
const MAPPINGS: ReadonlySet<string> = new Set([
  'builtins.dict',
  'collections.OrderedDict',
  'collections.defaultdict',
]);

/** @throws ArgumentError with the code `ERR_FILE` for what is no such text */
export function parseTree(text: string): Tree {
  try {
    const [protocol, tree] = JSON.parse(text) as [number, Written];
    if (protocol === PROTOCOL) return treeOf(tree);
  } catch {
    // It is told below.
  }
  return refuse(text);
}

function refuse(text: string): never {
  throw new ArgumentError(
    `Expected a .pt2 package with a call spec but received ${text.slice(0, 200)}`,
    'ERR_FILE',
  );
}

function treeOf({ type, context, children_spec: written }: Written): Tree {
  if (type === null) return { kind: 'leaf' };
  const children = written.map(treeOf);
  if (!MAPPINGS.has(type)) return { kind: 'sequence', children };
  const read: unknown = typeof context === 'string' ? JSON.parse(context) : context;
  const keys = (isPlainObject(read) ? read.dict_context : read) as unknown[];
  if (keys.length !== children.length) throw new RangeError('a key for each child');
  return { kind: 'mapping', keys, children };
}

/** The tree of a call, which is a tuple of its arguments beside a dictionary of those by name. */
export function parseCall(text: string): CallTree {
  const tree = parseTree(text);
  if (tree.kind === 'sequence') {
    const [positional, named, ...more] = tree.children;
    if (positional?.kind === 'sequence' && named?.kind === 'mapping' && more.length === 0)
      return { positional, named };
  }
  return refuse(text);
}

/**
 * The tensors in the arguments of a call, in the order of the tree. Other values were fixed when the model was exported
 * and are left out.
 */
export function flattenCall({ positional, named }: CallTree, args: readonly unknown[]): NamedTensor[] {
  const count = positional.children.length;
  const last = args[count];
  const isNamed = named.keys.length > 0 && args.length === count + 1 && isPlainObject(last);
  if (args.length !== count + (isNamed ? 1 : 0)) {
    const names = named.keys.length > 0 ? ` and an object of ${named.keys.join(', ')}` : '';
    throw new ArgumentError(`Expected ${count} arguments${names} but received ${args.length}`);
  }
  const tensors: NamedTensor[] = [];
  for (const [i, child] of positional.children.entries())
    flatten(child, args[i], `argument ${i + 1}`, tensors);
  flatten(named, isNamed ? last : {}, 'the named arguments', tensors);
  return tensors;
}

function flatten(tree: Tree, value: unknown, name: string, tensors: NamedTensor[]): void {
  if (tree.kind === 'leaf') {
    if (OwnedTensor.is(value)) tensors.push({ name, tensor: value as Tensor });
    else if (
      value === undefined ||
      (typeof value === 'object' && value !== null) ||
      typeof value === 'function'
    )
      throw expected('a Tensor', name, value);
  } else if (tree.kind === 'sequence') {
    const { children } = tree;
    if (!isArray(value) || value.length !== children.length)
      throw expected(`an array of ${children.length}`, name, value);
    for (const [i, child] of children.entries()) flatten(child, value[i], `element ${i} of ${name}`, tensors);
  } else {
    const { keys, children } = tree;
    const map = mapOf(value);
    if (map?.size !== keys.length || !keys.every((key) => map.has(key)))
      throw expected(`an object of ${keys.join(', ') || 'nothing'}`, name, value);
    for (const [i, child] of children.entries())
      flatten(child, map.get(keys[i]), `${keys[i]} of ${name}`, tensors);
  }
}

function mapOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (types.isMap(value)) return value;
  return isPlainObject(value) && !OwnedTensor.is(value) ? new Map(Object.entries(value)) : undefined;
}

/** Results as they nest: arrays, objects, and Maps where keys are no strings. */
export function unflatten<T>(tree: Tree, leaves: readonly T[]): unknown {
  let next = 0;
  const build = (node: Tree): unknown => {
    if (node.kind === 'leaf') return leaves[next++];
    const children = node.children.map(build);
    if (node.kind === 'sequence') return children;
    const entries = children.map((child, i) => [node.keys[i], child] as const);
    return node.keys.every((key) => typeof key === 'string')
      ? Object.fromEntries(entries as [string, unknown][])
      : new Map(entries);
  };
  const result = build(tree);
  if (next === leaves.length) return result;
  throw new ArgumentError(
    `Expected ${next} results of the package but received ${leaves.length}`,
    'ERR_FILE',
  );
}
