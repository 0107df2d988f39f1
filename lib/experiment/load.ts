/** Makes the objects of a params.json again, in the process of the job. */
import { resolve } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { wrong } from './accept.ts';
import { configure, construct } from './config.ts';
import { type Config, declarationOf, isDeclared, nameOf } from './declaration.ts';
import { hidden } from './hidden.ts';
import type { Encoded, ObjectRecord, TaskRecord } from './record.ts';
import { seal } from './seal.ts';
import type { AnyClass } from './types.ts';

export interface LoadedTask {
  readonly task: Config;
  readonly initTasks: readonly Config[];
  /** What is to run before the init tasks: pretasks of anything in the tree. */
  readonly pretasks: readonly Config[];
}

/**
 * Imports the modules that declare the classes, and makes one object for each one recorded.
 *
 * @param workspace directory that recorded paths are relative to
 * @param prepare called once the classes are there, before any object is
 * @throws ArgumentError when a class is not found, or when a value does not fit its declaration any more
 */
export async function loadTask(
  record: TaskRecord,
  workspace: string,
  prepare: (record: TaskRecord) => void = () => {},
): Promise<LoadedTask> {
  if (record?.version !== 1) throw wrong('params.json: version', '1', record?.version);
  const classes = new Map<string, AnyClass>();
  for (const each of record.objects) classes.set(keyOf(each), await findClass(each));
  prepare(record);
  const loader = new Loader(record, classes, workspace);
  const task = loader.object(0, undefined);
  const initTasks = record.initTasks.map((number, i) => loader.object(number, `initTasks[${i}]`));
  loader.finish();
  return { task, initTasks, pretasks: loader.all().flatMap((config) => hidden(config).pretasks) };
}

const keyOf = ({ module, name }: ObjectRecord) => `${module}#${name}`;

async function findClass({ module, name, class: id }: ObjectRecord): Promise<AnyClass> {
  const exported = (await import(module)) as Readonly<Record<string, unknown>>;
  const declared = Object.values(exported).filter((value) => isClassOf(id, value));
  const found =
    declared.find((value) => value.name === name) ?? (declared.length === 1 ? declared[0] : undefined);
  if (found !== undefined) return found;
  throw new ArgumentError(`${name} (${id}) is not exported from ${module}, where a job looks for it`);
}

function isClassOf(id: string, value: unknown): value is AnyClass & { readonly name: string } {
  if (typeof value !== 'function' || declarationOf(value.prototype)?.id !== id) return false;
  return isDeclared(value.prototype as object);
}

class Loader {
  readonly #record: TaskRecord;
  readonly #classes: ReadonlyMap<string, AnyClass>;
  readonly #workspace: string;
  readonly #made = new Map<number, Config>();
  readonly #begun = new Set<number>();
  /** Parameters that refer to an object which was not made yet: the links that close circles. */
  readonly #open: (() => void)[] = [];

  constructor(record: TaskRecord, classes: ReadonlyMap<string, AnyClass>, workspace: string) {
    this.#record = record;
    this.#classes = classes;
    this.#workspace = workspace;
  }

  all(): Config[] {
    return [...this.#made.values()];
  }

  /** @param at where it stands; undefined for the task, which is called by its name */
  object(number: number, at: string | undefined): Config {
    const known = this.#made.get(number);
    if (known !== undefined) return known;
    const record = this.#record.objects[number];
    if (record === undefined) throw wrong('params.json', 'the number of an object', number);
    this.#begun.add(number);
    const target = this.#classes.get(keyOf(record)) as AnyClass;
    const place = at ?? nameOf(target.prototype as object);
    const now: Record<string, unknown> = {};
    const later: [string, Encoded][] = [];
    for (const [name, encoded] of Object.entries(record.values)) {
      if (this.#closesCircle(encoded)) later.push([name, encoded]);
      else now[name] = this.#decode(encoded, `${place}.${name}`);
    }
    const config = construct(target, now, { at: place, incomplete: later.length > 0 }) as Config;
    this.#made.set(number, config);
    for (const [name, encoded] of later) {
      this.#open.push(() => configure(config, { [name]: this.#decode(encoded, `${place}.${name}`) }, place));
    }
    this.#open.push(() => this.#finishOne(config, record, place));
    return config;
  }

  finish(): void {
    // Closing a circle or a pretask may make further objects, which add to the list.
    for (let i = 0; i < this.#open.length; i++) this.#open[i]?.();
    for (const config of this.all()) seal([{ config, at: '', steps: [] }]);
  }

  #finishOne(config: Config, { paths, meta, producer, pretasks }: ObjectRecord, at: string): void {
    const state = hidden(config);
    if (meta !== undefined) state.meta = meta;
    if (producer) state.producer = { ...producer, directory: this.#decode(producer.directory, at) as string };
    if (paths) {
      state.paths = new Map(
        Object.entries(paths).map(([name, path]) => [name, this.#decode(path, at) as string]),
      );
    }
    state.pretasks.push(
      ...(pretasks ?? []).map((pretask) => this.#decode(pretask, `${at}.pretasks`) as Config),
    );
  }

  #closesCircle(encoded: Encoded): boolean {
    if (typeof encoded !== 'object' || encoded === null) return false;
    if (Array.isArray(encoded)) return encoded.some((item) => this.#closesCircle(item));
    if ('object' in encoded) return this.#begun.has(encoded.object) && !this.#made.has(encoded.object);
    if ('set' in encoded) return this.#closesCircle(encoded.set);
    return 'dict' in encoded && Object.values(encoded.dict).some((item) => this.#closesCircle(item));
  }

  /** The value as a constructor takes it. What is no value of a params.json goes there as it is, and is refused there. */
  #decode(encoded: Encoded, at: string): unknown {
    if (typeof encoded !== 'object' || encoded === null) return encoded;
    if (Array.isArray(encoded)) return encoded.map((item: Encoded, i) => this.#decode(item, `${at}[${i}]`));
    if ('object' in encoded) return this.object(encoded.object, at);
    if ('int' in encoded) return BigInt(encoded.int);
    if ('float' in encoded) return Number(encoded.float);
    if ('path' in encoded) return resolve(this.#workspace, encoded.path);
    if ('set' in encoded) return this.#decode(encoded.set, at);
    if (!('dict' in encoded)) return encoded;
    const entries = Object.entries(encoded.dict as Readonly<Record<string, Encoded>>);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, this.#decode(item, `${at}[${JSON.stringify(key)}]`)]),
    );
  }
}
