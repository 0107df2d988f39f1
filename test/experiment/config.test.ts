import { describe, expect, test } from '@jest/globals';
import {
  bool,
  type Config,
  config,
  configure,
  constant,
  copy,
  dict,
  enumeration,
  float,
  identifier,
  int,
  int64,
  isConfig,
  later,
  list,
  meta,
  optional,
  param,
  path,
  pathname,
  place,
  set,
  string,
} from '../../lib/experiment/index.ts';
import { requireDeclared, roots, seal, validate } from '../../lib/experiment/seal.ts';

abstract class Schedule extends config(import.meta, 'c.Schedule', {}) {
  abstract factor(step: number): number;
}

class LinearWithWarmup extends config(
  import.meta,
  'c.LinearWithWarmup',
  { numWarmupSteps: param(int), minFactor: param(float, { default: 0 }) },
  Schedule,
) {
  factor(step: number): number {
    return Math.min(1, step / this.numWarmupSteps);
  }
}

class Optimizer extends config(import.meta, 'c.Optimizer', {
  /** Learning rate. */
  lr: param(float, { default: 1e-3, ignoreDefault: true }),
  schedule: param(optional(Schedule)),
  names: param(list(string), { default: [] }),
  version: constant(int, 2),
  log: path('log/optimizer.txt'),
}) {
  /** Initialised after the parameters are there. */
  readonly half = this.lr / 2;

  override validate(): void {
    if (this.lr <= 0) throw new Error('lr must be positive');
  }
}

class Learner extends config(import.meta, 'c.Learner', {
  optimizers: param(list(Optimizer)),
  byName: param(dict(Optimizer), { default: {} }),
}) {}

class Types extends config(import.meta, 'c.Types', {
  int: param(optional(int)),
  int64: param(optional(int64)),
  float: param(optional(float)),
  bool: param(optional(bool)),
  string: param(optional(string)),
  pathname: param(optional(pathname)),
  list: param(optional(list(list(int)))),
  set: param(optional(set(int))),
  dict: param(optional(dict(float))),
  enumeration: param(optional(enumeration('c.Mode', ['fast', 'exact']))),
  config: param(optional(Schedule)),
}) {}

/** What JavaScript and wrong JSON give. */
const untyped = (values: unknown) => values as never;
const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT' });
    return (error as Error).message;
  }
  return 'nothing was thrown';
};

