/**
 * `ours.ts NAME STEPS DEVICE PRECISION HOW TRANSFERS`: trains what NAME says, and prints as JSON the losses of all steps,
 * milliseconds a step without the first ones, the most memory of the device, and warnings. HOW is `eager`, `compiled` or
 * `graph`; TRANSFERS `overlapped`, or `waiting` for each batch to be on the device. reference.py does the same in Python.
 */
import { CudaDevice, Device, type LearnerEvent } from '../../lib/learning/index.ts';
import * as torch from '../../lib/torch/index.ts';
import { newLearner } from '../ours/learners.ts';

const [name = '', count = '', where = '', precision = '', how = '', transfers = ''] = process.argv.slice(2);
const steps = Number(count);
/** Until shapes were seen, compared and captured, and clocks are up. */
const warm = Math.min(30, Math.floor(steps / 3));

const learner = newLearner(name, steps, {
  device: where === 'cuda' ? new CudaDevice() : new Device(),
  precision: precision as '32-true',
  compile: how !== 'eager',
  cudaGraphs: how === 'graph',
});

if (transfers === 'waiting') {
  const trainer = learner.trainer as unknown as {
    collate(rows: readonly unknown[]): readonly torch.Tensor[];
  };
  const collate = trainer.collate.bind(trainer);
  trainer.collate = (rows) => collate(rows).map((tensor) => tensor.to(where));
}

const losses: number[] = [];
const warnings: string[] = [];
let from = 0;
let to = 0;
function read(event: LearnerEvent): void {
  if (event.type === 'warning') warnings.push(event.message);
  if (event.type !== 'step') return;
  losses.push(event.metrics.get('loss') as number);
  if (losses.length === warm) from = performance.now();
  to = performance.now();
}

await learner.run({ progress: read });
if (where === 'cuda') torch.cuda.synchronize();
const milliseconds = (to - from) / (steps - warm);
const peak = torch.cuda.maxMemoryAllocated();
console.log(JSON.stringify({ losses, milliseconds, peak, warnings }));
