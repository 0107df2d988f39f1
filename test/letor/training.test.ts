/** Rankers that a Learner trains: 200 compiled steps to the bits of the same model in plain PyTorch. */
import { beforeAll, expect, test } from '@jest/globals';
import {
  AdamW,
  getOptimizers,
  Learner,
  LossTrainer,
  Random,
  ShuffledSampler,
} from '../../lib/learning/index.ts';
import {
  CrossScorer,
  Drmm,
  Knrm,
  type PairwiseRecord,
  type ScoredPairs,
  type Scorer,
} from '../../lib/letor/index.ts';
import { keep } from '../../lib/torch/scope.ts';
import { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { CrossEncoder } from '../../lib/transformers/index.ts';
import { compiledSteps } from '../learning/compiledNet.ts';
import { itPython, sameTorch } from '../support/python.ts';
import {
  given,
  initialized,
  inPython,
  modelFolder,
  numbers,
  someDocuments,
  someEmbeddings,
  someTopics,
} from './models.ts';

beforeAll(() => setNumThreads(1));

const STEPS = 200;

function records(): PairwiseRecord[] {
  const [topics, documents, draw] = [someTopics(12), someDocuments(60), numbers(8)];
  return Array.from({ length: 64 }, () => ({
    topic: topics[draw(12)]!,
    positive: documents[draw(60)]!,
    negative: documents[draw(60)]!,
  }));
}

/** The N positives, then the N negatives. */
function pairsOf(batch: readonly PairwiseRecord[]): ScoredPairs {
  const twice = Int32Array.from({ length: 2 * batch.length }, (_, i) => i % batch.length);
  return {
    topics: batch.map(({ topic }) => topic),
    documents: [...batch.map(({ positive }) => positive), ...batch.map(({ negative }) => negative)],
    pairs: { topicIndices: twice, documentIndices: Int32Array.from(twice, (_, i) => i) },
  };
}

let batches: unknown[] = [];

class HingeTrainer extends LossTrainer<PairwiseRecord, unknown> {
  protected override async collate(batch: readonly PairwiseRecord[]): Promise<unknown> {
    const inputs = await (this.trainedModel as Scorer).collate(pairsOf(batch));
    batches.push(kept(inputs));
    return inputs;
  }

  protected override trainBatch(inputs: unknown): void {
    const scores = (this.trainedModel as Scorer).forward(inputs).view([2, -1]);
    this.context.addLoss(
      'pair-hinge',
      scores.select(0, 0).sub(scores.select(0, 1)).neg().add(1).relu().mean(),
    );
  }
}

function kept(value: unknown): unknown {
  if (value instanceof Tensor) return keep(value.clone());
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, kept(below)]));
}

interface Trained {
  readonly losses: number[];
  /** State before the first step, and the batches. */
  readonly given: Map<string, Tensor>;
  readonly compiled: number;
  readonly warnings: readonly string[];
}

async function trained(model: Scorer): Promise<Trained> {
  await initialized(model);
  const before = [...model.stateDict()].map(([name, tensor]) => [name, keep(tensor.clone())] as const);
  const losses: number[] = [];
  const warnings: string[] = [];
  batches = [];
  const learner = new Learner({
    random: new Random({ seed: 1 }),
    model,
    trainer: new HingeTrainer({ sampler: new ShuffledSampler({ items: records() }), batchSize: 8 }),
    optimizers: getOptimizers(new AdamW({ lr: 1e-3, fused: true })),
    listeners: [],
    maxEpochs: 1,
    stepsPerEpoch: STEPS,
  });
  const compiled = await compiledSteps(() =>
    learner.run({
      progress: (event) => {
        if (event.type === 'step') losses.push(event.metrics.get('pair-hinge')!);
        if (event.type === 'warning') warnings.push(event.message);
      },
    }),
  );
  const inputs = given(model, { batches: batches.slice(0, STEPS) });
  for (const [name, tensor] of before) inputs.set(`state.${name}`, tensor);
  return { losses, given: inputs, compiled, warnings };
}

const IN_PYTHON = `
import transformers as hf
hf.logging.disable_progress_bar()

class Knrm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.linear = nn.Module(), nn.Linear(11, 1)
        self.embeddings.table = nn.Embedding(*given["state.embeddings.table.weight"].shape, padding_idx=0)
        self.register_buffer("means", torch.empty(11))
        self.register_buffer("deviations", torch.empty(11))

    def forward(self, topics, documents):
        q, d = (F.normalize(self.embeddings.table(ids), dim=2) for ids in (topics, documents))
        near = torch.exp(((q @ d.transpose(1, 2)).unsqueeze(-1) - self.means) ** 2 / (self.deviations**2 * -2))
        counts = (near * (documents != 0).float()[:, None, :, None]).sum(2)
        pooled = (torch.log(counts.clamp(min=1e-10)) * 0.01 * (topics != 0).float().unsqueeze(-1)).sum(1)
        return torch.tanh(self.linear(pooled).squeeze(1))

class Cross(nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.model = hf.AutoModelForSequenceClassification.from_pretrained(folder).train()

    def forward(self, inputIds, attentionMask, tokenTypeIds):
        return self.encoder.model(inputIds, attention_mask=attentionMask, token_type_ids=tokenTypeIds).logits.squeeze(1)

def compute(name):
    model = Knrm() if name == "knrm" else Cross(name)
    model.load_state_dict(part("state."), strict=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    losses = []
    for step in range(${STEPS}):
        optimizer.zero_grad()
        positive, negative = model(**part(f"input.batches.{step}.")).view(2, -1)
        loss = F.relu(1 - (positive - negative)).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    told["losses"] = torch.stack(losses)
    told.update({f"state.{name}": each for name, each in model.state_dict().items()})
`;

itPython({ ...sameTorch, transformers: undefined })(
  'KNRM and a cross-encoder, to the bit',
  async () => {
    const folder = await modelFolder('classifier');
    const encoder = new CrossEncoder({ modelId: 'tiny', folder });
    const models = new Map<string, Scorer>([
      ['knrm', new Knrm({ embeddings: await someEmbeddings() })],
      [folder, new CrossScorer({ encoder, maxLength: 32 })],
    ]);
    const runs = new Map<string, Trained>();
    for (const [name, model] of models) runs.set(name, await trained(model));
    const theirs = await inPython(IN_PYTHON, new Map([...runs].map(([name, run]) => [name, run.given])));
    for (const [name, told] of theirs) {
      const { losses, compiled, warnings } = runs.get(name)!;
      expect([losses.length, warnings]).toEqual([STEPS, []]);
      expect(compiled).toBeGreaterThan(STEPS / 2);
      expect(losses).toEqual(told.get('losses')!.tolist());
      expect(losses.at(-1)).not.toBe(losses[0]);
      for (const [key, tensor] of models.get(name)!.stateDict())
        expect([key, tensor.tolist()]).toEqual([key, told.get(`state.${key}`)!.tolist()]);
    }
  },
  300_000,
);

test('DRMM is trained by compiled steps', async () => {
  const { losses, compiled, warnings } = await trained(new Drmm({ embeddings: await someEmbeddings() }));
  expect([losses.length, warnings]).toEqual([STEPS, []]);
  expect(compiled).toBeGreaterThan(STEPS / 2);
});