describe('a declaration', () => {
  test('gives fields with their defaults, methods, and initialisers that see them', () => {
    const optimizer = new Optimizer({ schedule: new LinearWithWarmup({ numWarmupSteps: 4 }) });
    expect({ ...optimizer }).toEqual({
      lr: 1e-3,
      schedule: optimizer.schedule,
      names: [],
      version: 2,
      half: 5e-4,
    });
    expect(optimizer.schedule?.factor(2)).toBe(0.5);
    expect(isConfig(optimizer) && optimizer instanceof Optimizer).toBe(true);
    expect(isConfig({}) || isConfig(null) || isConfig(Optimizer)).toBe(false);
  });

  test('is inherited, and a subclass may declare a parameter anew', () => {
    class Fast extends config(
      import.meta,
      'c.Fast',
      { lr: param(float, { default: 1 }), more: param(int) },
      Optimizer,
    ) {}
    const fast = new Fast({ more: 3 });
    expect([fast.lr, fast.more, fast.version, fast.half]).toEqual([1, 3, 2, 0.5]);
    expect(fast).toBeInstanceOf(Optimizer);
    expect(new Optimizer().lr).toBe(1e-3);
  });

  test('goes with a base class that was not declared, whose constructor runs first', () => {
    class Module {
      training = true;
      children(): unknown[] {
        return Object.values(this).filter((value) => value instanceof Module);
      }
    }
    class Encoder extends config(import.meta, 'c.Encoder', { size: param(int) }, Module) {}
    class Dual extends config(
      import.meta,
      'c.Dual',
      { left: param(Encoder), right: param(Encoder) },
      Module,
    ) {}
    const dual = new Dual({ left: new Encoder({ size: 1 }), right: new Encoder({ size: 2 }) });
    expect(Object.keys(dual)).toEqual(['training', 'left', 'right']);
    expect(dual.children()).toEqual([dual.left, dual.right]);
    expect(dual).toBeInstanceOf(Module);
    dual.validate();
  });

  test('refuses what cannot be declared', () => {
    expect(messageOf(() => config(import.meta, 'no spaces', {}))).toMatch(/an id of letters/);
    expect(messageOf(() => param(String))).toBe('Expected a type, such as string, received a class');
    expect(messageOf(() => param(Number))).toBe('Expected a type, such as int or float, received a class');
    for (const value of [{}, () => Optimizer, undefined, null])
      expect(messageOf(() => param(untyped(value)))).toMatch(/^Expected a type/);
    expect(messageOf(() => param(Optimizer, { default: new Optimizer() }))).toMatch(/would be shared/);
    for (const value of [[new Optimizer()], { a: new Optimizer() }])
      expect(messageOf(() => param(Optimizer, { default: untyped(value) }))).toMatch(/would be shared/);
    expect(messageOf(() => config(import.meta, 'c.Bare', { lr: untyped(float) }))).toMatch(
      /^c\.Bare\.lr: expected param\(\.\.\.\), meta/,
    );
    expect(messageOf(() => path('../up'))).toMatch(/Expected a relative path/);
    expect(messageOf(() => config(import.meta, 'c.Bad', { validate: param(int) }, Optimizer))).toMatch(
      /cannot be called validate/,
    );
  });

  test('makes defaults anew for each configuration', () => {
    class Holder extends config(import.meta, 'c.Holder', {
      one: param(Optimizer, { default: () => new Optimizer() }),
    }) {}
    expect(new Holder().one).not.toBe(new Holder().one);
  });

  test('a default of the wrong type is named as the parameter is', () => {
    class Wrong extends config(import.meta, 'c.Wrong', { x: param(int, { default: 1.5 }) }) {}
    expect(messageOf(() => new Wrong())).toBe('wrong.x: expected an integer, received 1.5');
  });
});

