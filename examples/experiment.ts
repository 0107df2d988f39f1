/**
 * A grid of two learning rates as an experiment: each training and each evaluation is a job in a process of its own.
 *
 *     npx tsx examples/experiment.ts
 *
 * Run it again, and nothing is trained twice; kill it in the middle and run it again, and it goes on.
 */
import { readFileSync } from 'node:fs';
import { experiment } from 'xpmir/experiment';
import { Declarations } from './jsdoc/data.ts';
import { DualEncoder } from './jsdoc/encoder.ts';
import { Evaluate, RetrievalEvaluator } from './jsdoc/evaluation.ts';
import { DEFAULT_FROM, fromRoot, readArguments, runProgram } from './jsdoc/program.ts';
import { CHOSEN_BY, NAMES } from './jsdoc/rankers.ts';
import { type Row, resultTable } from './jsdoc/table.ts';
import { jsdocLearner, LISTENER } from './jsdoc/training.ts';

const DEFAULT_WORKSPACE = fromRoot('runs', 'experiment');
const RATES = [5e-3, 5e-4];

const USAGE = `Usage: npx tsx examples/experiment.ts [--from DIR] [--workspace DIR] [--epochs N]

  --from DIR       tree whose .d.ts files are read (default ${DEFAULT_FROM})
  --workspace DIR  where jobs and results are (default ${DEFAULT_WORKSPACE})
  --epochs N       epochs of 37 steps of 256 queries (default 10)`;

await runProgram(USAGE, async () => {
  const { values, count } = readArguments({ from: 'string', workspace: 'string', epochs: 'string' });
  const workspace = values.workspace ?? DEFAULT_WORKSPACE;
  const epochs = count('epochs', 10);
  const data = Declarations.under(values.from ?? DEFAULT_FROM);

  const xp = experiment('jsdoc', workspace);
  const evaluations = RATES.map((lr) => {
    const encoder = new DualEncoder({ buckets: 32768, dim: 256 });
    const learner = jsdocLearner({ data, encoder, lr, seed: 0, epochs, batchSize: 256, stepsPerEpoch: 37 });
    const { listeners } = learner.submit({ tags: { lr } });
    const best = listeners[LISTENER]![CHOSEN_BY]!;
    const evaluate = new Evaluate({ evaluator: new RetrievalEvaluator({ data, encoder, part: 'test' }) });
    evaluate.submit({ initTasks: [best] });
    return { lr, evaluate };
  });
  await xp.wait();

  const rows = evaluations.map(
    ({ lr, evaluate }): Row => ({
      name: `lr ${lr}`,
      values: [JSON.parse(readFileSync(evaluate.results, 'utf8'))],
    }),
  );
  console.log(`\nTest part, by the best epoch on the validation part\n${resultTable(rows, NAMES)}`);
  console.log(`\nJobs: npx xpmir jobs list --workspace ${workspace}`);
});
