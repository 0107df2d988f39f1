/** Packages that Python compiled for this machine give the bits that Python gives, and what they do not take is an error. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { readArchive } from '../../lib/torch/io/archive.ts';
import { type Cases, compiledPackages, itCompiles, type Nested } from '../support/compiledPackages.ts';
import { expectBitEqual, type TensorEntry, toTensor } from '../support/fixtures.ts';
import { zip } from '../support/zip.ts';

const it = itCompiles();
let directory: string;
let cases: Cases;

beforeAll(() => {
  if (it === test.skip) return;
  torch.setNumThreads(1);
  ({ directory, cases } = compiledPackages());
}, 900_000);

afterEach(() => {
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`xpmir-package-${process.pid}-`))).toEqual(
    [],
  );
});

const isEntry = (value: Nested): value is TensorEntry => !Array.isArray(value) && 'data' in value;

function tensors(value: Nested): unknown {
  if (isEntry(value)) return toTensor(value);
  if (Array.isArray(value)) return value.map(tensors);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, tensors(each)]));
}

function expectSame(actual: unknown, wanted: Nested): void {
  if (isEntry(wanted)) return expectBitEqual(actual as torch.Tensor, wanted);
  expect(Object.keys(actual as object)).toEqual(Object.keys(wanted));
  for (const [key, each] of Object.entries(wanted))
    expectSame((actual as Record<string, unknown>)[key], each);
}

const path = (name: string) => join(directory, `${name}.pt2`);
const load = (name: string, options = {}) => torch.inductor.aotiLoadPackage(path(name), options);
const ranker = () => load('ranker', { modelName: 'ranker' });

/** A package with files changed; `undefined` leaves one out. */
function doctored(
  name: string,
  change: (file: string, content: Buffer) => Buffer | string | undefined,
): Buffer {
  return zip(
    [...readArchive(readFileSync(path(name))).values()].flatMap((entry) => {
      const content = change(entry.name, Buffer.from(entry.read()));
      return content === undefined ? [] : [{ name: `root/${entry.name}`, content: Buffer.from(content) }];
    }),
  );
}

const metadata = (change: object) =>
  doctored('mlp', (file, content) =>
    file.endsWith('.wrapper_metadata.json')
      ? JSON.stringify({ ...(JSON.parse(content.toString()) as object), ...change })
      : content,
  );

describe('results', () => {
  it('of every batch size are those of Python, here and on another thread', async () => {
    const model = load('mlp');
    for (const { args, result } of cases.mlp) {
      const [x] = args.map(tensors) as [torch.Tensor];
      expectSame(model.forward(x), result);
      expectSame(await model.forwardAsync(x), result);
    }
    const all = await Promise.all(cases.mlp.map(({ args }) => model.forwardAsync(...args.map(tensors))));
    for (const [i, { result }] of cases.mlp.entries()) expectSame(all[i], result);
    model.dispose();
  });

  it('and arguments nest', async () => {
    using model = ranker();
    for (const { args, named = {}, result } of cases.ranker) {
      const [batch] = args.map(tensors) as [Record<string, unknown>];
      expectSame(model.forward(batch, 7, tensors(named)), result);
      expectSame(
        await model.forwardAsync(new Map(Object.entries(batch).reverse()), null, tensors(named)),
        result,
      );
    }
  });

  it('are the same whatever the strides of the arguments, and a constant outlives the model', () => {
    for (const { args, result } of cases.layouts) {
      const [turned, ...others] = args.map(tensors) as torch.Tensor[];
      for (const one of [turned, turned?.t().contiguous().t()]) {
        const model = load('layouts');
        const results = model.forward(one, ...others);
        model.dispose();
        expectSame(results, result);
      }
    }
  });

  it('need no gradient, and follow other weights', () => {
    using model = load('mlp');
    const { state, args, result } = cases.reloaded;
    const [x] = args.map(tensors) as [torch.Tensor];
    expect(model.forward(x.requiresGrad_()).requiresGrad).toBe(false);
    const weights = Object.fromEntries(Object.entries(state).map(([name, entry]) => [name, toTensor(entry)]));
    expect(model.constantFqns.sort()).toEqual(Object.keys(weights).sort());
    model.loadConstants(weights);
    expectSame(model.forward(x), result);
    model.loadConstants(new Map([['hidden.weight', torch.zeros([16, 8])]]), { checkFullUpdate: false });
    expect(
      model
        .forward(x)
        .select(0, 0)
        .equal(model.forward(x.mul(2)).select(0, 0)),
    ).toBe(true);
    expect(() => model.loadConstants({})).toThrow(/all of constantFqns for constants but received no/);
    for (const wrong of [
      { 'hidden.weight': torch.zeros([16, 9]) },
      { 'hidden.weight': 3 },
      { none: torch.zeros([1]) },
      3,
    ])
      expect(() => model.loadConstants(wrong as never, { checkFullUpdate: false })).toThrow(ArgumentError);
  });
});

