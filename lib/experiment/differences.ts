/** Why two tasks have different identities: the parameters that differ, by their paths. */
import type { Encoded, ObjectRecord, TaskRecord } from './record.ts';

export interface Difference {
  /** Such as `learner.optimizers[0].optimizer.lr`. */
  readonly at: string;
  readonly left: string;
  readonly right: string;
}

/** Finds the description of the job that something is an output of; undefined where it is gone. */
export type FindProducer = (producer: NonNullable<ObjectRecord['producer']>) => TaskRecord | undefined;

/** What is in the identity of one task and not, or not so, in that of the other. */
export function differences(
  left: TaskRecord,
  right: TaskRecord,
  find: FindProducer = () => undefined,
): Difference[] {
  if (left.identifier === right.identifier) return [];
  const comparison = new Comparison(left, right, find);
  comparison.task(lowerFirst(left.objects[0]?.name ?? 'task'));
  return comparison.found;
}

class Comparison {
  readonly found: Difference[] = [];
  readonly #left: TaskRecord;
  readonly #right: TaskRecord;
  readonly #find: FindProducer;
  /** Pairs of objects that were compared: circles end here. */
  readonly #seen = new Set<string>();

  constructor(left: TaskRecord, right: TaskRecord, find: FindProducer) {
    this.#left = left;
    this.#right = right;
    this.#find = find;
  }

  task(at: string): void {
    this.#objects(0, 0, at);
    const wrap = ({ initTasks }: TaskRecord) => initTasks.map((object) => ({ object }));
    this.#values(wrap(this.#left), wrap(this.#right), `${at}.initTasks`);
  }

  #objects(a: number, b: number, at: string): void {
    const [left, right] = [this.#left.objects[a], this.#right.objects[b]];
    if (left === undefined || right === undefined || this.#seen.has(`${a} ${b}`)) return;
    this.#seen.add(`${a} ${b}`);
    if (left.class !== right.class) return this.#differ(at, left.class, right.class);
    this.#producers(left, right, at);
    for (const name of union(Object.keys(left.identity), Object.keys(right.identity))) {
      this.#parameter(left, right, name, `${at}.${name}`);
    }
    this.#values(left.pretasks ?? [], right.pretasks ?? [], `${at}.pretasks`);
  }

  #parameter(left: ObjectRecord, right: ObjectRecord, name: string, at: string): void {
    const [typeLeft, typeRight] = [left.identity[name], right.identity[name]];
    const [a, b] = [valueOfParameter(left, name), valueOfParameter(right, name)];
    if (typeLeft === typeRight) return this.#values(a, b, at);
    const show = (side: TaskRecord, value: Encoded | undefined, type: string | undefined) =>
      `${this.#show(side, value)} (${type ?? 'not in the identity'})`;
    this.#differ(at, show(this.#left, a, typeLeft), show(this.#right, b, typeRight));
  }

  #producers({ producer: a }: ObjectRecord, { producer: b }: ObjectRecord, at: string): void {
    if (a?.self || b?.self || a?.identifier === b?.identifier) return;
    const show = (producer: typeof a) =>
      producer === undefined
        ? 'no output of a task'
        : `output of ${producer.task}/${producer.identifier.slice(0, 8)}`;
    const [left, right] = [a && this.#find(a), b && this.#find(b)];
    const inside = left && right && a?.task === b?.task ? differencesFrom(left, right, at, this.#find) : [];
    if (inside.length > 0) this.found.push(...inside);
    else this.#differ(at, show(a), show(b));
  }

  #values(a: Encoded | undefined, b: Encoded | undefined, at: string): void {
    const [left, right] = [counted(this.#left, a), counted(this.#right, b)];
    if (isList(left) && isList(right)) {
      for (let i = 0; i < Math.max(left.length, right.length); i++)
        this.#values(left[i], right[i], `${at}[${i}]`);
    } else if (isKind(left, 'object') && isKind(right, 'object')) {
      this.#objects(left.object, right.object, at);
    } else if (isKind(left, 'dict') && isKind(right, 'dict')) {
      for (const key of union(Object.keys(left.dict), Object.keys(right.dict))) {
        this.#values(left.dict[key], right.dict[key], `${at}[${JSON.stringify(key)}]`);
      }
    } else {
      const [one, other] = [this.#show(this.#left, left), this.#show(this.#right, right)];
      if (one !== other) this.#differ(at, one, other);
    }
  }

  #show(side: TaskRecord, value: Encoded | undefined): string {
    if (value === undefined) return 'nothing';
    if (value === null) return 'none';
    if (typeof value !== 'object') return JSON.stringify(value);
    if (isList(value)) return `[${value.map((item) => this.#show(side, item)).join(', ')}]`;
    if (isKind(value, 'object')) return showObject(side.objects[value.object]);
    if (isKind(value, 'set'))
      return `{${value.set
        .map((item) => this.#show(side, item))
        .sort()
        .join(', ')}}`;
    if (!isKind(value, 'dict')) return String(Object.values(value)[0]);
    return `{${Object.keys(value.dict)
      .sort()
      .map((key) => `${key}: ${this.#show(side, value.dict[key])}`)
      .join(', ')}}`;
  }

  #differ(at: string, left: string, right: string): void {
    this.found.push({ at, left, right });
  }
}

/** Those inside of the jobs that made two outputs, as seen from where the outputs stand. */
function differencesFrom(left: TaskRecord, right: TaskRecord, at: string, find: FindProducer): Difference[] {
  return differences(left, right, find).map((each) => ({ ...each, at: `${at} <- ${each.at}` }));
}

/** Without the objects that `setMeta` takes out. */
function counted(side: TaskRecord, value: Encoded | undefined): Encoded | undefined {
  const counts = (item: Encoded) => !isKind(item, 'object') || side.objects[item.object]?.meta !== true;
  if (isList(value)) return value.filter(counts);
  if (isKind(value, 'set')) return { set: value.set.filter(counts) };
  if (isKind(value, 'dict'))
    return { dict: Object.fromEntries(Object.entries(value.dict).filter(([, item]) => counts(item))) };
  return value;
}

function valueOfParameter({ values, constants }: ObjectRecord, name: string): Encoded | undefined {
  return name in values ? values[name] : constants[name];
}

function showObject(object: ObjectRecord | undefined): string {
  return object === undefined ? 'nothing' : `${object.name} ${object.identifier.slice(0, 8)}`;
}

function isList(value: Encoded | undefined): value is readonly Encoded[] {
  return Array.isArray(value);
}

type Kind = 'object' | 'set' | 'dict';

function isKind<K extends Kind>(
  value: Encoded | undefined,
  kind: K,
): value is Extract<Encoded, Readonly<Record<K, unknown>>> {
  return typeof value === 'object' && value !== null && !isList(value) && kind in value;
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
