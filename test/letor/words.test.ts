/** Models over words: the numbers of plain PyTorch, and padding that counts for nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/identifier.ts';
import {
  ConvKnrm,
  DotDense,
  Drmm,
  FileWordEmbeddings,
  type InteractionScorer,
  Knrm,
  MeanWordsEncoder,
  SimpleWordTokenizer,
  Vocabulary,
} from '../../lib/letor/index.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { itPython, sameTorch } from '../support/python.ts';
import {
  given,
  initialized,
  inPython,
  learnt,
  lists,
  newFolder,
  someEmbeddings,
  somePairs,
} from './models.ts';

beforeAll(() => setNumThreads(1));

type Embeddings = Awaited<ReturnType<typeof someEmbeddings>>;

const MODELS: Readonly<Record<string, (embeddings: Embeddings) => InteractionScorer>> = {
  knrm: (embeddings) => new Knrm({ embeddings }),
  'knrm without tanh': (embeddings) => new Knrm({ embeddings, tanh: false, kernels: 6, sigma: 0.2 }),
  'conv-knrm': (embeddings) => new ConvKnrm({ embeddings, filters: 6 }),
  'conv-knrm without cross-match': (embeddings) =>
    new ConvKnrm({ embeddings, filters: 6, maxNgram: 2, crossMatch: false }),
  'drmm LCH idf': (embeddings) => new Drmm({ embeddings }),
  'drmm CH embedding': (embeddings) => new Drmm({ embeddings, histogram: 'CH', gating: 'embedding' }),
  'drmm NH idf': (embeddings) => new Drmm({ embeddings, histogram: 'NH', bins: 11 }),
};

/** The models as one would write them in Python; texts are filled up with 0. */
const IN_PYTHON = `
class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(*given["state.embeddings.table.weight"].shape, padding_idx=0)

def kernels(count, sigma):
    parts = count - 1
    means = [1.0] + [(parts - 1 - 2 * i) / parts for i in range(parts)]
    return torch.tensor(means), torch.tensor([0.001] + [sigma] * parts)

def cosines(a, b):
    return F.normalize(a, dim=2) @ F.normalize(b, dim=2).transpose(1, 2)

def pool(m, mu, sigma, topics, documents):
    near = torch.exp((m.unsqueeze(-1) - mu) ** 2 / (sigma**2 * -2)) * (documents != 0).float()[:, None, :, None]
    return (torch.log(near.sum(2).clamp(min=1e-10)) * 0.01 * (topics != 0).float().unsqueeze(-1)).sum(1)

class Knrm(nn.Module):
    def __init__(self, count=11, sigma=0.1, tanh=True):
        super().__init__()
        self.embeddings, self.linear, self.tanh = Words(), nn.Linear(count, 1), tanh
        means, deviations = kernels(count, sigma)
        self.register_buffer("means", means)
        self.register_buffer("deviations", deviations)

    def forward(self, topics, documents):
        m = cosines(self.embeddings.table(topics), self.embeddings.table(documents))
        scores = self.linear(pool(m, self.means, self.deviations, topics, documents)).squeeze(1)
        return torch.tanh(scores) if self.tanh else scores

class ConvKnrm(nn.Module):
    def __init__(self, filters, ngrams=3, cross=True):
        super().__init__()
        self.embeddings, self.ngrams, self.cross = Words(), ngrams, cross
        width = self.embeddings.table.embedding_dim
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, size + 1) for size in range(ngrams))
        self.linear = nn.Linear(11 * (ngrams**2 if cross else ngrams), 1)
        means, deviations = kernels(11, 0.1)
        self.register_buffer("means", means)
        self.register_buffer("deviations", deviations)

    def grams(self, ids):
        x = self.embeddings.table(ids).transpose(1, 2)
        return [F.relu(conv(F.pad(x, (0, i)) if i else x)).transpose(1, 2) for i, conv in enumerate(self.convolutions)]

    def forward(self, topics, documents):
        ours, theirs = self.grams(topics), self.grams(documents)
        pooled = [pool(cosines(a, b), self.means, self.deviations, topics, documents)
                  for i, a in enumerate(ours) for j, b in enumerate(theirs) if self.cross or i == j]
        return torch.tanh(self.linear(torch.cat(pooled, 1)).squeeze(1))

class Drmm(nn.Module):
    def __init__(self, kind="LCH", gating="idf", bins=30):
        super().__init__()
        self.embeddings, self.kind, self.gating, self.bins = Words(), kind, gating, bins
        self.hiddenLayer, self.outputLayer = nn.Linear(bins, 5), nn.Linear(5, 1)
        self.gate = nn.Linear(1 if gating == "idf" else self.embeddings.table.embedding_dim, 1, bias=False)
        self.register_buffer("idf", torch.zeros(self.embeddings.table.num_embeddings, 1))

    def forward(self, topics, documents):
        words, mask = self.embeddings.table(topics), (topics != 0).float()
        with torch.no_grad():
            m = cosines(words, self.embeddings.table(documents))
            places = ((m + (1 + 1e-5)) * ((self.bins - 1) / 2)).clamp(0, self.bins - 1).long()
            counts = torch.zeros(*m.shape[:2], self.bins)
            for n in range(m.shape[0]):
                for q in range(m.shape[1]):
                    counts[n, q] = torch.bincount(places[n, q][documents[n] != 0], minlength=self.bins).float()
            if self.kind == "LCH": counts = torch.log1p(counts)
            if self.kind == "NH": counts = counts / (documents != 0).float().sum(1).view(-1, 1, 1)
        z = torch.tanh(self.outputLayer(torch.tanh(self.hiddenLayer(counts)))).squeeze(2)
        gated = self.idf[topics] if self.gating == "idf" else words
        g = torch.softmax(self.gate(gated).squeeze(2).masked_fill(mask == 0, float("-inf")), 1)
        return (g * z * mask).sum(1)

models = {
    "knrm": lambda: Knrm(), "knrm without tanh": lambda: Knrm(6, 0.2, False),
    "conv-knrm": lambda: ConvKnrm(6), "conv-knrm without cross-match": lambda: ConvKnrm(6, 2, False),
    "drmm LCH idf": lambda: Drmm(), "drmm CH embedding": lambda: Drmm("CH", "embedding"),
    "drmm NH idf": lambda: Drmm("NH", bins=11),
}

def compute(name):
    model = models[name]()
    model.load_state_dict(part("state."), strict=True)
    learn(model, model(given["input.topics"], given["input.documents"]))
`;

