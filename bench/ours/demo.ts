/** The training of examples/demo.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Declarations } from '../../examples/jsdoc/data.ts';
import { DualEncoder } from '../../examples/jsdoc/encoder.ts';
import { DEFAULT_FROM } from '../../examples/jsdoc/program.ts';
import { jsdocLearner } from '../../examples/jsdoc/training.ts';
import type { Learner, RunOptions } from '../../lib/learning/index.ts';

/** As the demo makes it, over the declarations that are installed here. */
export function demoLearner(epochs: number): [Learner, RunOptions] {
  const data = Declarations.under(DEFAULT_FROM);
  const encoder = new DualEncoder({ buckets: 32768, dim: 256 });
  const batchSize = Math.min(256, data.topics('train').length);
  const stepsPerEpoch = Math.ceil(data.topics('train').length / batchSize);
  const path = mkdtempSync(join(tmpdir(), 'xpmir-bench-'));
  process.once('exit', () => rmSync(path, { recursive: true, force: true }));
  return [jsdocLearner({ data, encoder, lr: 5e-3, seed: 0, epochs, batchSize, stepsPerEpoch }), { path }];
}
