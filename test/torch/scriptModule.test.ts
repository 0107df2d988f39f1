/** All that a script has and does beside `forward`. See scripts/fixtures/jit_members.py. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ArgumentError, TorchError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { loadFixture } from '../support/fixtures.ts';

beforeAll(() => torch.setNumThreads(1));

interface Recorded {
  readonly archive: string;
  readonly code: string;
  readonly placeCode: string;
  readonly schema: string;
  readonly kinds: readonly string[];
  readonly inlinedKinds: readonly string[];
}

const recorded = loadFixture<Recorded>('jit-members.json.gz');
const bytes = Buffer.from(recorded.archive, 'base64');
const load = () => torch.jit.load(bytes);
const x = torch.tensor([1, 2, 3]);

describe('values', () => {
  test.each<[string, string, unknown[], unknown]>([
    ['a device comes back by its name', 'place', [x], ['cpu', 1]],
    [
      'a dictionary with flags',
      'flags',
      [new Map([[true, 2]]), [true, false]],
      [new Map([[true, 2]]), [true, false]],
    ],
    [
      'what nests',
      'deep',
      [
        [
          {
            a: [
              [1, null],
              [2, null],
            ],
          },
        ],
      ],
      [
        {
          a: [
            [1, null],
            [2, null],
          ],
        },
      ],
    ],
    ['one of several: a number', 'either', [3], 3],
    ['one of several: a text, that of a dtype too', 'either', ['float32'], 'float32'],
    [
      'whole numbers beyond 2^53, and an infinite one',
      'numbers',
      [2n ** 60n, -Infinity],
      [2n ** 60n, -Infinity, null],
    ],
    ['by name', 'numbers', [{ whole: 1, real: 2, text: 'x' }], [1, 2, 'x']],
    ['nothing', 'nothing', [], null],
  ])('%s', (_, method, args, wanted) => expect(load().call(method, ...args)).toEqual(wanted));

  test('a dtype by its name or its number, and a device', () => {
    for (const args of [['float64'], [7], ['float64', 'cpu']])
      expect(load().call('cast', x, ...args).dtype).toBe('float64');
    expect(() => load().call('cast', x, 'double64')).toThrow(
      /Expected int for dtype but received "double64"/,
    );
  });

  test('keys that are whole numbers may be those of a plain object', () => {
    const found = load().call<Map<number, torch.Tensor>>('counted', { 1: x, 5: x });
    expect([...found].map(([key, value]) => [key, value.tolist()])).toEqual([
      [1, [2, 3, 4]],
      [5, [6, 7, 8]],
    ]);
    expect(() => load().call('counted', { a: x })).toThrow(
      /Expected int for a key of table but received "a"/,
    );
  });

  test('dictionaries come back by the type of their keys, empty ones too', () => {
    expect(load().call('counted', {})).toEqual(new Map());
    expect(load().call('flags', new Map(), [])).toEqual([new Map(), []]);
    expect(load().getAttribute('cache')).toEqual({});
  });

  test('a generator', () => {
    const draw = () => {
      const generator = new torch.Generator().manualSeed(3);
      return load().call('draw', 3, generator).tolist();
    };
    expect(draw()).toEqual(draw());
  });

  test('what fails inside tells its message', () => {
    expect(() => load().call('fails', x)).toThrow(TorchError);
    expect(() => load().call('fails', x)).toThrow(/mine, of 3/);
  });
});

test('is not brought to a device without memory', () => {
  const model = load();
  const before = model.parameters().map(({ device }) => device);
  expect(() => model.to('meta')).toThrow(
    new ArgumentError('Expected a device with memory for device but received "meta"'),
  );
  expect(model.parameters().map(({ device }) => device)).toEqual(before);
  const empty = new torch.nn.Linear(2, 2, { device: 'meta' });
  expect(empty.to('meta').weight.device).toBe('meta');
});

describe('what it says of itself', () => {
  test('is what Python says', () => {
    const model = load();
    expect(model.code).toBe(recorded.code);
    const { code, schema } = model.method('place');
    expect(code).toBe(recorded.placeCode);
    expect(schema).toMatch(/^place\(/);
    expect(model.method('cast').schema).toBe(recorded.schema);
    const kinds = (graph: string) =>
      [...graph.matchAll(/^ {2}(?:%\S.*)? = ([a-z]+::\w+)/gm)].map(([, kind]) => kind);
    expect(kinds(model.graph)).toEqual(recorded.kinds);
    expect(kinds(model.inlinedGraph)).toEqual(recorded.inlinedKinds);
    expect(() => model.method('none')).toThrow(/Expected one of forward, .* for method but received "none"/);
    expect(() => model.method(3 as never)).toThrow(ArgumentError);
  });
});

describe('attributes', () => {
  test('are read and set, and go into the file', () => {
    const model = load();
    expect(model.attributes).toEqual(
      expect.arrayContaining(['training', 'scale', 'count', 'names', 'cache']),
    );
    model.forward(x);
    expect(model.getAttribute('count')).toBe(1);
    model.setAttribute('scale', 5);
    model.setAttribute('names', ['c']);
    const before = load().forward(x).div(2.5).mul(5);
    const again = torch.jit.load(model.saveToBuffer());
    expect(again.getAttribute('names')).toEqual(['c']);
    expect(again.forward(x).allclose(before)).toBe(true);
    model.call('remember', 'k', x);
    expect(model.getAttribute<Record<string, torch.Tensor>>('cache').k!.tolist()).toEqual([1, 2, 3]);
    expect(() => model.setAttribute('scale', 'x')).toThrow(
      /Expected float for attribute scale but received "x"/,
    );
    expect(() => model.getAttribute('none')).toThrow(
      /the name of an attribute of the module but received "none"/,
    );
    expect(() => model.getAttribute('steps')).toThrow(ArgumentError);
    model.setAttribute('training', false);
    expect(model.training).toBe(false);
  });

  test('a buffer in whose place the model puts another one is that one', () => {
    const model = load();
    model.forward(x);
    model.forward(x);
    expect(model.getBuffer('steps').item()).toBe(2);
    expect(model.stateDict().get('steps')!.item()).toBe(2);
    expect(torch.jit.load(model.toBytes()).getBuffer('steps').item()).toBe(2);
    model.to('float64');
    model.loadStateDict({ ...Object.fromEntries(model.stateDict()), steps: torch.tensor(7) });
    model.forward(x.to('float64'));
    expect(model.getBuffer('steps').item()).toBe(8);
    expect(model.getBuffer('steps').dtype).toBe('float64');
  });
});

describe('as a module', () => {
  test('half the bits, and back', () => {
    const model = load();
    for (const dtype of ['bfloat16', 'float16', 'float32'] as const) {
      model.to(dtype);
      expect(model.forward(x.to(dtype)).dtype).toBe(dtype);
    }
    expect(() => model.to('int64')).toThrow(ArgumentError);
    expect(model.getParameter('tied.weight')).toBe(model.getParameter('first.weight'));
  });

  test('a device that is not there is an error that says so', () => {
    if (torch.cuda.isAvailable()) return;
    expect(() => load().to('cuda')).toThrow(/not linked with support for cuda/);
    expect(() => torch.jit.load(bytes, { device: 'cuda' })).toThrow(/not linked with support for cuda/);
    expect(load().to('cpu').forward(x).device).toBe('cpu');
  });

  test('frozen parameters get no gradient, the others do', () => {
    const model = load();
    model.getSubmodule('blocks').requiresGrad_(false);
    for (let i = 0; i < 3; i++) model.forward(x).sum().backward();
    for (const [name, { grad }] of model.namedParameters())
      expect([name, grad === null]).toEqual([name, /^(blocks|table)/.test(name)]);
    model.requiresGrad_(false);
    expect(model.forward(x).requiresGrad).toBe(false);
  });

  test('inside of others, shared by two of them', () => {
    const shared = load();
    class Above extends torch.nn.Module {
      readonly left = new torch.nn.Sequential(shared);
      readonly right = new torch.nn.ModuleList([shared, load()]);
      forward(input: torch.Tensor) {
        return this.left.forward(shared.forward(input));
      }
    }
    const model = new Above();
    const keys = [...load().stateDict().keys()];
    expect([...model.stateDict().keys()]).toEqual(
      ['left.0', 'right.0', 'right.1'].flatMap((path) => keys.map((key) => `${path}.${key}`)),
    );
    expect(model.parameters()).toHaveLength(2 * shared.parameters().length);
    model.forward(x).sum().backward();
    expect(shared.getParameter('first.weight').grad).not.toBeNull();
    model.eval();
    expect([shared.training, shared.getAttribute('training')]).toEqual([false, false]);
    const copy = torch.nn.deepcopy(model);
    torch.noGrad(() => shared.getParameter('first.weight').zero_());
    expect(copy.forward(x).equal(model.forward(x))).toBe(false);
    expect(copy.left.getSubmodule('0')).toBe(copy.right.getSubmodule('0'));
  });

  test('a copy has tensors of its own, tied as before', () => {
    const model = load();
    model.getParameter('first.bias').requiresGrad = false;
    const copy = torch.nn.deepcopy(model);
    expect(copy.forward(x).equal(model.forward(x))).toBe(true);
    expect(copy.namedParameters().map(([name, each]) => [name, each.requiresGrad])).toEqual(
      model.namedParameters().map(([name, each]) => [name, each.requiresGrad]),
    );
    expect(copy.getParameter('tied.weight')).toBe(copy.getParameter('first.weight'));
    copy.forward(x).sum().backward();
    expect(model.getParameter('first.weight').grad).toBeNull();
    torch.noGrad(() => copy.getParameter('first.weight').zero_());
    expect(copy.forward(x).equal(model.forward(x))).toBe(false);
  });

  test('keys that are not there, or of other shapes, are told by name', () => {
    const model = load();
    const { steps: _, ...rest } = Object.fromEntries(model.stateDict());
    const call = (state: object, strict?: boolean) => () =>
      model.loadStateDict(state as Record<string, torch.Tensor>, { strict: strict ?? true });
    expect(call(rest)).toThrow(/Missing key\(s\) in state_dict: "steps"/);
    expect(call({ ...rest, steps: x })).toThrow(/size mismatch for steps/);
    expect(call({ ...rest, steps: torch.tensor(1), more: x })).toThrow(
      /Unexpected key\(s\) in state_dict: "more"/,
    );
    expect(call({ more: x }, false)()).toMatchObject({ unexpectedKeys: ['more'] });
  });
});

describe('for inference alone', () => {
  test('a frozen one has no parameters and the same results', () => {
    const model = load();
    expect(() => torch.jit.freeze(model)).toThrow(/a model in evaluation mode/);
    const frozen = torch.jit.freeze(model.eval(), {
      preservedAttrs: ['place', 'scale'],
      optimizeNumerics: false,
    });
    expect(frozen.parameters()).toEqual([]);
    expect(frozen.forward(x).equal(model.forward(x))).toBe(true);
    expect(frozen.call('place', x)).toEqual(['cpu', 1]);
    expect(frozen.getAttribute('scale')).toBe(2.5);
    expect(torch.jit.load(frozen.toBytes()).forward(x).equal(model.forward(x))).toBe(true);
    const fast = torch.jit.optimizeForInference(load());
    expect(fast.forward(x).allclose(model.forward(x))).toBe(true);
    for (const wrong of [3, {}, x])
      expect(() => torch.jit.freeze(wrong as never)).toThrow(/Expected a ScriptModule for script/);
    expect(() => torch.jit.freeze(model, { preservedAttrs: [3 as never] })).toThrow(ArgumentError);
    expect(() => torch.jit.freeze(model, { preservedAttrs: ['none'] })).toThrow(/none/);
    expect(() => torch.jit.setOptimizedExecution(1 as never)).toThrow(ArgumentError);
  });
});

describe('calls on another thread', () => {
  const square = torch.randn([160, 160]).mul(0.01);

  test('leave JavaScript its turns', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const running = load().callAsync('slow', square, 400);
    const found = await running;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
    expect(found.equal(load().call('slow', square, 400))).toBe(true);
  });

  test('a hundred at once, with other calls between them', async () => {
    const model = load();
    const inputs = Array.from({ length: 100 }, (_, i) => torch.full([3], i));
    const [found, failed] = await Promise.all([
      Promise.all(inputs.map((each) => model.forwardAsync(each))),
      Promise.allSettled([
        model.callAsync('fails', x),
        model.callAsync('none'),
        model.callAsync('cast', x, 'no'),
      ]),
    ]);
    for (const [i, each] of inputs.entries()) expect(found[i]!.equal(model.forward(each))).toBe(true);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((failed[0] as PromiseRejectedResult).reason).toBeInstanceOf(TorchError);
    expect(String((failed[0] as PromiseRejectedResult).reason)).toMatch(/mine, of 3/);
    expect(model.getBuffer('steps').item()).toBe(200);
  });

  test('what is disposed of meanwhile is not missed', async () => {
    const model = load();
    const input = square.clone();
    const running = model.callAsync('slow', input, 50);
    input.dispose();
    for (const each of model.parameters()) each.dispose();
    expect((await running).equal(load().call('slow', square, 50))).toBe(true);
    await expect(model.callAsync('slow', input, 1)).rejects.toMatchObject({ code: 'ERR_TENSOR_DISPOSED' });
    // The script has its parameters still.
    expect(model.forward(x).equal(load().forward(x))).toBe(true);
  });
});
