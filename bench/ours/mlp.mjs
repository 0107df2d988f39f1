/** The model that both sides train; reference/mlp.py says the same in Python. Plain JavaScript, to run with and without tsx. */

import { setImmediate } from 'node:timers/promises';

/**
 * An MLP 64-128-1 with fused AdamW on one batch of 16, from a fixed seed.
 *
 * @param {typeof import('../../lib/torch/index.ts')} torch
 * @returns {(steps: number) => Promise<number>} trains some steps more, and gives the loss of the last
 */
export function mlp({ manualSeed, nn, optim, randn, tidy }) {
  manualSeed(7);
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 1));
  const lossOf = new nn.MSELoss();
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, fused: true });
  const x = randn([16, 64]);
  const y = randn([16, 1]);
  return async (steps) => {
    let last = Number.NaN;
    for (let step = 1; step <= steps; step++) {
      tidy(() => {
        optimizer.zeroGrad();
        const loss = lossOf.forward(model.forward(x), y);
        loss.backward();
        optimizer.step();
        if (step === steps) last = loss.item();
      });
      await setImmediate();
    }
    return last;
  };
}
