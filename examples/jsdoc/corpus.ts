/**
 * A test collection from a tree of declaration files: documents, topics with what is relevant to each, and three
 * parts that share no declaration and no near-duplicate.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Declaration } from './declaration.ts';
import { extractDeclarations } from './extract.ts';
import { terms } from './text.ts';

export type Part = 'train' | 'validation' | 'test';

/** A query with the numbers of the declarations that it documents. */
export interface Topic {
  readonly text: string;
  readonly relevant: readonly number[];
  readonly part: Part;
}

export interface Corpus {
  /** What is searched; a document's number is its place here. */
  readonly documents: readonly Declaration[];
  readonly topics: readonly Topic[];
}

/** A sentence over declarations of more different names than this describes none of them. */
const MAX_NAMES = 3;
/** Two queries with at least this share of their words in common are near-duplicates. */
const NEAR = 0.8;

/**
 * Every `.d.ts`, `.d.mts` and `.d.cts` file under a directory, sorted.
 *
 * @throws Error when there is no such directory
 */
export function declarationFiles(directory: string): string[] {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`Expected a directory for --from but received ${directory}`);
  }
  const files: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) walk(child);
      else if (entry.isFile() && /\.d\.[mc]?ts$/.test(entry.name)) files.push(child);
    }
  };
  walk(directory);
  return files.sort();
}

/** Reads every declaration file under a directory. */
export function readDeclarations(directory: string): Declaration[] {
  return declarationFiles(directory).flatMap((file) =>
    extractDeclarations(readFileSync(file, 'utf8'), moduleName(relative(directory, file))),
  );
}

/** `@types/node/fs/promises.d.ts` is the module `node/fs/promises`; of nested packages the innermost counts. */
function moduleName(path: string): string {
  const inner = path
    .split(sep)
    .join('/')
    .replace(/^.*\bnode_modules\//, '');
  return inner
    .replace(/^@types\//, '')
    .replace(/\.d\.[mc]?ts$/, '')
    .replace(/\/index$/, '');
}

/** Builds the collection: copies and overloads become one document, equal sentences one topic. */
export function buildCorpus(declarations: readonly Declaration[]): Corpus {
  const documents = mergeOverloads(dropCopies(declarations));
  const byQuery = new Map<string, number[]>();
  for (const [number, { query }] of documents.entries()) {
    const key = query.toLowerCase();
    byQuery.set(key, [...(byQuery.get(key) ?? []), number]);
  }
  const relevant = [...byQuery.values()].filter(
    (numbers) => new Set(numbers.map((number) => (documents[number] as Declaration).name)).size <= MAX_NAMES,
  );
  const groups = groupNearDuplicates(relevant, documents);
  const topics = relevant.map((numbers, i) => ({
    text: (documents[numbers[0] as number] as Declaration).query,
    relevant: numbers,
    part: partOf(groups[i] as string),
  }));
  return { documents, topics };
}

/** The same declaration in another file: packages ship their types more than once, for example as .d.mts and .d.cts. */
function dropCopies(declarations: readonly Declaration[]): Declaration[] {
  const first = new Map<string, Declaration>();
  for (const each of declarations) {
    const key = [each.query, each.container, each.name, each.signature].join('\n');
    if (!first.has(key)) first.set(key, each);
  }
  return [...first.values()];
}

/** Overloads are one document: the sentence of the first, the signatures of all. */
function mergeOverloads(declarations: readonly Declaration[]): Declaration[] {
  const merged = new Map<string, Declaration>();
  for (const each of declarations) {
    const key = identityOf(each);
    const earlier = merged.get(key);
    if (earlier === undefined) merged.set(key, each);
    else if (!earlier.signature.includes(each.signature)) {
      merged.set(key, { ...earlier, signature: `${earlier.signature} ${each.signature}` });
    }
  }
  return [...merged.values()];
}

function identityOf({ module, container, name }: Declaration): string {
  return `${module}\n${container}\n${name}`;
}

/**
 * Names a group for each topic. Topics are in one group when their sentences share most of their words, or when a
 * declaration of the one has the place and name of a declaration of the other in another module.
 */
function groupNearDuplicates(
  relevant: readonly (readonly number[])[],
  documents: readonly Declaration[],
): string[] {
  const parent = relevant.map((_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root] as number;
    parent[i] = root;
    return root;
  };
  const join = (i: number, j: number): void => {
    parent[Math.max(find(i), find(j))] = Math.min(find(i), find(j));
  };

  const places = new Map<string, number>();
  for (const [i, numbers] of relevant.entries()) {
    for (const number of numbers) {
      const { container, name, signature } = documents[number] as Declaration;
      const place = container === '' ? signature : `${container}.${name}`;
      join(i, places.get(place) ?? i);
      places.set(place, i);
    }
  }
  const words = relevant.map(
    (numbers) => new Set(terms((documents[numbers[0] as number] as Declaration).query)),
  );
  for (const [i, j] of similarPairs(words, NEAR)) join(i, j);
  return relevant.map((_, i) => {
    const [first] = relevant[find(i)] as readonly number[];
    return identityOf(documents[first as number] as Declaration);
  });
}

/**
 * Pairs of sets whose common part is at least `share` of their union. Elements are ordered by rarity: two such sets
 * must share one of their first (1 − share)·size + 1 elements, so only those are looked up.
 */
function* similarPairs(sets: readonly ReadonlySet<string>[], share: number): Generator<[number, number]> {
  const frequency = new Map<string, number>();
  for (const set of sets) for (const word of set) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const rank = (word: string): number => frequency.get(word) as number;
  const owners = new Map<string, number[]>();
  for (const [i, set] of sets.entries()) {
    const rarest = [...set].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    const candidates = new Set<number>();
    for (const word of rarest.slice(0, set.size - Math.ceil(share * set.size) + 1)) {
      const list = owners.get(word) ?? [];
      for (const j of list) candidates.add(j);
      list.push(i);
      owners.set(word, list);
    }
    for (const j of candidates) if (jaccard(set, sets[j] as ReadonlySet<string>) >= share) yield [j, i];
  }
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const each of a) if (b.has(each)) common++;
  return common / (a.size + b.size - common);
}

/** Eight tenths train, one tenth each validates and tests; decided by a hash, so that it never depends on the order. */
function partOf(group: string): Part {
  const tenth = createHash('sha256').update(group).digest().readUInt32BE(0) % 10;
  return tenth === 0 ? 'test' : tenth === 1 ? 'validation' : 'train';
}
