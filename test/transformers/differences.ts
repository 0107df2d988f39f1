/**
 * Prints by how much models differ from Python's, which draws their weights (seed 29) and computes beside:
 *
 *     XPMIR_PYTHON=python node --import tsx test/transformers/differences.ts
 *
 * With words behind it, such as `base` or `mini Roberta`, those whose shape and class have them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torch from '../../lib/torch/index.ts';
import type { EncoderCall, EncoderOutput, LogitsOutput } from '../../lib/transformers/index.ts';
import { classOf, configOf, first, type Job, run, SHAPES } from './classes.ts';

const STEPS = 20;

type Shape = keyof typeof SHAPES;
const heads = ['Model', 'ForMaskedLM', 'ForSequenceClassification', 'ForTokenClassification'];
const words = process.argv.slice(2);
const all: readonly (readonly [shape: Shape, architecture: string])[] = [
  ...(['tiny', 'mini', 'base'] as const).flatMap((shape) =>
    heads.map((head) => [shape, `Bert${head}`] as const),
  ),
  ...['Roberta', 'DistilBert', 'Electra', 'ModernBert'].map(
    (family) => ['mini', `${family}ForSequenceClassification`] as const,
  ),
];

const models = all.filter((model) => words.every((word) => model.join(' ').includes(word)));

type Told = ReadonlyMap<string, torch.Tensor>;
type Model = ReturnType<ReturnType<typeof classOf>['fromConfig']>;

/** The largest of all. */
class Difference {
  most = 0;

  add(actual: torch.Tensor, wanted: torch.Tensor): void {
    const difference = torch.tidy(() => actual.sub(wanted).abs().max().item<number>());
    this.most = Number.isNaN(difference) ? difference : Math.max(this.most, difference);
  }
}

/** What a loss is made of, and what compare.py calls it. */
function result(output: EncoderOutput | LogitsOutput): {
  readonly name: string;
  readonly value: torch.Tensor;
} {
  const pooled = 'logits' in output ? undefined : output.poolerOutput;
  return pooled === undefined ? { name: 'first', value: first(output) } : { name: 'pooled', value: pooled };
}

/** Of hidden states, and of what comes out behind them. */
function ofOutputs(model: Model, told: Told, name: string, call: EncoderCall): readonly [number, number] {
  const [states, last] = [new Difference(), new Difference()];
  torch.tidy(() => {
    const output = torch.noGrad(() => model.forward({ ...call, outputHiddenStates: true }));
    for (const [i, state] of output.hiddenStates!.entries())
      states.add(state, told.get(`${name}.state.${i}`)!);
    const { name: of, value } = result(output);
    last.add(value, told.get(`${name}.${of}`)!);
  });
  return [states.most, last.most];
}

/** Of the gradients of the first step of fine-tuning, and of the losses of all. */
function ofSteps(model: Model, told: Told, call: EncoderCall): readonly [number, number] {
  const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 1e-4 });
  const [gradients, losses] = [new Difference(), new Difference()];
  const wanted = told.get('losses')!;
  for (let step = 0; step < STEPS; step++) {
    optimizer.zeroGrad();
    torch.tidy(() => {
      const { value: logits } = result(model.forward(call));
      const loss = torch.nn.functional.crossEntropy(logits.flatten(0, -2), told.get('labels')!);
      loss.backward();
      losses.add(loss.detach(), wanted.select(0, step));
    });
    for (const [name, { grad }] of step === 0 ? model.namedParameters() : []) {
      if (grad !== null) gradients.add(grad, told.get(`grad.${name}`)!);
    }
    optimizer.step();
  }
  return [gradients.most, losses.most];
}

async function differences({ folder, architecture }: Job): Promise<readonly number[]> {
  const told = await torch.loadSafetensors(join(folder, 'told.safetensors'));
  const model = (await classOf(architecture).fromPretrained(folder)).eval();
  const [inputIds, attentionMask] = [told.get('input_ids')!, told.get('attention_mask')!];
  const padded = { inputIds, attentionMask };
  return [
    ...ofOutputs(model, told, 'padded', padded),
    ...ofOutputs(model, told, 'unpadded', { inputIds: inputIds.narrow(0, 0, 1) }),
    ...ofSteps(model, told, padded),
  ];
}

const columns = [
  'states, padded',
  'output, padded',
  'states, unpadded',
  'output, unpadded',
  'gradients',
  'losses',
];

torch.setNumThreads(1);
console.log(
  `| shape | model | ${columns.join(' | ')} |\n| ${['', '', ...columns].map(() => '---').join(' | ')} |`,
);
for (const [shape, architecture] of models) {
  const folder = mkdtempSync(join(tmpdir(), 'xpmir-differences-'));
  try {
    const job = { folder, architecture, config: configOf(architecture, SHAPES[shape]), steps: STEPS };
    run([job]);
    const shown = (await differences(job)).map((each) => (each === 0 ? '0' : each.toExponential(1)));
    console.log(`| ${shape} | \`${architecture}\` | ${shown.join(' | ')} |`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
