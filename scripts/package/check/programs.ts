/** The programs that a new user would run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..', '..');

/** The training script of the README, as it stands there. */
export function readmeProgram(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const after = readme.slice(readme.indexOf('Save this as `train.ts`'));
  const program = /```ts\n(.*?)```/s.exec(after)?.[1];
  if (program === undefined) throw new Error('Expected a training script in README.md');
  return program;
}

/** Without its types, for plain Node. */
export function withoutTypes(program: string): string {
  const options = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
  };
  return ts.transpileModule(program, { compilerOptions: options }).outputText;
}

/** A model that PyTorch scripted, from the tests' fixtures. */
export function torchScriptFile(): Buffer {
  const fixture = gunzipSync(readFileSync(join(root, 'test', 'fixtures', 'jit.json.gz'))).toString();
  return Buffer.from(JSON.parse(fixture).archives.ranker, 'base64');
}

/** Loads that file, trains it a few steps, and prints the first and the last loss. */
export const torchScriptProgram = `import * as torch from 'xpmir/torch';
torch.manualSeed(0);
const model = torch.jit.load('model.pt');
const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-2 });
const ids = torch.tensor([[0n, 3n, 6n], [1n, 1n, 2n]]);
const losses = [];
for (let step = 0; step < 20; step++) {
  torch.tidy(() => {
    optimizer.zeroGrad();
    const loss = model.forward(ids).sub(1).square().mean();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  });
}
console.log(losses[0], losses.at(-1));
if (!(losses.at(-1) < losses[0])) throw new Error('the loss did not go down');
`;

export const requireProgram = `const torch = require('xpmir/torch');
const { Learner } = require('xpmir');
console.log(torch.tensor([1, 2]).sum().item(), typeof Learner);
`;

/** Types in a project with every strict setting. */
export const typedProgram = `import { AdamW, Learner, LossTrainer, ParameterOptimizer, Random, ShuffledSampler } from 'xpmir';
import { config, int, param } from 'xpmir/experiment';
import { InvertedIndex } from 'xpmir/ir';
import { PairwiseTrainer } from 'xpmir/letor';
import { Tokenizer } from 'xpmir/tokenizers';
import * as torch from 'xpmir/torch';
import { CrossEncoder } from 'xpmir/transformers';

const x: torch.Tensor = torch.zeros([2, 3]).add(1);
// @ts-expect-error: no such operator
x.noSuchOperator();
export const shape: readonly number[] = x.shape;
export { AdamW, config, CrossEncoder, int, Learner, LossTrainer, InvertedIndex, PairwiseTrainer, param, ParameterOptimizer, Random, ShuffledSampler, Tokenizer };
`;

/** Classes declared on ours, whose declarations a library of a user's has to be able to write. */
export const typedClasses = `
export class Data extends config(import.meta, 'user.Data', { size: param(int) }) {}
export class Trainer extends config(import.meta, 'user.Trainer', { data: param(Data) }, LossTrainer<string, torch.Tensor>) {
  protected override trainBatch(batch: torch.Tensor): void {
    this.context.addLoss('loss', batch.sum());
  }
}
`;
