/** What lies on a disk in memory, and what of it would still be there after the power failed. */
import type { Random } from '../robustness/random.ts';

export interface FileNode {
  readonly kind: 'file';
  content: Buffer;
  /** How many bytes of it are on the disk: files are only appended to. */
  synced: number;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly names: Map<string, Entry>;
  /** The names that are on the disk. */
  synced: ReadonlyMap<string, Entry>;
  /** What came to names since, in order; undefined: nothing has the name. */
  changes: Change[];
}

export interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}

export type Entry = FileNode | FolderNode | LinkNode;
type Change = readonly [name: string, entry: Entry | undefined];

/** Of a disk: what it writes in one go. */
const SECTOR = 512;

/** A folder whose names are on the disk. */
export function folder(names: Map<string, Entry>): FolderNode {
  return { kind: 'folder', names, synced: new Map(names), changes: [] };
}

/** Gives a name to an entry, or to nothing. */
export function setName(node: FolderNode, name: string, entry: Entry | undefined): void {
  apply(node.names, [name, entry]);
  node.changes.push([name, entry]);
}

export function syncNames(node: FolderNode): void {
  node.synced = new Map(node.names);
  node.changes = [];
}

/** Whether a folder is another one, or somewhere in it. */
export function holds(outer: Entry, inner: FolderNode): boolean {
  if (outer === inner) return true;
  return outer.kind === 'folder' && [...outer.names.values()].some((entry) => holds(entry, inner));
}

/** A copy of a tree as it may be found after the power failed. */
export function afterPowerLoss(root: FolderNode, random: Random): FolderNode {
  const copies = new Map<Entry, Entry>();
  const copyOf = (entry: Entry): Entry | undefined => {
    const made = copies.get(entry);
    // Of two names of a folder, the check of the file system that comes first leaves one.
    if (made !== undefined) return made.kind === 'folder' ? undefined : made;
    const copy =
      entry.kind === 'folder' ? folderAfter(entry) : entry.kind === 'file' ? fileAfter(entry, random) : entry;
    copies.set(entry, copy);
    return copy;
  };
  const folderAfter = (node: FolderNode): FolderNode => {
    const names = new Map(node.synced);
    for (const change of node.changes) if (random.below(2) === 0) apply(names, change);
    const found = new Map<string, Entry>();
    for (const [name, entry] of shuffled([...names], random)) apply(found, [name, copyOf(entry)]);
    return folder(found);
  };
  return copyOf(root) as FolderNode;
}

function fileAfter({ content, synced }: FileNode, random: Random): FileNode {
  const found = contentAfter(content, synced, random);
  return { kind: 'file', content: found, synced: found.length };
}

function contentAfter(content: Buffer, synced: number, random: Random): Buffer {
  if (synced === content.length) return content;
  const fate = random.pick(['kept', 'dropped', 'torn', 'sectors']);
  if (fate === 'kept') return content;
  if (fate === 'dropped') return content.subarray(0, synced);
  if (fate === 'torn') {
    const cut = SECTOR * random.below(Math.ceil(content.length / SECTOR));
    return content.subarray(0, Math.max(synced, cut));
  }
  const found = Buffer.from(content);
  for (let at = synced; at < found.length; at = SECTOR * (Math.floor(at / SECTOR) + 1)) {
    const sector = found.subarray(at, SECTOR * (Math.floor(at / SECTOR) + 1));
    const becomes = random.pick(['itself', 'zeros', 'garbage']);
    if (becomes === 'zeros') sector.fill(0);
    if (becomes === 'garbage') for (let i = 0; i < sector.length; i++) sector[i] = random.below(256);
  }
  return found;
}

function shuffled<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

function apply(names: Map<string, Entry>, [name, entry]: Change): void {
  if (entry === undefined) names.delete(name);
  else names.set(name, entry);
}