itPython(sameTorch)(
  'values and gradients are those of plain PyTorch, to the bit',
  async () => {
    const ours = new Map<string, unknown>();
    const tensors = new Map<string, Map<string, Tensor>>();
    for (const [name, make] of Object.entries(MODELS)) {
      const model = await initialized(make(await someEmbeddings()));
      const inputs = model.collate(somePairs);
      tensors.set(name, given(model, inputs));
      ours.set(name, learnt(model, model.forward(inputs)));
    }
    const theirs = await inPython(IN_PYTHON, tensors);
    expect(ours).toEqual(new Map([...theirs].map(([name, told]) => [name, lists(told)])));
  },
  300_000,
);

describe.each(Object.keys(MODELS))('%s', (name) => {
  test('padding counts for nothing', async () => {
    const model = await initialized(MODELS[name]!(await someEmbeddings()));
    const { topics, documents } = model.collate(somePairs);
    const padded = {
      topics: F.constantPadNd(topics, [0, 7], 0),
      documents: F.constantPadNd(documents, [0, 61], 0),
    };
    const [own, filled] = [model.forward({ topics, documents }), model.forward(padded)];
    expect(own.sub(filled).abs().max().item()).toBeLessThan(1e-6);
    // Some words do count.
    expect(own.std().item()).toBeGreaterThan(1e-4);
  });

  test('texts without words have scores', async () => {
    const model = await initialized(MODELS[name]!(await someEmbeddings()));
    const empty = { id: 'd', text: '' };
    const scores = model.forward(
      model.collate({ topics: [{ id: 'q', text: '?' }, ...somePairs.topics], documents: [empty] }),
    );
    expect(scores.isfinite().all().item()).toBe(true);
    const long = { id: 'd', text: 'river bank '.repeat(100_000) };
    expect(model.collate({ topics: somePairs.topics, documents: [long] }).documents.shape).toEqual([3, 512]);
    expect(() => model.collate({ topics: [{ id: 'q7', text: ' ' }], documents: [empty] })).toThrow(
      'Expected some text for the text of topic q7 but received " "',
    );
  });
});