describe('arguments that a package does not take', () => {
  it('are errors', async () => {
    using model = load('mlp');
    const x = (...shape: number[]) => torch.ones(shape);
    const wrong: [RegExp, ...unknown[]][] = [
      [/1 to 64 for size 0 of argument 1 but received 65/, x(65, 8)],
      [/1 to 64 for size 0/, x(0, 8)],
      [/Expected 8 for size 1 of argument 1 but received 7/, x(2, 7)],
      [/Expected 2 dimensions/, x(8)],
      [/Expected 2 dimensions/, x(2, 8, 1)],
      [/float32 for the dtype of argument 1 but received "float64"/, x(2, 8).to('float64')],
      [/cpu for the device of argument 1 but received "meta"/, torch.empty([2, 8], { device: 'meta' })],
      [/a dense tensor/, x(2, 8).toSparse()],
      [/tensors for 1 inputs but received 0/, 3],
      [/a Tensor for argument 1/, undefined],
      [/a Tensor for argument 1/, [x(2, 8)]],
      [/1 arguments but received 0/],
      [/1 arguments but received 2/, x(2, 8), x(2, 8)],
    ];
    for (const [message, ...args] of wrong) {
      expect(() => model.forward(...args)).toThrow(message);
      await expect(model.forwardAsync(...args)).rejects.toThrow(ArgumentError);
    }
    const gone = x(2, 8);
    gone.dispose();
    expect(() => model.forward(gone)).toThrow(expect.objectContaining({ code: 'ERR_TENSOR_DISPOSED' }));
    await expect(torch.compile((y: torch.Tensor) => model.forward(y).add(1))(x(2, 8))).rejects.toThrow(
      /written down/,
    );
    expect(model.forward(x(2, 8)).shape).toEqual([2, 4]);
  });

  it('are errors where they nest, and where sizes follow from each other', () => {
    using model = ranker();
    const ids = (...shape: number[]) => torch.ones(shape, { dtype: 'int64' });
    const mask = (...shape: number[]) => torch.ones(shape);
    const scale = torch.ones([1]);
    const call =
      (batch: unknown, named: unknown = { scale }) =>
      () =>
        model.forward(batch, 7, named);
    expect(call({ ids: ids(3, 5), masks: [mask(2, 5)] })).toThrow(
      /Expected 3, which follows .* for size 0 of element 0 of masks of argument 1 but received 2/,
    );
    expect(call({ ids: ids(3, 5), masks: [mask(3, 6)] })).toThrow(/Expected 5, which follows/);
    expect(call({ ids: ids(3, 5) })).toThrow(/an object of ids, masks for argument 1/);
    expect(call({ ids: ids(3, 5), masks: [] })).toThrow(/an array of 1 for masks of argument 1/);
    expect(call([ids(3, 5), [mask(3, 5)]])).toThrow(/an object of ids, masks/);
    expect(call({ ids: ids(3, 5), masks: [mask(3, 5)] }, {})).toThrow(/an object of scale/);
    expect(call({ ids: mask(3, 5), masks: [mask(3, 5)] })).toThrow(
      /int64 for the dtype of ids of argument 1/,
    );
    // What only the values tell is the library's own to refuse.
    expect(call({ ids: ids(3, 5).mul(99), masks: [mask(3, 5)] })).toThrow(
      expect.objectContaining({ code: 'ERR_TORCH' }),
    );
    expect(call({ ids: ids(3, 5), masks: [mask(3, 5)] })()).toBeDefined();
    using layouts = load('layouts');
    const [turned, unused] = [torch.ones([4, 5]), torch.ones([7])];
    expect(() => layouts.forward(turned, torch.ones([3, 2]), torch.ones([5, 2]), unused)).toThrow(
      /Expected 6, which follows/,
    );
    expect(() => layouts.forward(turned, torch.ones([3, 2]), torch.ones([6, 2]), torch.ones([8]))).toThrow(
      /Expected 7 for size 0 of argument 4/,
    );
  });
});