describe('values', () => {
  test('are taken and given the form of their type', () => {
    const taken = new Types({
      int: 3,
      int64: 4,
      float: 2,
      pathname: new URL('file:///data/x'),
      list: [[1], []],
      set: [1, 1, 2],
      dict: { b: 1, ['__proto__']: 2 },
      enumeration: 'exact',
    });
    expect(taken.int64).toBe(4n);
    expect(taken.pathname).toBe('/data/x');
    expect(new Types({ pathname: 'x' }).pathname).toBe(`${process.cwd()}/x`);
    expect([...(taken.set ?? [])]).toEqual([1, 2]);
    expect(Object.entries(taken.dict ?? {})).toEqual([
      ['b', 1],
      ['__proto__', 2],
    ]);
    expect(new Types(untyped({ int: 5n })).int).toBe(5);
    expect(new Types({ int: null }).int).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['int', '100', 'an integer, received "100"'],
    ['int', 1.5, 'an integer, received 1.5'],
    ['int', Number.NaN, 'an integer, received NaN'],
    ['int', true, 'an integer, received true'],
    [
      'int',
      2 ** 53,
      'an integer within ±(2^53 - 1), or a parameter declared int64, received 9007199254740992',
    ],
    ['int64', 2 ** 53, 'a bigint, as numbers beyond ±(2^53 - 1) are not exact, received 9007199254740992'],
    ['int64', 2n ** 63n, 'an integer of 64 bits, received 9223372036854775808n'],
    ['int64', 0.5, 'an integer, received 0.5'],
    ['float', '1', 'a number, received "1"'],
    ['float', 1n, 'a number, received 1n'],
    ['bool', 1, 'a boolean, received 1'],
    ['string', 1, 'a string, received 1'],
    ['string', '\uD800', 'a string without half characters'],
    ['pathname', 3, 'a path, received 3'],
    ['pathname', new URL('http://localhost/'), 'a path'],
    ['list', 'ab', 'an array, received "ab"'],
    ['list', { length: 1 }, 'an array, received an object (Object)'],
    ['set', 'ab', 'a Set or an array, received "ab"'],
    ['dict', new Map(), 'a plain object, received an object (Map)'],
    ['dict', [1], 'a plain object, received [1]'],
    ['enumeration', 'slow', 'one of "fast", "exact", received "slow"'],
    ['config', { numWarmupSteps: 3 }, 'a Schedule, received an object (Object)'],
    ['config', new Optimizer(), 'a Schedule, received an object (Optimizer)'],
  ])('%s refuses %p', (type, value, message) => {
    expect(messageOf(() => new Types(untyped({ [type]: value })))).toContain(
      `types.${type}: expected ${message}`,
    );
  });

  test('inside of containers are named by their place', () => {
    expect(messageOf(() => new Types(untyped({ list: [[1], [2, 'x']] })))).toBe(
      'types.list[1][1]: expected an integer, received "x"',
    );
    expect(messageOf(() => new Types(untyped({ dict: { 'a b': null } })))).toBe(
      'types.dict["a b"]: expected a number, received null',
    );
    expect(messageOf(() => new Learner(untyped({ optimizers: [new Optimizer(), 3] })))).toBe(
      'learner.optimizers[1]: expected an Optimizer, received 3',
    );
  });

  test('that are missing, misspelt or not to be given', () => {
    expect(messageOf(() => new LinearWithWarmup(untyped({})))).toBe(
      'linearWithWarmup.numWarmupSteps: expected an integer, but it was not given',
    );
    expect(messageOf(() => new LinearWithWarmup(untyped({ numWarmupStep: 1 })))).toBe(
      'linearWithWarmup.numWarmupStep: no such parameter, did you mean numWarmupSteps?',
    );
    expect(messageOf(() => new Optimizer(untyped({ zzz: 1 })))).toBe(
      'optimizer.zzz: no such parameter, there are lr, schedule, names',
    );
    expect(messageOf(() => new Optimizer(untyped({ version: 3 })))).toBe(
      'optimizer.version: cannot be given, as it is a constant',
    );
    expect(messageOf(() => new Optimizer(untyped({ log: '/x' })))).toBe(
      'optimizer.log: cannot be given, as it is a generated path',
    );
    expect(messageOf(() => new Optimizer(untyped([])))).toBe(
      'optimizer: expected an object of parameters, received []',
    );
    expect(messageOf(() => new Optimizer(untyped(new Map())))).toMatch(/expected an object of parameters/);
  });

  test('cannot be changed afterwards, but by configure until they are sealed', () => {
    const optimizer = new Optimizer({ names: ['a'] });
    const learner = new Learner({ optimizers: [optimizer], byName: { x: optimizer } });
    expect(() => Object.assign(optimizer, { lr: 3 })).toThrow(TypeError);
    expect(() => (learner.optimizers as Optimizer[]).push(optimizer)).toThrow(TypeError);
    expect(() => Object.assign(learner.byName, { y: optimizer })).toThrow(TypeError);
    const types = new Types({ set: [1] });
    expect(() => (types.set as Set<number>).add(2)).toThrow('cannot be changed');
    expect(() => (types.set as Set<number>).clear()).toThrow('cannot be changed');
    configure(optimizer, { lr: 2 });
    expect(optimizer.lr).toBe(2);
    expect(messageOf(() => configure(optimizer, untyped({ lr: 'x' })))).toBe(
      'optimizer.lr: expected a number, received "x"',
    );
    expect(messageOf(() => configure(optimizer, untyped({ lrate: 1 })))).toMatch(/no such parameter/);
    seal([{ config: learner, at: 'learner', steps: [] }]);
    expect(messageOf(() => configure(optimizer, { lr: 3 }))).toBe(
      'optimizer: was submitted and can no longer be changed; make a new one',
    );
    expect(() => Object.defineProperty(optimizer, 'lr', { value: 3 })).toThrow(TypeError);
    expect(optimizer.lr).toBe(2);
  });

  test('circles are closed by configure', () => {
    interface Node extends Config {
      readonly parent: Node | undefined;
    }
    class Tree extends config(import.meta, 'c.Tree', {
      parent: param(optional(later<Node>(() => Tree))),
      children: param(list(later<Node>(() => Tree)), { default: [] }),
    }) {}
    const leaf = new Tree();
    const root = new Tree({ children: [leaf] });
    configure(leaf, { parent: root });
    expect(root.children[0]?.parent).toBe(root);
  });

  test('copy gives one that can be changed', () => {
    const optimizer = new Optimizer({ lr: 3 });
    seal([{ config: optimizer, at: 'optimizer', steps: [] }]);
    const other = copy(optimizer);
    configure(other, { lr: 4 });
    expect([optimizer.lr, other.lr, other.version]).toEqual([3, 4, 2]);
    class Maybe extends config(import.meta, 'c.Maybe', { x: meta(optional(int), { default: 1 }) }) {}
    expect(copy(new Maybe({ x: null })).x).toBeUndefined();
  });
});

