/** The way back to Python: PyTorch loads our state dicts and goes on to the same parameters. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors, saveSafetensors } from '../../lib/torch/io/safetensors.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { itPython, runPython, sameTorch } from '../support/python.ts';

const folder = mkdtempSync(join(tmpdir(), 'xpmir-optim-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => setNumThreads(1));

/** Loads a state dict of ours, takes five more steps with gradients of half the parameters, and saves these. */
const GO_ON = `
import json, sys
import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
folder, *names = sys.argv[1:]
for name in names:
    tensors = load_file(f"{folder}/{name}.safetensors")
    plain = json.load(open(f"{folder}/{name}.json"))
    params = [tensors[f"param.{index}"].requires_grad_() for index in range(3)]
    state = {int(id): dict(values) for id, values in plain["state"].items()}
    for key, value in tensors.items():
        kind, id, *rest = key.split(".")
        if kind == "state":
            state[int(id)][rest[0]] = value
    optimizer = getattr(torch.optim, name)([{"params": params[:2]}, {"params": params[2:]}])
    optimizer.load_state_dict({"state": state, "param_groups": plain["param_groups"]})
    for _ in range(5):
        for param in params:
            param.grad = param.detach() * 0.5
        optimizer.step()
    save_file({str(index): param.detach() for index, param in enumerate(params)}, f"{folder}/{name}.after.safetensors")
`;

const classes = {
  SGD: (params: optim.Params<optim.SGDOptions>) =>
    new optim.SGD(params, { lr: 0.1, momentum: 0.9, nesterov: true }),
  Adam: (params: optim.Params<optim.AdamOptions>) => new optim.Adam(params, { lr: 0.1, amsgrad: true }),
  AdamW: (params: optim.Params<optim.AdamOptions>) =>
    new optim.AdamW(params, { lr: 0.1, betas: [0.8, 0.95] }),
  NAdam: (params: optim.Params<optim.NAdamOptions>) =>
    new optim.NAdam(params, { lr: 0.1, momentumDecay: 0.01 }),
  RAdam: (params: optim.Params<optim.RAdamOptions>) => new optim.RAdam(params, { lr: 0.1 }),
  RMSprop: (params: optim.Params<optim.RMSpropOptions>) =>
    new optim.RMSprop(params, { momentum: 0.9, centered: true }),
  Adagrad: (params: optim.Params<optim.AdagradOptions>) => new optim.Adagrad(params, { lrDecay: 0.1 }),
  Adafactor: (params: optim.Params<optim.AdafactorOptions>) =>
    new optim.Adafactor(params, { lr: 0.1, weightDecay: 0.1 }),
};

function steps(optimizer: optim.Optimizer, params: readonly Tensor[]): void {
  for (let step = 0; step < 5; step++) {
    tidy(() => {
      for (const param of params) param.grad = param.detach().mul(0.5);
    });
    optimizer.step();
  }
}

/** Writes what Python goes on from. */
async function hand(name: string, params: readonly Tensor[], optimizer: optim.Optimizer): Promise<void> {
  const { state, param_groups } = optimizer.stateDict();
  const tensors = new Map(params.map((param, index) => [`param.${index}`, param]));
  const plain: Record<string, Record<string, number>> = {};
  for (const [id, values] of Object.entries(state)) {
    plain[id] = {};
    for (const [key, value] of Object.entries(values)) {
      if (value instanceof Tensor) tensors.set(`state.${id}.${key}`, value);
      else plain[id][key] = value;
    }
  }
  await saveSafetensors(join(folder, `${name}.safetensors`), tensors);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ state: plain, param_groups }));
}

itPython(sameTorch)('every optimizer', async () => {
  const runs = new Map<string, Tensor[]>();
  for (const [name, make] of Object.entries(classes)) {
    manualSeed(3);
    const params = [F.randn([4, 3]), F.randn([5]), F.randn([2, 3, 2])];
    for (const param of params) param.requiresGrad = true;
    const groups = [{ params: params.slice(0, 2) }, { params: params.slice(2), lr: 0.05 }];
    const optimizer = (make as (params: unknown) => optim.Optimizer)(groups);
    steps(optimizer, params);
    await hand(name, params, optimizer);
    steps(optimizer, params);
    runs.set(name, params);
  }
  runPython(GO_ON, folder, ...runs.keys());
  for (const [name, params] of runs) {
    const theirs = await loadSafetensors(join(folder, `${name}.after.safetensors`));
    for (const [index, param] of params.entries()) {
      expect([name, param.tolist()]).toEqual([name, theirs.get(String(index))!.tolist()]);
    }
  }
});
