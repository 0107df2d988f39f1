/** Models over encoders of Hugging Face: the numbers of plain PyTorch and transformers, and what texts become. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  ColBert,
  CosineDense,
  CrossScorer,
  DotDense,
  type LateInputs,
  PretrainedTextEncoder,
  type ScoredPairs,
  type Scorer,
  Splade,
  sparseVectors,
} from '../../lib/letor/index.ts';
import { Tokenizer } from '../../lib/tokenizers/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { CrossEncoder, PretrainedEncoder, PretrainedMaskedLM } from '../../lib/transformers/index.ts';
import { itPython, sameTorch } from '../support/python.ts';
import {
  given,
  initialized,
  inPython,
  learnt,
  lists,
  modelFolder,
  someDocuments,
  somePairs,
  someTopics,
} from './models.ts';

beforeAll(() => setNumThreads(1));

const all: ScoredPairs = { topics: someTopics(3), documents: someDocuments(4) };
const markers = { topicMarker: '', documentMarker: '' };
const cross = (folder: string, values: object = {}) =>
  new CrossScorer({ encoder: new CrossEncoder({ modelId: 'tiny', folder, ...values }), maxLength: 32 });
const encoder = (folder: string) => new PretrainedEncoder({ modelId: 'tiny', folder });
const dense = (folder: string, values: object = {}) =>
  new DotDense({ encoder: new PretrainedTextEncoder({ encoder: encoder(folder), ...values }) });
const cosine = (folder: string) =>
  new CosineDense({
    encoder: new PretrainedTextEncoder({ encoder: encoder(folder), pooling: 'cls', projection: 6 }),
    scale: 20,
  });
const colbert = (folder: string, values: object = {}) =>
  new ColBert({
    encoder: encoder(folder),
    dim: 8,
    maxTopicLength: 16,
    maxDocumentLength: 40,
    ...markers,
    ...values,
  });
const splade = (folder: string, values: object = {}) =>
  new Splade({
    encoder: new PretrainedMaskedLM({ modelId: 'tiny', folder }),
    maxDocumentLength: 40,
    ...values,
  });

type Kind = Parameters<typeof modelFolder>[0];
const CASES: Readonly<Record<string, readonly [Kind, (folder: string) => Scorer, ScoredPairs]>> = {
  cross: ['classifier', cross, somePairs],
  dense: ['encoder', dense, all],
  'dense pairs': ['encoder', dense, somePairs],
  cosine: ['encoder', cosine, all],
  colbert: ['encoder', colbert, all],
  'colbert pairs': ['encoder', (folder) => colbert(folder, { maskAugmentation: false }), somePairs],
  splade: ['maskedLM', splade, all],
  'splade pairs': ['maskedLM', (folder) => splade(folder, { aggregation: 'sum' }), somePairs],
};

const IN_PYTHON = `
import transformers as hf
hf.logging.disable_progress_bar()

def texts(prefix):
    names = {"inputIds": "input_ids", "attentionMask": "attention_mask", "tokenTypeIds": "token_type_ids"}
    return {names[name]: value for name, value in part(prefix + ".").items()}

class Model(nn.Module):
    def __init__(self, folder, auto, dim=None):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.model = auto.from_pretrained(folder).train()
        if dim: self.linear = nn.Linear(16, dim, bias=False)

class Cross(Model):
    def forward(self):
        return self.encoder.model(**texts("input")).logits.squeeze(1)

class Dual(Model):
    def forward(self):
        t, d = self.encode("topics"), self.encode("documents")
        if "input.pairs.topicIndices" not in given: return self.product(t, d).flatten()
        return self.pairs(t[given["input.pairs.topicIndices"]], d[given["input.pairs.documentIndices"]])
    def product(self, t, d): return t @ d.T
    def pairs(self, t, d): return (t * d).sum(-1)

class Dense(Dual):
    def __init__(self, folder, cosine):
        super().__init__(folder, hf.AutoModel)
        self.cosine = cosine
        inner, self.encoder = self.encoder, nn.Module()
        self.encoder.encoder = inner
        if cosine: self.encoder.linear = nn.Linear(16, 6)
    def encode(self, side):
        inputs = texts(f"input.{side}")
        states = self.encoder.encoder.model(**inputs).last_hidden_state
        if self.cosine:
            vectors = F.normalize(self.encoder.linear(states[:, 0]))
            return vectors * 20 if side == "topics" else vectors
        mask = inputs["attention_mask"].unsqueeze(-1).expand_as(states).float()
        return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)

class ColBert(Dual):
    def encode(self, side):
        states = self.encoder.model(**texts(f"input.{side}.texts")).last_hidden_state
        vectors, counted = F.normalize(self.linear(states), dim=2), given[f"input.{side}.counted"]
        return vectors, counted
    def product(self, t, d):
        (q, qc), (v, vc) = t, d
        sims = torch.einsum("tqe,nle->tnql", q, v).masked_fill(vc[None, :, None, :] == 0, float("-inf"))
        return (sims.max(-1).values * qc[:, None]).sum(-1)
    def forward(self):
        product = self.product(self.encode("topics"), self.encode("documents"))
        if "input.pairs.topicIndices" not in given: return product.flatten()
        return product[given["input.pairs.topicIndices"], given["input.pairs.documentIndices"]]

class Splade(Dual):
    def __init__(self, folder, sum):
        super().__init__(folder, hf.AutoModelForMaskedLM)
        self.sum = sum
    def encode(self, side):
        inputs = texts(f"input.{side}")
        logits = self.encoder.model(**inputs).logits
        weights = torch.log(1 + torch.relu(logits)) * inputs["attention_mask"].unsqueeze(-1).float()
        return weights.sum(1) if self.sum else torch.max(weights, dim=1).values

def compute(name):
    kind, folder = name.split("|")
    model = {
        "cross": lambda: Cross(folder, hf.AutoModelForSequenceClassification),
        "dense": lambda: Dense(folder, False), "cosine": lambda: Dense(folder, True),
        "colbert": lambda: ColBert(folder, hf.AutoModel, 8), "splade": lambda: Splade(folder, "pairs" in kind),
    }[kind.split()[0]]()
    state = part("state.")
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("decoder" in key for key in missing), (missing, unexpected)
    learn(model, model())
`;

/** Whose product also asks which tokens count, and may round otherwise than the one that Python is written with. */
const ROUNDED = new Set(['colbert', 'colbert pairs']);

