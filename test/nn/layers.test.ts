import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';

const { functional, init, utils } = nn;

describe('options', () => {
  test('a misspelt one is an error that lists those there are', () => {
    expect(() => new nn.Linear(1, 1, { biass: true } as never)).toThrow(
      'Expected one of bias, dtype, device for option name of Linear but received "biass"',
    );
    expect(() => new nn.Dropout(0.1, { inPlace: true } as never)).toThrow(ArgumentError);
    expect(() => new nn.LSTM(1, 1, { nonlinearity: 'relu' } as never)).toThrow(ArgumentError);
  });

  test('undefined means not given', () => {
    expect(new nn.Linear(1, 1, { bias: undefined }).bias).not.toBeNull();
    expect(String(new nn.LeakyReLU(undefined, { inplace: undefined }))).toBe(
      'LeakyReLU(negative_slope=0.01)',
    );
  });

  test('numbers in order or by name', () => {
    expect(String(new nn.ELU(0.5, { inplace: true }))).toBe('ELU(alpha=0.5, inplace=True)');
    expect(String(new nn.ELU({ alpha: 0.5, inplace: true }))).toBe('ELU(alpha=0.5, inplace=True)');
    expect(String(new nn.Hardtanh({ maxVal: 2 }))).toBe('Hardtanh(min_val=-1.0, max_val=2.0)');
    expect(String(new nn.Dropout({ p: 0.2 }))).toBe('Dropout(p=0.2, inplace=False)');
    const x = tensor([-1, 2]);
    expect(functional.leakyRelu(x, { negativeSlope: 0.5 }).tolist()).toEqual([-0.5, 2]);
    expect(functional.hardtanh(x, { maxVal: 1.5 }).tolist()).toEqual([-1, 1.5]);
    expect(functional.dropout(x, { training: false }).tolist()).toEqual([-1, 2]);
  });

  const wrong: [string, () => unknown][] = [
    ['no boolean', () => new nn.Linear(1, 1, { bias: 1 as never })],
    ['no object', () => new nn.Linear(1, 1, 3 as never)],
    ['an array', () => new nn.MSELoss([] as never)],
    ['no number', () => new nn.ELU('1' as never)],
    ['one number too many', () => new nn.Softplus(1, 2, 3 as never)],
    ['a probability over 1', () => new nn.Dropout(1.5)],
    ['a NaN probability', () => new nn.Dropout(Number.NaN)],
    ['a dimension that is none', () => new nn.Softmax(undefined as never)],
    ['an empty range', () => new nn.Hardtanh(1, 1)],
    ['groups that do not divide', () => new nn.Conv2d(3, 4, 1, { groups: 2 })],
    ['a padding of another word', () => new nn.Conv1d(3, 4, 1, { padding: 'full' as never })],
    ["'same' with strides", () => new nn.Conv1d(3, 4, 1, { padding: 'same', stride: 2 })],
    ['an unknown padding mode', () => new nn.Conv1d(3, 4, 1, { paddingMode: 'mirror' as never })],
    ['a kernel of the wrong rank', () => new nn.Conv2d(3, 4, [1, 2, 3])],
    ['groups that do not divide the channels', () => new nn.GroupNorm(4, 6)],
    ['a padding row that is not there', () => new nn.Embedding(3, 2, { paddingIdx: 3 })],
    ['heads that do not divide', () => new nn.MultiheadAttention(6, 4)],
    ['no layers', () => new nn.LSTM(2, 3, { numLayers: 0 })],
    ['a projection that is no smaller', () => new nn.LSTM(2, 3, { projSize: 3 })],
    ['an unknown nonlinearity', () => new nn.RNN(2, 3, { nonlinearity: 'gelu' as never })],
    ['an unknown reduction', () => new nn.MSELoss({ reduction: 'avg' as never })],
    ['an unknown activation', () => new nn.TransformerEncoderLayer(4, 2, { activation: 'tanh' as never })],
    ['a margin that is not positive', () => new nn.TripletMarginLoss({ margin: 0 })],
    ['p that is neither 1 nor 2', () => new nn.MultiMarginLoss({ p: 3 })],
  ];
  test.each(wrong)('%s', (_, make) => expect(make).toThrow(ArgumentError));
});

