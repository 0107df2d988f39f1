/**
 * A disk in memory that knows what would be lost when the power fails.
 *
 * What a file got since it was last forced to the disk may be there, be missing, be cut at a sector, or be garbage.
 * Every name that came to a directory or left it since the directory was last forced to the disk may have done so or
 * not, each for itself: what was renamed may be found under both names, or under none. Nothing else is promised.
 */
import { resolve } from 'node:path';
import { codeOf } from '../../lib/experiment/files.ts';
import { NotAFileError } from '../../lib/learning/damaged.ts';
import type { Disk, DiskFile } from '../../lib/learning/disk.ts';
import type { Random } from '../robustness/random.ts';
import {
  afterPowerLoss,
  type Entry,
  type FileNode,
  type FolderNode,
  folder,
  holds,
  setName,
  syncNames,
} from './nodes.ts';

/** What is thrown by the call in which the power fails, and by all after it. */
export class PowerCut extends Error {}

/** What a disk says that it does, and does not. */
export interface Lies {
  /** Forces no file to the disk. */
  readonly files?: boolean;
  /** Forces no names to the disk. */
  readonly names?: boolean;
}

interface Place {
  readonly parent: FolderNode;
  readonly name: string;
  /** What has the name, itself and not what it links to. */
  readonly entry: Entry | undefined;
}

const MOST_LINKS = 40;

export class MemoryDisk implements Disk {
  /** How many calls there were, those to open files with them. */
  calls = 0;
  /** How many files are open. */
  openFiles = 0;
  readonly #root: FolderNode;
  readonly #lies: Lies;
  #cut = Number.POSITIVE_INFINITY;

  constructor(lies: Lies = {}, root: FolderNode = folder(new Map())) {
    this.#lies = lies;
    this.#root = root;
  }

  /** Lets the power fail in the n-th call from now. */
  cutAt(n: number): void {
    this.#cut = this.calls + n;
  }

  /** Another process goes on with the disk: the power was there all the time. */
  goOn(): void {
    this.#cut = Number.POSITIVE_INFINITY;
  }

