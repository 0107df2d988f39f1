/** The loops that are measured, written as a user would: operators in a `tidy` of about 100, a yield after each. */

import { setImmediate } from 'node:timers/promises';
import * as torch from '../../lib/torch/index.ts';
import { toMkldnn } from '../../lib/torch/nn/mkldnn.ts';
import { inference } from './inference.ts';
import { learning } from './learners.ts';
import { mlp } from './mlp.mjs';
import { ranking } from './ranking.ts';
import { reading } from './texts.ts';

/**
 * Runs so many iterations; gives a number to compare with the other side's. Training calls `mark` once `settled` of them
 * are done.
 */
export type Loop = ((iterations: number, settled?: number, mark?: () => void) => Promise<number>) & {
  /** What is not measured. */
  prepare?(iterations: number): void;
};

const STEP = 100;

function matrix(): torch.Tensor {
  return torch.arange(16, { dtype: 'float32' }).reshape([4, 4]).div(16);
}

/** `body` runs one operator. */
function steps(body: () => unknown): (iterations: number) => Promise<void> {
  return async (iterations) => {
    for (let done = 0; done < iterations; done += STEP) {
      torch.tidy(() => {
        for (let i = 0; i < STEP; i++) body();
      });
      await setImmediate();
    }
  };
}

/** Loops by the names of runner/cases.ts; each is made when it is first asked for. */
export const loops: Readonly<Record<string, () => Loop>> = {
  'add-4x4': () => {
    const a = matrix();
    const b = matrix();
    const run = steps(() => a.add(b));
    return async (iterations) => {
      await run(iterations);
      return torch.tidy(() => a.add(b).sum().item());
    };
  },
  'mm-4x4': () => {
    const a = matrix();
    const b = matrix();
    const run = steps(() => a.mm(b));
    return async (iterations) => {
      await run(iterations);
      return torch.tidy(() => a.mm(b).sum().item());
    };
  },
  'add_-4x4': () => {
    const a = matrix();
    const b = matrix();
    const run = steps(() => a.add_(b));
    return async (iterations) => {
      await run(iterations);
      return torch.tidy(() => a.sum().item());
    };
  },
  'create-dispose': () => async (iterations) => {
    for (let done = 0; done < iterations; done += STEP) {
      for (let i = 0; i < STEP; i++) torch.zeros([4, 4]).dispose();
      await setImmediate();
    }
    return torch.tidy(() => torch.zeros([4, 4]).sum().item());
  },
  'foreach-100': () => {
    const parameters = Array.from({ length: 100 }, matrix);
    const gradients = Array.from({ length: 100 }, matrix);
    return async (iterations) => {
      for (let done = 0; done < iterations; done++) {
        torch.ops.aten._foreach_add_(parameters, gradients, { alpha: -0.01 });
        await setImmediate();
      }
      return torch.tidy(() => parameters[99]!.sum().item());
    };
  },
  'mlp-step': () => mlp(torch),
  mlp: learning('mlp'),
  'mlp-loading': learning('mlp'),
  'mlp-lightning': learning('mlp'),
  knrm: learning('knrm'),
  'knrm-small': learning('knrm-small'),
  lstm: learning('lstm'),
  'cross-encoder': learning('cross-encoder'),
  'cross-encoder-texts': learning('cross-encoder-texts'),
  'cross-encoder-texts-1': learning('cross-encoder-texts'),
  'cross-encoder-texts-2': learning('cross-encoder-texts'),
  'dual-encoder': learning('dual-encoder'),
  'pairwise-tsv': ranking,
  'pairwise-tsv-1': ranking,
  'pairwise-tsv-2': ranking,
  'infer-1': inference(1),
  'infer-32': inference(32),
  'infer-1-onednn': inference(1, toMkldnn),
  'infer-32-onednn': inference(32, toMkldnn),
  'infer-1-onnx': inference(1),
  'infer-32-onnx': inference(32),
  'infer-1-onnx-onednn': inference(1, toMkldnn),
  'infer-32-onnx-onednn': inference(32, toMkldnn),
  jsonl: reading,
  'jsonl-dataloader': reading,
};