describe('inputs that do not fit', () => {
  const x = (...shape: number[]) => F.zeros(shape);
  const wrong: [string, () => unknown][] = [
    ['batch norm of 4 dimensions', () => new nn.BatchNorm1d(2).forward(x(1, 2, 3, 4))],
    ['batch norm of one value', () => new nn.BatchNorm1d(2).forward(x(1, 2))],
    ['group norm of one value', () => functional.groupNorm(x(1, 2), 2)],
    ['recurrent input of another size', () => new nn.GRU(2, 3).forward(x(4, 1, 3))],
    ['recurrent input of 4 dimensions', () => new nn.GRU(2, 3).forward(x(1, 4, 1, 2))],
    ['a state of another size', () => new nn.GRU(2, 3).forward(x(4, 1, 2), x(1, 2, 3))],
    ['a state with a batch for an input without', () => new nn.GRU(2, 3).forward(x(4, 2), x(1, 1, 3))],
    ['a cell input of 3 dimensions', () => new nn.LSTMCell(2, 3).forward(x(1, 4, 2))],
    ['an integer mask', () => attend({ attnMask: F.zeros([2, 2], { dtype: 'int64' }) })],
    ['a mask of another size', () => attend({ attnMask: x(2, 3) })],
    ['a padding mask of another size', () => attend({ keyPaddingMask: x(1, 2) })],
    ['a causal promise without a mask', () => attend({ isCausal: true })],
    [
      'an attention of another size',
      () => new nn.MultiheadAttention(4, 2).forward(x(2, 1, 6), x(2, 1, 6), x(2, 1, 6)),
    ],
    ['bags without offsets', () => new nn.EmbeddingBag(3, 2).forward(F.zeros([4], { dtype: 'int64' }))],
    [
      'weights for a mean',
      () =>
        functional.embeddingBag(F.zeros([1, 2], { dtype: 'int64' }), x(3, 2), { perSampleWeights: x(1, 2) }),
    ],
    ['binary targets of another shape', () => new nn.BCELoss().forward(x(2), x(3))],
    ['a negative variance', () => new nn.GaussianNLLLoss().forward(x(2), x(2), -1)],
    [
      'lengths of two kinds',
      () => new nn.CTCLoss().forward(x(2, 1, 3), x(1, 1), [2], F.ones([1], { dtype: 'int64' })),
    ],
    ['interpolation without a size', () => functional.interpolate(x(1, 1, 2), {})],
    [
      'interpolation of a wrong rank',
      () => functional.interpolate(x(1, 1, 2), { size: 4, mode: 'bilinear' }),
    ],
    ['corners for nearest', () => functional.interpolate(x(1, 1, 2), { size: 4, alignCorners: true })],
    ['fans of a vector', () => init.xavierUniform_(x(3))],
    ['an unknown fan', () => init.kaimingNormal_(x(3, 3), { mode: 'fan' as never })],
    ['an unknown gain', () => init.calculateGain('swish' as never)],
    ['a gain that is no number', () => init.xavierNormal_(x(3, 3), [1] as never)],
    ['a slope that is no number', () => init.kaimingNormal_(x(3, 3), { a: [1] as never })],
    ['the identity of a vector', () => init.eye_(x(3))],
    ['groups of a delta', () => init.dirac_(x(3, 1, 1), 2)],
  ];
  function attend(call: nn.AttentionCall) {
    return new nn.MultiheadAttention(4, 2).forward(x(2, 2, 4), x(2, 2, 4), x(2, 2, 4), call);
  }
  test.each(wrong)('%s', (_, run) => expect(run).toThrow(ArgumentError));
});