  /** The disk as it may be found when the power is back. */
  afterPowerLoss(random: Random): MemoryDisk {
    return new MemoryDisk(this.#lies, afterPowerLoss(this.#root, random));
  }

  async makeDirectory(path: string): Promise<void> {
    const { parent, name, entry } = this.#enter('mkdir', path);
    if (entry !== undefined) throw failure('EEXIST', 'mkdir', path);
    setName(parent, name, folder(new Map()));
  }

  async list(path: string): Promise<string[]> {
    this.#enter('scandir', path);
    return [...this.#folder('scandir', path).names.keys()];
  }

  async create(path: string): Promise<DiskFile> {
    const { parent, name, entry } = this.#enter('open', path);
    if (entry !== undefined) throw failure('EEXIST', 'open', path);
    const file: FileNode = { kind: 'file', content: Buffer.alloc(0), synced: 0 };
    setName(parent, name, file);
    return this.#opened(file, path);
  }

  async open(path: string): Promise<DiskFile> {
    try {
      const { entry } = this.#enter('open', path);
      if (entry === undefined) throw failure('ENOENT', 'open', path);
      if (entry.kind !== 'file') throw new NotAFileError();
      return this.#opened(entry, path);
    } catch (error) {
      throw codeOf(error) === 'ELOOP' ? new NotAFileError() : error;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const { parent, name, entry } = this.#enter('rename', from);
    const place = this.#place('rename', to);
    if (entry === undefined) throw failure('ENOENT', 'rename', from);
    if (place.entry === entry) return;
    if (holds(entry, place.parent)) throw failure('EINVAL', 'rename', from);
    if (place.entry !== undefined && holds(place.entry, parent)) throw failure('ENOTEMPTY', 'rename', to);
    if (place.entry?.kind === 'folder') {
      if (entry.kind !== 'folder') throw failure('EISDIR', 'rename', to);
      if (place.entry.names.size > 0) throw failure('ENOTEMPTY', 'rename', to);
    } else if (place.entry !== undefined && entry.kind === 'folder') throw failure('ENOTDIR', 'rename', to);
    setName(parent, name, undefined);
    setName(place.parent, place.name, entry);
  }

  async link(from: string, to: string): Promise<void> {
    const { entry } = this.#enter('link', from);
    if (entry === undefined) throw failure('ENOENT', 'link', from);
    const place = this.#place('link', to);
    if (place.entry !== undefined) throw failure('EEXIST', 'link', to);
    if (entry.kind === 'folder') throw failure('EPERM', 'link', from);
    setName(place.parent, place.name, entry);
  }

  async symlink(target: string, path: string): Promise<void> {
    const { parent, name, entry } = this.#enter('symlink', path);
    if (entry !== undefined) throw failure('EEXIST', 'symlink', path);
    setName(parent, name, { kind: 'link', target });
  }

  async remove(path: string): Promise<void> {
    const { parent, name, entry } = this.#enter('unlink', path);
    if (entry === undefined) throw failure('ENOENT', 'unlink', path);
    if (entry.kind === 'folder') throw failure('EISDIR', 'unlink', path);
    setName(parent, name, undefined);
  }

  async removeDirectory(path: string): Promise<void> {
    const { parent, name, entry } = this.#enter('rmdir', path);
    if (entry === undefined) throw failure('ENOENT', 'rmdir', path);
    if (entry.kind !== 'folder') throw failure('ENOTDIR', 'rmdir', path);
    if (entry.names.size > 0) throw failure('ENOTEMPTY', 'rmdir', path);
    setName(parent, name, undefined);
  }

  async sync(path: string): Promise<void> {
    this.#enter('fsync', path);
    if (!this.#lies.names) syncNames(this.#folder('open', path));
  }

  /** The file or directory itself, to change it behind everybody's back. */
  entryAt(path: string): Entry {
    const { entry } = this.#place('stat', path);
    if (entry === undefined) throw failure('ENOENT', 'stat', path);
    return entry;
  }

  #opened(file: FileNode, path: string): DiskFile {
    let isOpen = true;
    this.openFiles++;
    const enter = (call: string) => {
      this.#count(call, path);
      if (!isOpen) throw failure('EBADF', call, path);
    };
    return {
      size: file.content.length,
      write: async (bytes) => {
        enter('write');
        file.content = Buffer.concat([file.content, bytes]);
      },
      read: async (into, position) => {
        enter('read');
        return file.content.copy(into, 0, Math.min(position, file.content.length));
      },
      sync: async () => {
        enter('fsync');
        if (!this.#lies.files) file.synced = file.content.length;
      },
      close: async () => {
        enter('close');
        isOpen = false;
        this.openFiles--;
      },
    };
  }

  #enter(call: string, path: string): Place {
    this.#count(call, path);
    return this.#place(call, path);
  }

  #count(call: string, path: string): void {
    this.calls++;
    if (this.calls >= this.#cut) throw new PowerCut(`the power failed in ${call} ${path}`);
  }

  #place(call: string, path: string): Place {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) return { parent: this.#root, name: '.', entry: this.#root };
    const parent = this.#folder(call, `/${parts.join('/')}`);
    return { parent, name, entry: parent.names.get(name) };
  }

  #folder(call: string, path: string, links = 0): FolderNode {
    let [at, here] = ['/', this.#root];
    for (const part of partsOf(path)) {
      const entry = here.names.get(part);
      if (entry === undefined) throw failure('ENOENT', call, path);
      if (entry.kind === 'file') throw failure('ENOTDIR', call, path);
      if (entry.kind === 'link' && links === MOST_LINKS) throw failure('ELOOP', call, path);
      here = entry.kind === 'link' ? this.#folder(call, resolve(at, entry.target), links + 1) : entry;
      at = resolve(at, entry.kind === 'link' ? entry.target : part);
    }
    return here;
  }
}

/** Of an absolute path, without dots. */
function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** An error as the system's, which have no stack either. */
export function failure(code: string, call: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${call} '${path}'`);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { code, syscall: call, path });
}