itPython({ ...sameTorch, transformers: undefined })(
  'values and gradients are those of Python',
  async () => {
    const ours = new Map<string, Record<string, unknown>>();
    const tensors = new Map<string, Map<string, Tensor>>();
    for (const [name, [kind, make, pairs]] of Object.entries(CASES)) {
      const folder = await modelFolder(kind);
      const model = await initialized(make(folder));
      const inputs = (await model.collate(pairs)) as object;
      tensors.set(`${name}|${folder}`, given(model, inputs));
      ours.set(`${name}|${folder}`, learnt(model, model.forward(inputs)));
    }
    const theirs = await inPython(IN_PYTHON, tensors);
    for (const [key, told] of theirs) {
      const name = key.split('|')[0]!;
      const own = ours.get(key)!;
      expect([name, Object.keys(own).sort()]).toEqual([name, [...told.keys()].sort()]);
      if (!ROUNDED.has(name)) expect([name, own]).toEqual([name, lists(told)]);
      // Gradients that are nothing but rounding are measured by the others.
      const largest = Math.max(...[...told.values()].map((value) => value.abs().max().item<number>()));
      for (const [at, value] of told) {
        const difference =
          value
            .sub(tensor(own[at] as number[]))
            .abs()
            .max()
            .item<number>() / largest;
        expect([name, at, difference < 1e-6]).toEqual([name, at, true]);
      }
    }
  },
  300_000,
);