describe('layers', () => {
  test('fromPretrained shares its rows and freezes them unless told otherwise', () => {
    const rows = F.arange(6, { dtype: 'float32' }).view([3, 2]);
    const layer = nn.Embedding.fromPretrained(rows);
    expect(layer.forward(tensor([2], { dtype: 'int64' })).tolist()).toEqual([[4, 5]]);
    expect(layer.weight.requiresGrad).toBe(false);
    expect(nn.EmbeddingBag.fromPretrained(rows, { freeze: false, mode: 'sum' }).weight.requiresGrad).toBe(
      true,
    );
    rows.fill_(1);
    expect(layer.weight.eq(1).all().item()).toBe(true);
    expect(() => nn.Embedding.fromPretrained(F.zeros([2]))).toThrow(ArgumentError);
  });

  test('pools give indices on demand', () => {
    const x = tensor([[[1, 3, 2, 5]]]);
    expect(new nn.MaxPool1d(2).forwardWithIndices(x).map((one) => one.tolist())).toEqual([
      [[[3, 5]]],
      [[[1, 3]]],
    ]);
    expect(new nn.AdaptiveMaxPool1d(1).forwardWithIndices(x)[1].tolist()).toEqual([[[3]]]);
    const image = x.unsqueeze(0);
    expect(new nn.MaxPool2d([1, 2]).forwardWithIndices(image)[1].tolist()).toEqual([[[[1, 3]]]]);
    expect(new nn.AdaptiveMaxPool2d([1, null]).forwardWithIndices(image)[0].shape).toEqual([1, 1, 1, 4]);
  });

  test('the causal mask, found out or promised, is the same attention', () => {
    const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 4, dropout: 0, batchFirst: true });
    const encoder = new nn.TransformerEncoder(layer, 1);
    const [x, mask] = [F.randn([1, 3, 4]), nn.generateSquareSubsequentMask(3)];
    const told = encoder.forward(x, { mask, isCausal: true });
    const found = encoder.forward(x, { mask });
    const refused = encoder.forward(x, { mask, isCausal: false });
    expect(told.equal(found)).toBe(true);
    expect(told.allclose(refused, 1e-4, 1e-5)).toBe(true);
    expect(told.equal(encoder.forward(x))).toBe(false);
  });

  test('the fused inference operators agree with the plain computation', () => {
    manualSeed(5);
    const layer = new nn.TransformerEncoderLayer(8, 2, {
      dimFeedforward: 8,
      batchFirst: true,
      activation: 'gelu',
    }).eval();
    const x = F.randn([2, 3, 8]);
    const plain = layer.forward(x);
    const fused = noGrad(() => layer.forward(x));
    expect(plain.requiresGrad).toBe(true);
    expect(fused.allclose(plain, 1e-4, 1e-5)).toBe(true);
  });

  test('an encoder may have a norm, and copies of its layer that train apart', () => {
    const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 4 });
    const encoder = new nn.TransformerEncoder(layer, 2, { norm: new nn.LayerNorm(4) });
    const [first, second] = [...encoder.layers];
    expect(first!.linear1.weight).not.toBe(second!.linear1.weight);
    expect(first!.linear1.weight.equal(second!.linear1.weight)).toBe(true);
    expect(() => new nn.TransformerEncoder({} as never, 2)).toThrow(ArgumentError);
  });
});

