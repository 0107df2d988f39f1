/** Tasks for the tests of the scheduler: each writes what it saw, so that a test can read what really ran. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  config,
  constant,
  type Dep,
  dict,
  enumeration,
  float,
  InstanceConfig,
  int,
  int64,
  lightweightTask,
  list,
  meta,
  optional,
  param,
  path,
  pathname,
  set,
  string,
  type TaskContext,
  task,
} from '../../lib/experiment/index.ts';

/** Counts runs in a file that outlives the job. */
export class Add extends task(import.meta, 'test.tasks.Add', {
  a: param(int),
  b: param(int, { default: 1, ignoreDefault: true }),
  log: meta(pathname),
  delay: meta(int, { default: 0 }),
  result: path('result.json'),
}) {
  override async execute() {
    appendFileSync(this.log, `begin ${this.a}\n`);
    await sleep(this.delay);
    writeFileSync(this.result, JSON.stringify(this.a + this.b));
    console.log(`sum ${this.a + this.b}`);
    appendFileSync(this.log, `end ${this.a}\n`);
  }

  override taskOutputs(dep: Dep): Sum {
    return dep(new Sum({ file: this.result }));
  }
}

/** What Add leaves behind. */
export class Sum extends config(import.meta, 'test.tasks.Sum', { file: param(pathname) }) {
  read(): number {
    return JSON.parse(readFileSync(this.file, 'utf8')) as number;
  }
}

export class Total extends task(import.meta, 'test.tasks.Total', {
  sums: param(list(Sum)),
  log: meta(pathname),
}) {
  override execute() {
    const total = this.sums.reduce((sum, each) => sum + each.read(), 0);
    appendFileSync(this.log, `total ${total}\n`);
  }
}

export class Fails extends task(import.meta, 'test.tasks.Fails', {
  how: param(enumeration('test.tasks.How', ['throw', 'exit', 'hang', 'memory', 'kill'])),
}) {
  override async execute() {
    if (this.how === 'exit') process.exit(3);
    if (this.how === 'kill') process.kill(process.pid, 'SIGKILL');
    if (this.how === 'memory')
      throw Object.assign(new Error('no memory left'), { code: 'ERR_OUT_OF_MEMORY' });
    if (this.how === 'hang') await new Promise(() => {});
    throw new Error('as asked');
  }

  override taskOutputs(dep: Dep): Sum {
    return dep(new Sum({ file: 'never' }));
  }
}

/** Waits for its signal, or to be killed. */
export class Waits extends task(import.meta, 'test.tasks.Waits', {
  id: param(int),
  /** Whether it watches the signal. */
  cooperative: param(optional(string)),
  /** A file that ends it. */
  until: meta(optional(pathname)),
  log: meta(pathname),
}) {
  override async execute(context: TaskContext) {
    context.progress(0.25, { description: 'waiting' });
    context.progress(1 / 3, { level: 1 });
    appendFileSync(this.log, `begin ${process.pid}\n`);
    const signal = this.cooperative === undefined ? undefined : context.signal;
    while (signal?.aborted !== true && !(this.until !== undefined && existsSync(this.until))) await sleep(20);
    appendFileSync(this.log, signal?.aborted === true ? 'tidied\n' : 'end\n');
  }
}

/** The one object that a job's init tasks and task share. */
export class Model extends config(import.meta, 'test.tasks.Model', { size: param(int) }) {
  loaded: string[] = [];
}

export class Load extends lightweightTask(import.meta, 'test.tasks.Load', {
  model: param(Model),
  what: param(string),
}) {
  override async execute() {
    await sleep(1);
    this.model.loaded.push(this.what);
  }
}

export class Evaluate extends task(import.meta, 'test.tasks.Evaluate', {
  model: param(Model),
  log: meta(pathname),
}) {
  override execute({ directory }: TaskContext) {
    appendFileSync(this.log, `${this.model.loaded.join(' ')} in ${directory === process.cwd()}\n`);
  }
}

export class Tower extends config(import.meta, 'test.tasks.Tower', { size: param(int) }, InstanceConfig) {}

/** Every type there is, to be read again in the job. */
export class Everything extends task(import.meta, 'test.tasks.Everything', {
  version: constant(int, 2),
  big: param(int64),
  rate: param(float),
  odd: param(list(float)),
  names: param(set(string)),
  byName: param(dict(optional(int))),
  models: param(list(Model)),
  towers: param(list(Tower)),
  where: meta(pathname),
  none: param(optional(float), { default: 1 }),
  out: path('deep/out.json'),
}) {
  override execute() {
    const [first, second, third] = this.models;
    const seen = {
      version: this.version,
      big: `${this.big}`,
      odd: this.odd.map((value) => (Object.is(value, -0) ? '-0' : `${value}`)),
      names: [...this.names],
      byName: Object.entries(this.byName).map(([key, value]) => `${key}=${value}`),
      sameModel: [first === second, first === third],
      towersDiffer: this.towers[0] !== this.towers[1],
      none: this.none === undefined,
      where: this.where,
      out: this.out,
    };
    writeFileSync(join(process.cwd(), 'seen.json'), JSON.stringify(seen));
  }
}

export class Warmup extends config(import.meta, 'test.tasks.Warmup', { steps: param(int) }) {}

export class Trainer extends config(import.meta, 'test.tasks.Trainer', { warmups: param(list(Warmup)) }) {}
