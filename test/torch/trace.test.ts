import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { itPython, runPython, sameTorch } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

beforeAll(() => torch.setNumThreads(1));

const { nn } = torch;
type Tensor = torch.Tensor;
type Fn = (...args: Tensor[]) => unknown;

const never = { warn: (message: string) => expect(message).toBe('never') };

/** Sizes in shapes, in a factor, and in a number of rows; named results. */
class Encoder extends nn.Module {
  readonly embedding = new nn.Embedding(50, 16);
  readonly lstm = new nn.LSTM(16, 16, { batchFirst: true });
  readonly layer = new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, batchFirst: true });
  readonly norm = new nn.BatchNorm1d(16);
  readonly head = new nn.Sequential(new nn.Linear(16, 8), new nn.ReLU(), new nn.Linear(8, 1));
  forward(words: Tensor, mask: Tensor) {
    const [rows, length] = words.shape as [number, number];
    const [outputs] = this.lstm.forward(this.embedding.forward(words));
    const states = this.layer.forward(outputs);
    const weights = mask.to('float32').unsqueeze(2);
    const pooled = states.mul(weights).sum(1).div(weights.sum(1).clamp(1)).reshape([rows, -1]);
    const rowsOfAll = states.reshape([rows * length, 16]).mul(1 / Math.sqrt(length));
    return {
      score: this.head.forward(this.norm.forward(pooled)).squeeze(1),
      states: rowsOfAll.reshape([rows, length, 16]),
    };
  }
}

const words = (rows: number, length: number) => torch.randint(0, 50, [rows, length]);
const mask = (rows: number, length: number) => torch.rand([rows, length]).gt(0.3);

function encoder(): Encoder {
  torch.manualSeed(5);
  return new Encoder().eval();
}

function expectSame(actual: unknown, wanted: unknown): void {
  if (wanted instanceof torch.Tensor) {
    expect((actual as Tensor).dtype).toBe(wanted.dtype);
    expect((actual as Tensor).equal(wanted)).toBe(true);
    return;
  }
  expect(Object.keys(actual as object)).toEqual(Object.keys(wanted as object));
  for (const [key, value] of Object.entries(wanted as object))
    expectSame((actual as Record<string, unknown>)[key], value);
}