describe('a tree', () => {
  test('is validated as a whole, and what is wrong is named by its place', () => {
    const learner = new Learner({ optimizers: [new Optimizer(), new Optimizer({ lr: -1 })] });
    expect(messageOf(() => validate([{ config: learner, at: 'learner', steps: [] }]))).toBe(
      'learner.optimizers[1]: lr must be positive',
    );
  });

  test('has generated paths by place, which are not there before', () => {
    const shared = new Optimizer();
    const learner = new Learner({
      optimizers: [shared, new Optimizer()],
      byName: { 'a/b': new Optimizer(), c: shared },
    });
    expect(messageOf(() => shared.log)).toMatch(/optimizer\.log is generated at submission/);
    place(learner, '/run');
    expect(learner.optimizers.map(({ log }) => log)).toEqual([
      '/run/out/optimizers/0/log/optimizer.txt',
      '/run/out/optimizers/1/log/optimizer.txt',
    ]);
    expect(learner.byName['a/b']?.log).toBe('/run/out/byName/a%2Fb/log/optimizer.txt');
    place(learner, '/run');
    expect(messageOf(() => place(new Learner({ optimizers: [shared] }), '/other'))).toMatch(
      /^learner\.optimizers\[0\]: has paths that were generated for \/run; make one for each task/,
    );
    const alone = new Optimizer();
    place(alone, '/alone');
    expect(alone.log).toBe('/alone/log/optimizer.txt');
  });
});

describe('a parameter of any class', () => {
  abstract class Model {
    abstract forward(x: number): number;
  }
  class Linear extends Model {
    forward(x: number): number {
      return 2 * x;
    }
  }
  class Trained extends config(import.meta, 'c.Trained', { scale: param(float, { default: 3 }) }, Model) {
    forward(x: number): number {
      return this.scale * x;
    }
  }
  class Tuned extends Trained {}
  class Trains extends config(import.meta, 'c.Trains', {
    model: param(Model),
    others: param(dict(list(Model)), { default: {} }),
    runs: path('runs'),
  }) {}

  test('takes every instance of the class', () => {
    expect(new Trains({ model: new Linear() }).model.forward(2)).toBe(4);
    expect(new Trains({ model: new Trained() }).model.forward(2)).toBe(6);
    expect(messageOf(() => new Trains({ model: untyped({ forward: () => 1 }) }))).toBe(
      'trains.model: expected a Model, received an object (Object)',
    );
  });

  test('has an identity, and may be submitted, when every instance in it was declared', () => {
    const declared = new Trains({ model: new Trained(), others: { a: [new Trained({ scale: 1 })] } });
    requireDeclared(roots(declared, []));
    expect(identifier(declared)).toMatch(/^[0-9a-f]{64}$/);
    const plain = 'expected a configuration that a job can make again, received';
    const what = 'declare its class with config(import.meta, ...)';
    for (const [trains, message] of [
      [new Trains({ model: new Linear() }), `trains.model: ${plain} Linear; ${what}`],
      [
        new Trains({ model: new Trained(), others: { a: [new Trained(), new Linear()] } }),
        `trains.others["a"][1]: ${plain} Linear; ${what}`,
      ],
      [new Trains({ model: new Tuned() }), `trains.model: ${plain} Tuned; ${what}`],
    ] as const) {
      expect(messageOf(() => requireDeclared(roots(trains, [])))).toBe(message);
      expect(messageOf(() => identifier(trains))).toBe(message);
    }
  });

  test('is validated and placed without a job whatever it holds', () => {
    const trains = new Trains({ model: new Linear() });
    validate(roots(trains, []));
    place(trains, '/somewhere');
    expect(trains.runs).toBe('/somewhere/runs');
  });
});