describe('padding counts for nothing', () => {
  test.each(Object.keys(CASES))('%s', async (name) => {
    const [kind, make] = CASES[name]!;
    const model = await initialized(make(await modelFolder(kind)));
    model.eval();
    const [topic, other] = someTopics(9, 3)
      .sort((a, b) => a.text.length - b.text.length)
      .slice(0, 2);
    const [short, ...more] = someDocuments(9, 4).sort((a, b) => a.text.length - b.text.length);
    const pair = { topicIndices: Int32Array.of(0), documentIndices: Int32Array.of(0) };
    const alone = model
      .forward(await model.collate({ topics: [topic!], documents: [short!], pairs: pair }))
      .item<number>();
    const beside = await model.collate({
      topics: [topic!, other!],
      documents: [short!, ...more],
      pairs: { topicIndices: Int32Array.of(0, 1), documentIndices: Int32Array.of(0, more.length) },
    });
    const value = (model.forward(beside).tolist() as number[])[0]!;
    expect(Math.abs(value - alone)).toBeLessThan(1e-5 * Math.max(1, Math.abs(alone)));
  });
});

describe('a cross-encoder', () => {
  const topic = { id: 'q3', text: 'river bank' };
  const one = (text: string, title?: string): ScoredPairs => ({
    topics: [topic],
    documents: [{ id: 'd', text, ...(title !== undefined && { title }) }],
  });

  test('cuts the document alone, and reads its title', async () => {
    const folder = await modelFolder('classifier');
    const model = await initialized(cross(folder));
    const tokenizer = await Tokenizer.fromFolder(folder);
    const { inputIds, tokenTypeIds, isPadded } = model.collate(one('money '.repeat(166_667), 'loan'));
    expect([inputIds.shape, isPadded]).toEqual([[1, 32], false]);
    const ids = (inputIds.tolist() as number[][])[0]!;
    const own = tokenizer.encode('river bank').ids;
    expect(ids.slice(0, own.length).map(Number)).toEqual([...own]);
    const loan = tokenizer.encode('loan', { addSpecialTokens: false }).ids;
    expect(ids.slice(own.length, own.length + loan.length).map(Number)).toEqual([...loan]);
    expect((tokenTypeIds!.tolist() as number[][])[0]!.indexOf(1)).toBe(own.length);
    expect(model.collate(one('')).inputIds.shape[1]).toBe(own.length + 1);
  });

  test('with two labels gives a logarithm of a probability', async () => {
    const model = await initialized(cross(await modelFolder('classifier', { num_labels: 2 })));
    expect(model.outputType).toBe('log-probability');
    expect(model.forward(model.collate(somePairs)).le(0).all().item()).toBe(true);
  });

  test('of three labels is refused, but where a head for one is asked for', async () => {
    const folder = await modelFolder('classifier', { num_labels: 3 });
    await expect(initialized(cross(folder))).rejects.toThrow(
      'encoder.numLabels: expected 1 or 2, received 3',
    );
    expect((await initialized(cross(folder, { numLabels: 1 }))).outputType).toBe('real');
  });

  test('refuses topics that leave no room, empty ones, and models that are too small', async () => {
    const folder = await modelFolder('classifier');
    const model = await initialized(cross(folder));
    const pairs = (text: string): ScoredPairs => ({
      topics: [{ id: 'q3', text }],
      documents: someDocuments(1),
    });
    expect(() => model.collate(pairs(''))).toThrow('the text of topic q3');
    expect(() => model.collate(pairs('river '.repeat(40)))).toThrow('only_second');
    const other = new CrossScorer({ encoder: model.encoder, maxLength: 32, truncation: 'longest_first' });
    expect((await initialized(other)).collate(pairs('river '.repeat(40))).inputIds.shape[1]).toBe(32);
    const long = new CrossScorer({ encoder: model.encoder, maxLength: 65 });
    await expect(initialized(long)).rejects.toThrow(
      'Expected at most the 64 places of the model for crossScorer.maxLength but received 65',
    );
    const few = cross(await modelFolder('classifier', { vocab_size: 1000 }));
    await expect(initialized(few)).rejects.toThrow('at most the 1000 tokens');
  });
});

