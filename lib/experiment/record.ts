/**
 * params.json: a task and all that it holds, as the job's process reads it (load.ts) and `xpmir diff` compares it.
 *
 * A value is itself where JSON has it. Everything else is an object with one key that says what it is, so that no
 * user's data can be mistaken for it.
 */
import { isAbsolute, relative, sep } from 'node:path';
import { InstanceConfig } from './config.ts';
import { type Config, DECLARATION, fieldOf } from './declaration.ts';
import { hidden, type Producer, type TagValue } from './hidden.ts';
import { fullDigest, hashedParameters, identifier } from './identifier.ts';
import type { Shape } from './types.ts';

/** A value in params.json. A path is relative to the workspace where it lies in it. */
export type Encoded =
  | null
  | boolean
  | number
  | string
  | readonly Encoded[]
  | { readonly object: number }
  | { readonly set: readonly Encoded[] }
  | { readonly dict: Readonly<Record<string, Encoded>> }
  | { readonly float: 'NaN' | 'Infinity' | '-Infinity' | '-0' }
  | { readonly int: string }
  | { readonly path: string };

export interface ObjectRecord {
  /** Id of the class, name under which its module exports it, and URL of that module. */
  readonly class: string;
  readonly name: string;
  readonly module: string;
  readonly identifier: string;
  readonly values: Readonly<Record<string, Encoded>>;
  readonly constants: Readonly<Record<string, Encoded>>;
  /** The parameters that are in the identity, with their types: 1 and 1.0 are different there. */
  readonly identity: Readonly<Record<string, string>>;
  readonly paths?: Readonly<Record<string, Encoded>>;
  readonly meta?: boolean;
  readonly producer?: Omit<Producer, 'directory'> & { readonly directory: Encoded };
  readonly pretasks?: readonly Encoded[];
}

export interface TaskRecord {
  readonly version: 1;
  readonly identifier: string;
  readonly tags: Readonly<Record<string, TagValue>>;
  /** Their numbers in `objects`. */
  readonly initTasks: readonly number[];
  /** The first one is the task. */
  readonly objects: readonly ObjectRecord[];
}

export interface RecordOptions {
  /** Directory of the workspace. */
  readonly workspace: string;
  readonly initTasks?: readonly Config[];
  readonly tags?: Readonly<Record<string, TagValue>>;
}

/** The content of params.json. Equal configurations become one object, except instance configurations. */
export function recordTask(
  task: Config,
  { workspace, initTasks = [], tags = {} }: RecordOptions,
): TaskRecord {
  const recorder = new Recorder(workspace);
  recorder.add(task);
  const numbers = initTasks.map((config) => recorder.add(config));
  return {
    version: 1,
    identifier: identifier(task, initTasks),
    tags,
    initTasks: numbers,
    objects: recorder.objects,
  };
}

class Recorder {
  readonly #workspace: string;
  readonly objects: ObjectRecord[] = [];
  readonly #numbers = new Map<Config, number>();
  readonly #byContent = new Map<string, number>();

  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  add(config: Config): number {
    const content = contentOf(config);
    const known =
      this.#numbers.get(config) ?? (content === undefined ? undefined : this.#byContent.get(content));
    if (known !== undefined) return known;
    // Its place is taken before it is described, as what it holds may refer to it.
    const number = this.#numbers.size;
    this.#numbers.set(config, number);
    if (content !== undefined) this.#byContent.set(content, number);
    this.objects[number] = this.#describe(config);
    return number;
  }

  #describe(config: Config): ObjectRecord {
    const { id, module, parameters } = config[DECLARATION];
    const values: Record<string, Encoded> = {};
    const constants: Record<string, Encoded> = {};
    for (const [name, { role, shape }] of parameters) {
      if (role === 'path') continue;
      (role === 'constant' ? constants : values)[name] = this.#encode(shape, fieldOf(config, name));
    }
    const { meta, producer, paths, pretasks } = hidden(config);
    return {
      class: id,
      name: config.constructor.name,
      module,
      identifier: identifier(config),
      values,
      constants,
      identity: Object.fromEntries(
        hashedParameters(config).map(([name, { shape }]) => [name, typeName(shape)]),
      ),
      ...(paths && { paths: Object.fromEntries([...paths].map(([name, path]) => [name, this.#path(path)])) }),
      ...(meta !== undefined && { meta }),
      ...(producer && { producer: { ...producer, directory: this.#path(producer.directory) } }),
      ...(pretasks.length > 0 && { pretasks: pretasks.map((pretask) => ({ object: this.add(pretask) })) }),
    };
  }

  #encode(shape: Shape, value: unknown): Encoded {
    if (value === undefined) return null;
    switch (shape.kind) {
      case 'optional':
        return this.#encode(shape.item, value);
      case 'int64':
        return { int: `${value}` };
      case 'float':
        return encodeFloat(value as number);
      case 'path':
        return this.#path(value as string);
      case 'list':
        return (value as readonly unknown[]).map((item) => this.#encode(shape.item, item));
      case 'set':
        return { set: Array.from(value as ReadonlySet<unknown>, (item) => this.#encode(shape.item, item)) };
      case 'dict':
        return {
          dict: Object.fromEntries(
            Object.entries(value as object).map(([key, item]) => [key, this.#encode(shape.item, item)]),
          ),
        };
      case 'config':
        return { object: this.add(value as Config) };
      default:
        return value as string | number | boolean;
    }
  }

  #path(path: string): Encoded {
    const inside = relative(this.#workspace, path);
    return { path: inside.split(sep)[0] === '..' || isAbsolute(inside) ? path : inside };
  }
}

/** Equal for objects that the job may take for one. */
function contentOf(config: Config): string | undefined {
  if (config instanceof InstanceConfig) return undefined;
  const { meta, paths } = hidden(config);
  return JSON.stringify([fullDigest(config), meta, [...(paths ?? [])]]);
}

function encodeFloat(value: number): Encoded {
  if (Object.is(value, -0)) return { float: '-0' };
  return Number.isFinite(value) ? value : { float: `${value}` as 'NaN' };
}

/** Such as `list of float`. */
function typeName(shape: Shape): string {
  switch (shape.kind) {
    case 'int64':
      return 'int';
    case 'enum':
      return `enum ${shape.id}`;
    case 'optional':
      return typeName(shape.item);
    case 'list':
    case 'set':
    case 'dict':
      return `${shape.kind} of ${typeName(shape.item)}`;
    default:
      return shape.kind;
  }
}