describe('packed sequences', () => {
  const sequences = [tensor([[1], [2]]), tensor([[3], [4], [5]]), tensor([[6]])];

  test('pack and unpack in any order', () => {
    const packed = utils.rnn.packSequence(sequences, { enforceSorted: false });
    expect(packed.batchSizes.tolist()).toEqual([3, 2, 1]);
    expect(packed.data.flatten().tolist()).toEqual([3, 1, 6, 4, 2, 5]);
    expect(utils.rnn.unpackSequence(packed).map((one) => one.tolist())).toEqual(
      sequences.map((one) => one.tolist()),
    );
    const [padded, lengths] = utils.rnn.padPackedSequence(packed, {
      batchFirst: true,
      paddingValue: -1,
      totalLength: 4,
    });
    expect([padded.shape, lengths.tolist()]).toEqual([
      [3, 4, 1],
      [2, 3, 1],
    ]);
    expect(padded.select(0, 2).flatten().tolist()).toEqual([6, -1, -1, -1]);
    expect(() => utils.rnn.padPackedSequence(packed, { totalLength: 2 })).toThrow(ArgumentError);
  });

  test('lengths that do not fall need permission', () => {
    expect(() => utils.rnn.packSequence(sequences)).toThrow(/decreasing|enforce_sorted|sorted/i);
    expect(() => utils.rnn.unpadSequence(F.zeros([2, 2, 1]), [1])).toThrow(ArgumentError);
  });

  test('a layer gives the same for padded and packed sequences', () => {
    const layer = new nn.LSTM(1, 2, { batchFirst: true });
    const packed = utils.rnn.packSequence(sequences, { enforceSorted: false });
    const [output, [hidden]] = layer.forward(packed);
    const parts = utils.rnn.unpackSequence(output);
    for (const [i, sequence] of sequences.entries()) {
      const [alone] = layer.forward(sequence);
      expect(parts[i]!.allclose(alone, 1e-5, 1e-6)).toBe(true);
      expect(hidden.at(0, i).allclose(alone.at(-1), 1e-5, 1e-6)).toBe(true);
    }
  });
});

describe('utils', () => {
  test('parameters as one vector and back', () => {
    const layer = new nn.Linear(2, 1);
    const vector = utils.parametersToVector(layer.parameters());
    expect(vector.shape).toEqual([3]);
    utils.vectorToParameters(tensor([1, 2, 3]), layer.parameters());
    expect([layer.weight.tolist(), layer.bias!.tolist()]).toEqual([[[1, 2]], [3]]);
  });

  test('norms that are not finite may be an error', () => {
    const parameter = new nn.Parameter(F.zeros([2]));
    expect(utils.clipGradNorm_([parameter], 1).item()).toBe(0);
    parameter.grad = tensor([1, Number.POSITIVE_INFINITY]);
    expect(() => utils.clipGradNorm_(parameter, 1, { errorIfNonfinite: true })).toThrow(
      'Expected a finite total norm',
    );
    expect(utils.getTotalNorm(tensor([3, 4])).item()).toBe(5);
    expect(() => utils.clipGradValue_(parameter, 'x' as never)).toThrow(ArgumentError);
  });
});

test('adaptive softmax: every class has its probability, and prediction takes the largest', () => {
  manualSeed(4);
  const layer = new nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7]);
  const x = F.randn([20, 8]).mul(3);
  const all = noGrad(() => layer.logProb(x));
  expect(all.shape).toEqual([20, 12]);
  for (const sum of all.exp().sum(1).tolist<number[]>()) expect(sum).toBeCloseTo(1, 5);
  expect(noGrad(() => layer.predict(x)).tolist()).toEqual(all.argmax(1).tolist());
  const classes = F.arange(20).remainder(12);
  const [chosen] = noGrad(() => layer.forward(x, classes));
  const wanted = all.gather(1, classes.unsqueeze(1)).squeeze(1);
  expect(chosen.sub(wanted).abs().max().item()).toBeLessThan(1e-5);
  expect(() => layer.forward(x, F.full([20], 12, { dtype: 'int64' }))).toThrow(ArgumentError);
  expect(() => new nn.AdaptiveLogSoftmaxWithLoss(8, 12, [7, 3])).toThrow(/ascending integers from 1 to 11/);
});

test('unpooling puts maxima back where they were', () => {
  const x = F.arange(12).to('float32').reshape([1, 1, 3, 4]);
  const [pooled, indices] = new nn.MaxPool2d(2, { ceilMode: true }).forwardWithIndices(x);
  const back = new nn.MaxUnpool2d(2).forward(pooled, indices, { outputSize: x.shape });
  expect(back.flatten().tolist()).toEqual([0, 0, 0, 0, 0, 5, 0, 7, 0, 9, 0, 11]);
  expect(() => new nn.MaxUnpool2d(2).forward(pooled, indices, { outputSize: [9, 9] })).toThrow(ArgumentError);
});