describe('Vocabulary', () => {
  test('counts words, keeps them by frequency, and is known by what is in it', async () => {
    const file = join(newFolder(), 'vocabulary.json');
    async function* texts() {
      yield 'A b a';
      yield 'b, c! É9';
      yield 'b';
    }
    const vocabulary = await Vocabulary.build(texts(), { file, maxWords: 3 });
    const words = await vocabulary.load();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      version: 1,
      texts: 3,
      words: [
        ['b', 3, 3],
        ['a', 2, 1],
        ['c', 1, 1],
      ],
    });
    expect(['b', 'a', 'c', 'é9'].map((word) => words.idOf(word))).toEqual([2, 3, 4, 1]);
    expect([words.size, words.wordOf(2), words.wordOf(0)]).toEqual([5, 'b', undefined]);
    const idf = (df: number) => Math.fround(Math.log(1 + (3 - df + 0.5) / (df + 0.5)));
    expect([...words.idf()]).toEqual([0, idf(0), idf(3), idf(1), idf(1)]);

    const moved = join(newFolder(), 'moved.json');
    writeFileSync(moved, readFileSync(file));
    expect(identifier(await Vocabulary.read(moved))).toBe(identifier(vocabulary));
    const fewer = await Vocabulary.build(texts(), { file: moved, minCount: 2 });
    expect((await fewer.load()).size).toBe(4);
    expect(identifier(fewer)).not.toBe(identifier(vocabulary));
    await expect(new Vocabulary({ file: moved, sha256: vocabulary.sha256 }).load()).rejects.toThrow(
      'SHA-256',
    );
  });

  test('refuses what it cannot be made of', async () => {
    const file = join(newFolder(), 'vocabulary.json');
    await expect(Vocabulary.build([], { file })).rejects.toThrow('at least one text');
    await expect(Vocabulary.build(['a', 3 as never], { file })).rejects.toThrow('texts[1]');
    await expect(Vocabulary.build(['a'], { file, minCount: 0 })).rejects.toThrow('minCount');
    await expect(Vocabulary.read(file)).rejects.toThrow('can be read');
    for (const [content, what] of [
      ['{', 'no JSON'],
      ['[]', 'no object'],
      ['{"version":2}', 'version'],
      ['{"version":1,"texts":-1}', 'texts'],
      ['{"version":1,"texts":1,"words":{}}', 'words is no list'],
      ['{"version":1,"texts":1,"words":[["a",1,1],["b",1]]}', 'words[1]'],
      ['{"version":1,"texts":1,"words":[["a",1,1],["a",1,1]]}', 'twice'],
    ] as const) {
      writeFileSync(file, content);
      await expect((await Vocabulary.read(file)).load()).rejects.toThrow(what);
    }
  });

  test('reads no more words than are needed', () => {
    const words = new SimpleWordTokenizer().words('a b '.repeat(500_000))[Symbol.iterator]();
    expect([words.next().value, words.next().value]).toEqual(['a', 'b']);
  });
});

describe('vectors of a file', () => {
  const file = (content: string) => {
    const path = join(newFolder(), 'vectors.txt');
    writeFileSync(path, content);
    return path;
  };
  const embeddingsOf = async (content: string) => {
    const vocabulary = await Vocabulary.build(['a b c'], { file: join(newFolder(), 'vocabulary.json') });
    return new FileWordEmbeddings({ vocabulary, dim: 2, vectorsId: 'test', file: file(content) });
  };

  test.each([
    ['GloVe', 'a 1 2\n. . . 5 6\nc 3 -4e-1\na 9 9\n'],
    ['word2vec', '3 2\na 1 2 \nc 3 -0.4\r\n\n'],
  ])('of %s', async (_, content) => {
    const embeddings = await initialized(await embeddingsOf(content));
    const rows = noGrad(() => embeddings.table.weight.tolist()) as number[][];
    expect(rows.slice(0, 1)).toEqual([[0, 0]]);
    expect([rows[2], rows[4]]).toEqual([
      [1, 2],
      [3, Math.fround(-0.4)],
    ]);
    expect(rows[3]).not.toEqual([0, 0]);
    expect(embeddings.table.weight.requiresGrad).toBe(false);
  });

  test('wrong lines are told by number', async () => {
    for (const line of ['b 1', 'b 1 x', 'b 1  2', '']) {
      const made = initialized(await embeddingsOf(`a 1 2\n${line}\nb 1 2 3 4x\n`));
      await expect(made).rejects.toThrow(line === '' || line === 'b 1  2' ? /line [23] of/ : 'line 2 of');
    }
  });
});

test('the mean of words is one of words alone', async () => {
  const embeddings = await someEmbeddings();
  const model = await initialized(new DotDense({ encoder: new MeanWordsEncoder({ embeddings }) }));
  const documents = [...somePairs.documents, { id: 'e', text: '' }];
  const encoded = model.encodeDocuments(model.collateDocuments(documents)).tolist() as number[][];
  for (const [i, document] of documents.entries()) {
    const ids = embeddings.encode([document.text], 512);
    const alone =
      document.text === '' ? [0, 0] : (embeddings.forward(ids).mean(1).tolist() as number[][])[0]!;
    for (const [j, value] of alone.entries()) expect(encoded[i]![j]).toBeCloseTo(value, 5);
  }
  const scores = model.forward(
    await model.collate({ topics: somePairs.topics, documents: somePairs.documents }),
  );
  const some = model.forward(await model.collate(somePairs));
  const { topicIndices, documentIndices } = somePairs.pairs!;
  const all = scores.tolist() as number[];
  for (const [i, value] of (some.tolist() as number[]).entries())
    expect(value).toBeCloseTo(all[topicIndices[i]! * 5 + documentIndices[i]!]!, 5);
});

test('a model over words that is not initialised says so', async () => {
  const model = new Knrm({ embeddings: await someEmbeddings() });
  expect(() => model.collate(somePairs)).toThrow(
    'TrainedWordEmbeddings has no words yet: initialise the model',
  );
});