describe('packages for something else', () => {
  const refused: [string, RegExp, () => Buffer][] = [
    ['another system', /compiled for win32, this is/, () => metadata({ AOTI_PLATFORM: 'win32' })],
    ['another architecture', /compiled for s390x, this is/, () => metadata({ AOTI_MACHINE: 's390x' })],
    ['another processor', /this processor has no avx1024/, () => metadata({ AOTI_CPU_ISA: 'AVX2 AVX1024' })],
    ['an unknown machine', /does not say AOTI_CPU_ISA/, () => metadata({ AOTI_CPU_ISA: undefined })],
    ['an unknown device', /moon/, () => metadata({ AOTI_DEVICE_KEY: 'moon' })],
    [
      'another libtorch',
      /compiled for libtorch 2\.\d+\.\d+.*: it needs aoti_torch_empty_stridex, which is not there/,
      () =>
        doctored('mlp', (file, content) =>
          file.endsWith('.so')
            ? Buffer.from(
                content
                  .toString('latin1')
                  .replaceAll('aoti_torch_empty_strided\0', 'aoti_torch_empty_stridex\0'),
                'latin1',
              )
            : content,
        ),
    ],
    [
      'another interface',
      /it needs AOTInductorModelContainerRun/,
      () =>
        doctored('mlp', (file, content) =>
          file.endsWith('.so')
            ? Buffer.from(
                content
                  .toString('latin1')
                  .replaceAll('AOTInductorModelContainerRun\0', 'AOTInductorModelContainerRum\0'),
                'latin1',
              )
            : content,
        ),
    ],
    [
      'a library that is none',
      /invalid ELF header/,
      () => doctored('mlp', (file, content) => (file.endsWith('.so') ? 'no library'.repeat(99) : content)),
    ],
  ];
  it.each(refused)('%s', (_, message, make) => {
    const bytes = make();
    expect(() => torch.inductor.aotiLoadPackage(bytes)).toThrow(message);
    expect(() => torch.inductor.aotiLoadPackage(bytes)).toThrow(
      expect.objectContaining({ code: 'ERR_FILE' }),
    );
  });

  it('models by name, devices, and what was disposed', async () => {
    expect(() => load('ranker')).toThrow(/no model "model" but ranker/);
    expect(() => load('mlp', { device: 'cuda:0' })).toThrow(
      /Expected cpu, which the package was compiled for/,
    );
    expect(() => load('mlp', { sha256: 'a'.repeat(64) })).toThrow(/SHA-256/);
    const model = load('mlp', { device: 'cpu' });
    const running = model.forwardAsync(torch.ones([2, 8]));
    model.dispose();
    model.dispose();
    expect((await running).shape).toEqual([2, 4]);
    expect(model.isDisposed).toBe(true);
    expect(() => model.forward(torch.ones([2, 8]))).toThrow(/disposed/);
    expect(() => model.constantFqns).toThrow(/disposed/);
    expect(() => new torch.inductor.AOTICompiledModel(1, undefined as never, undefined as never)).toThrow(
      ArgumentError,
    );
  });
});