describe('a module', () => {
  test('gives the same bits for sizes that were never tried', () => {
    const model = encoder();
    const script = torch.jit.trace(model, [words(4, 7), mask(4, 7)], never);
    for (const [rows, length] of [
      [4, 7],
      [1, 1],
      [9, 30],
      [7, 4],
    ] as const) {
      const args = [words(rows, length), mask(rows, length)] as const;
      expectSame(script.forward(...args), model.forward(...args));
    }
  });

  test('has the names and the memory of the model', () => {
    const model = encoder();
    const script = torch.jit.trace(model, [words(4, 7), mask(4, 7)], never);
    expect([...script.stateDict().keys()]).toEqual([...model.stateDict().keys()]);
    expect(script.originalName).toBe('Encoder');
    expect(script.training).toBe(false);
    torch.noGrad(() => model.head.parameters()[2]!.mul_(2));
    const args = [words(2, 3), mask(2, 3)] as const;
    expectSame(script.forward(...args), model.forward(...args));
  });

  test('in training mode draws as the model does, and its state is as before', () => {
    class Trained extends nn.Module {
      readonly norm = new nn.BatchNorm1d(3);
      readonly dropout = new nn.Dropout(0.5);
      forward(x: Tensor) {
        return this.dropout.forward(this.norm.forward(x));
      }
    }
    torch.manualSeed(3);
    const model = new Trained();
    const before = [torch.getRngState(), ...model.buffers().map((each) => each.clone())];
    const script = torch.jit.trace(model, [torch.ones([4, 3])], never);
    expectSame([torch.getRngState(), ...model.buffers()], before);
    expect(script.training).toBe(true);
    const x = torch.randn([6, 3]);
    const state = torch.getRngState();
    const wanted = model.forward(x);
    torch.setRngState(state);
    expectSame(script.forward(x), wanted);
    expect(script.buffers().map((each) => each.tolist())).toEqual(
      model.buffers().map((each) => each.tolist()),
    );
  });

  test('is trained through its script as through itself', () => {
    const [model, other] = [encoder(), encoder()];
    const args = [words(4, 7), mask(4, 7)] as const;
    const script = torch.jit.trace(model, args, never);
    script
      .forward<{ score: Tensor }>(...args)
      .score.sum()
      .backward();
    other
      .forward(...args)
      .score.sum()
      .backward();
    const gradients = new Map(script.namedParameters());
    for (const [name, parameter] of other.namedParameters())
      expectSame(gradients.get(name)?.grad, parameter.grad);
  });

  test('may have parts whose names are no identifiers', () => {
    class Named extends nn.Module {
      readonly 'a b' = new nn.Linear(3, 1);
      readonly lambda = new nn.Parameter(torch.ones([1]));
      forward(a: Tensor) {
        return this['a b'].forward(a).mul(this.lambda);
      }
    }
    const [model, x] = [new Named(), torch.randn([2, 3])];
    const script = torch.jit.trace(model, [x], never);
    expectSame(torch.jit.load(script.toBytes()).forward(x), model.forward(x));
  });

  test('may have weights at two places, and tensors that are constants', () => {
    class Tied extends nn.Module {
      readonly embedding = new nn.Embedding(8, 4);
      readonly output = new nn.Linear(4, 8, { bias: false });
      readonly #scale = torch.tensor([2, 3, 4, 5]);
      constructor() {
        super();
        this.output.weight = this.embedding.weight;
      }
      forward(ids: Tensor) {
        return this.output.forward(this.embedding.forward(ids).mul(this.#scale));
      }
    }
    const model = new Tied();
    const ids = torch.tensor([1, 2], { dtype: 'int64' });
    const script = torch.jit.trace(model, [ids], never);
    expectSame(script.forward(ids), model.forward(ids));
    expect([...torch.jit.load(script.toBytes()).stateDict().keys()]).toEqual([
      'embedding.weight',
      'output.weight',
    ]);
  });
});

describe('arguments and results', () => {
  const one = torch.tensor([1, 2, 3]);
  test.each<[string, Fn, Tensor[]]>([
    ['the same tensor twice', (a, b) => a.mul(b), [one, one]],
    ['an argument as a result, twice', (a) => [a, a], [one]],
    ['several results of an operator', (a) => a.reshape([3, 1]).expand([3, 4]).split(2, 1), [one]],
    ['an operator with a tuple', (a) => a.reshape([1, 3]).max(1)[0], [one]],
    ['nothing of its own', () => torch.ones([2]), []],
    [
      'numbers in the place of tensors',
      (a) => a.maximum(torch.ones([])).pow(2).div(3).add(1, { alpha: 2 }),
      [one],
    ],
    ['indices', (a) => a.index([a.gt(1).logicalNot().nonzero().squeeze(1)]), [one]],
    [
      'dtypes and devices',
      (a) =>
        a
          .to('float64')
          .to('cpu')
          .add(torch.zeros([1], { dtype: 'float64' })),
      [one],
    ],
    ['steps in place', (a) => a.clone().add_(1).mul_(2), [one]],
    ['what is computed without gradients', (a) => torch.noGrad(() => a.mul(2)).add(a), [one]],
  ])('%s', (_, fn, args) => {
    const script = torch.jit.trace(fn, args, never);
    expectSame(script.forward(...args), fn(...args));
  });

  test('a dictionary of tuples', () => {
    const fn = ({ a, b }: Record<'a' | 'b', [Tensor, Tensor]>) => [a[0].add(b[1]), { sum: a[1] }];
    const given = { a: [one, one], b: [one, one.neg()] } as Parameters<typeof fn>[0];
    expectSame(torch.jit.trace(fn, [given], never).forward(given), fn(given));
  });

  test('have names in Python', () => {
    const script = torch.jit.trace((a: Tensor, b: Tensor) => a.sub(b), [one, one], {
      argumentNames: ['left', 'right'],
    });
    expect(script.forward({ right: one, left: one.mul(3) }).tolist()).toEqual([2, 4, 6]);
    const other = torch.jit.trace((a: Tensor) => a.neg(), [one]);
    expect(other.forward({ input: one }).tolist()).toEqual([-1, -2, -3]);
  });

  test.each(['torch', 'self', 'ops', 'inf', '_', 'NoneType', 'fork', 'a b', '', 3 as never])(
    'cannot be called %p in Python',
    (name) => {
      const options = { argumentNames: ['fine', name] };
      expect(() => torch.jit.trace((a: Tensor, b: Tensor) => a.sub(b), [one, one], options)).toThrow(
        `for argumentNames[1] but received ${JSON.stringify(name)}`,
      );
    },
  );
});

describe('what cannot be right', () => {
  const x = torch.tensor([1, 2, 3]);
  const parameter = new nn.Parameter(torch.ones([3]));
  const scripted = torch.jit.trace((a: Tensor) => a.neg(), [x]);
  test.each<[string, Fn, RegExp]>([
    [
      'makes a tensor',
      (a) => a.add(torch.tensor([1, 2, 3])),
      /makes a tensor from values of JavaScript.*at .*trace/,
    ],
    ['computes under autocast', (a) => torch.autocast('cpu', () => a.mul(2)), /computes under autocast/],
    ['has a parameter of no module', (a) => a.mul(parameter), /is no parameter of the module/],
    ['returns a number', () => 3, /tensors in arrays and plain objects for the result but received 3/],
    ['calls a script', (a) => scripted.forward(a), /calls the method forward of a TorchScript module/],
    ['traces', (a) => torch.jit.trace((b: Tensor) => b.neg(), [x]).forward(a), /one recording at a time/],
    ['is asynchronous', async (a) => a, /is asynchronous/],
    [
      'throws',
      () => {
        throw new TypeError('mine');
      },
      /mine/,
    ],
  ])('a function that %s', (_, fn, message) => {
    expect(() => torch.jit.trace(fn, [x])).toThrow(message);
  });

  test.each<[string, () => unknown]>([
    ['no function', () => torch.jit.trace(3 as never, [x])],
    ['no array', () => torch.jit.trace((a: Tensor) => a, x as never)],
    ['a number among the arguments', () => torch.jit.trace((a: Tensor) => a, [3 as never])],
    ['too many names', () => torch.jit.trace((a: Tensor) => a.neg(), [x], { argumentNames: ['a', 'b'] })],
    [
      'a name that Python cannot have',
      () => torch.jit.trace((a: Tensor) => a.neg(), [x], { argumentNames: ['lambda'] }),
    ],
    [
      'check inputs of another structure',
      () => torch.jit.trace((a: Tensor) => a.neg(), [x], { checkInputs: [[[x]] as never] }),
    ],
    [
      'a dictionary of different things',
      () => torch.jit.trace(({ a, b }: { a: Tensor; b: Tensor[] }) => a.add(b[0]!), [{ a: x, b: [x] }]),
    ],
  ])('%s', (_, fn) => expect(fn).toThrow(ArgumentError));

  test('what reads values keeps to the way of the example, and a warning says where', () => {
    const told: string[] = [];
    const options = { warn: (message: string) => told.push(message) };
    const branching = (a: Tensor) => (a.sum().item() > 0 ? a.neg() : a.abs());
    const script = torch.jit.trace(branching, [x], options);
    expect(script.forward(x.neg()).tolist()).toEqual([1, 2, 3]);
    expect(script.forward(torch.tensor([1, 2, 3, 4, 5])).tolist()).toEqual([-1, -2, -3, -4, -5]);
    expect(told).toEqual([
      expect.stringMatching(
        /^branching reads a value with aten::item, at .*trace\.test\.ts.*\. What follows from it is in the trace as it went/,
      ),
    ]);
    told.length = 0;
    const scaling = (a: Tensor) => a.mul(Math.max(...(a.tolist() as number[])));
    expect(
      torch.jit
        .trace(scaling, [x], { ...options, variableSizes: false })
        .forward(x)
        .tolist(),
    ).toEqual([3, 6, 9]);
    expect(told).toEqual([
      expect.stringMatching(/scaling reads the values of a tensor, at .*trace\.test\.ts/),
    ]);
    const other = {
      ...options,
      variableSizes: false,
      checkInputs: [[torch.tensor([1, 2, 9])]] as [Tensor][],
    };
    expect(() => torch.jit.trace(scaling, [x], other)).toThrow(
      /another one, in tensor 0 of it, for arguments of \[3\]: it reads the values of a tensor, at .*trace\.test\.ts/,
    );
  });

  test('with strict it is refused', () => {
    const factor = (a: Tensor) => a.mul(a.sum().item());
    const strict = { strict: true, ...never };
    expect(() => torch.jit.trace(factor, [x], strict)).toThrow(
      /reads a value with aten::item, at .*trace\.test\.ts/,
    );
    expect(() => torch.jit.trace((a: Tensor) => a.mul(Number(a.tolist())), [x], strict)).toThrow(
      /reads the values of a tensor, at .*trace/,
    );
    expect(() => torch.jit.trace(factor, [x], { strict: 1 as never })).toThrow(ArgumentError);
  });

  test('what depends on counters, values or sizes is told', () => {
    const told: string[] = [];
    const options = { warn: (message: string) => told.push(message) };
    let count = 0;
    const counting = (a: Tensor) => a.mul(++count);
    expect(torch.jit.trace(counting, [x], options).forward(x).tolist()).toEqual([1, 2, 3]);
    expect(told.join()).toMatch(/counting does not always call the same operators: aten::mul.*1, and then 2/);
    told.length = 0;
    const branching = (a: Tensor) => (a.shape[0]! > 3 ? a.neg() : a.abs());
    const script = torch.jit.trace(branching, [x], options);
    expect(script.forward(x).tolist()).toEqual([1, 2, 3]);
    expect(told.join()).toMatch(
      /branching does not always call the same operators: aten::abs was called, and then aten::neg/,
    );
    told.length = 0;
    const roundabout = (a: Tensor) => a.mul(Math.sin(a.shape[0]!));
    const fixed = torch.jit.trace(roundabout, [x], options);
    expect(fixed.forward(x).equal(roundabout(x))).toBe(true);
    expect(told.join()).toMatch(/numbers that do not follow from the sizes/);
  });

  test('another result for other arguments', () => {
    const other = torch.tensor([4, 5, 6]);
    const knowing = (a: Tensor) => (a === other ? a.neg() : a.abs());
    const told: string[] = [];
    const options = { checkInputs: [[other]] as [Tensor][], warn: (message: string) => told.push(message) };
    expect(() => torch.jit.trace(knowing, [x], options)).toThrow(
      /the same result from TorchScript for knowing/,
    );
    expect(told).toHaveLength(1);
  });

  test('nothing is left over', () => {
    const model = encoder();
    const args = [words(4, 7), mask(4, 7)] as const;
    const before = torch.memory().tensors;
    expect(() => torch.jit.trace((a: Tensor) => a.mul(a.sum().item()), [x], { strict: true })).toThrow();
    expect(torch.memory().tensors).toBe(before);
    torch.jit.trace(model, args, never);
    const kept = torch.memory().tensors - before;
    expect(kept).toBe(model.parameters().length + model.buffers().length);
  });
});

itPython(sameTorch)(
  'Python loads what was saved: equal results, names, and a state that it loads and trains',
  async () => {
    const path = join(temporaryDirectory(), 'model.pt');
    const model = encoder();
    await torch.jit
      .trace(model, [words(4, 7), mask(4, 7)], { argumentNames: ['words', 'mask'], ...never })
      .save(path);
    const args = [words(6, 11), mask(6, 11)] as const;
    await torch.saveSafetensors(`${path}.in`, { words: args[0], mask: args[1] });
    runPython(
      `
import sys, torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
path = sys.argv[1]
model = torch.jit.load(path)
given = load_file(path + ".in")
found = model(words=given["words"], mask=given["mask"])
state = {"state." + name: value.clone() for name, value in model.state_dict().items()}
found["score"].sum().backward()
gradients = {"grad." + name: each.grad for name, each in model.named_parameters() if each.grad is not None}
model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
save_file({**{k: v.detach().clone() for k, v in found.items()}, **state, **gradients}, path + ".out")
`,
      path,
    );
    const found = await torch.loadSafetensors(`${path}.out`);
    const wanted = model.forward(...args);
    wanted.score.sum().backward();
    expectSame({ score: found.get('score'), states: found.get('states') }, wanted);
    for (const [name, tensor] of model.stateDict()) expectSame(found.get(`state.${name}`), tensor);
    for (const [name, { grad }] of model.namedParameters())
      if (grad !== null) expectSame(found.get(`grad.${name}`), grad);
  },
);