test('a small model reads as many tokens as it takes, and the parameter is named that is too large', async () => {
  const [classifier, bare, masked] = await Promise.all(
    (['classifier', 'encoder', 'maskedLM'] as const).map((kind) => modelFolder(kind)),
  );
  const long: ScoredPairs = {
    topics: [{ id: 'q', text: 'bank' }],
    documents: [{ id: 'd', text: 'river '.repeat(300) }],
  };
  const lm = new PretrainedMaskedLM({ modelId: 'tiny', folder: masked! });
  const makers: Readonly<Record<string, (values: object) => Scorer>> = {
    'crossScorer.maxLength': (values) =>
      new CrossScorer({ encoder: new CrossEncoder({ modelId: 'tiny', folder: classifier! }), ...values }),
    'colBert.maxDocumentLength': (values) => new ColBert({ encoder: encoder(bare!), ...markers, ...values }),
    'splade.maxDocumentLength': (values) => new Splade({ encoder: lm, ...values }),
    'dense.maxDocumentLength': (values) =>
      new DotDense({ encoder: new PretrainedTextEncoder({ encoder: encoder(bare!) }), ...values }),
  };
  for (const [name, make] of Object.entries(makers)) {
    const model = await initialized(make({}));
    const inputs = await model.collate(long);
    expect(noGrad(() => model.forward(inputs)).shape.at(-1)).toBe(1);
    const wide = async () => (await initialized(make({ [name.split('.')[1]!]: 65 }))).collate(long);
    await expect(wide()).rejects.toThrow(
      `Expected at most the 64 places of the model for ${name} but received 65`,
    );
  }
});

test('late interaction: markers, masks to fill topics up, punctuation', async () => {
  const folder = await modelFolder('encoder');
  const tokenizer = await Tokenizer.fromFolder(folder);
  const [comma, mask] = [tokenizer.idOf(',')!, tokenizer.idOf('[MASK]')!];
  const model = await initialized(colbert(folder, { topicMarker: '[UNK]', documentMarker: '[SEP]' }));
  const told = ({ texts, counted }: LateInputs) => [
    texts.inputIds.tolist(),
    texts.attentionMask.tolist(),
    counted.tolist(),
  ];
  const words = tokenizer.encode('bank').ids.slice(1, -1);
  const rest = 16 - words.length - 3;
  const topic = [2, 1, ...words, 3];
  expect(told(model.collateTopics([{ id: 'q', text: 'bank' }]))).toEqual([
    [[...topic, ...Array(rest).fill(mask)]],
    [[...topic.map(() => 1), ...Array(rest).fill(0)]],
    [Array(16).fill(1)],
  ]);
  expect(
    told(
      model.collateDocuments([
        { id: 'd', text: 'bank,' },
        { id: 'e', text: '' },
      ]),
    ),
  ).toEqual([
    [
      [2, 3, ...words, comma, 3],
      [2, 3, 3, ...Array(words.length + 1).fill(0)],
    ],
    [Array(words.length + 4).fill(1), [1, 1, 1, ...Array(words.length + 1).fill(0)]],
    [
      [1, 1, ...words.map(() => 1), 0, 1],
      [1, 1, 1, ...Array(words.length + 1).fill(0)],
    ],
  ]);
  await expect(initialized(colbert(folder, { topicMarker: '[unused0]' }))).rejects.toThrow(
    'Expected a token of the vocabulary for colBert.topicMarker but received "[unused0]"',
  );
});

test('sparse vectors have the largest weights of a text', async () => {
  const model = await initialized(splade(await modelFolder('maskedLM')));
  const encoded = noGrad(() => model.encodeDocuments(model.collateDocuments(someDocuments(2))));
  const [first] = sparseVectors(encoded);
  const row = (encoded.tolist() as number[][])[0]!;
  expect(first!.indices.length).toBe(row.filter((value) => value > 0).length);
  expect([...first!.values]).toEqual(row.filter((value) => value > 0).sort((a, b) => b - a));
  expect([...first!.indices].map((id) => row[id])).toEqual([...first!.values]);
  expect(sparseVectors(encoded, 3)[0]!.indices).toEqual(first!.indices.slice(0, 3));
  expect(sparseVectors(tensor([[0, 0, 2]]))).toEqual([
    { indices: Int32Array.of(2), values: Float32Array.of(2) },
  ]);
  expect(() => sparseVectors(encoded, 0)).toThrow('topK');
  expect(typeof model.tokenOf(first!.indices[0]!)).toBe('string');
});
