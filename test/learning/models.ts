/** Models and a task for the tests, in a module of their own: a job looks for them here. */
import { writeFileSync } from 'node:fs';
import { config, int, list, meta, optional, param, path, task } from '../../lib/experiment/index.ts';
import { Device } from '../../lib/learning/devices.ts';
import { Module, ModuleInitMode, type ModuleInitOptions } from '../../lib/learning/module.ts';
import { F } from '../../lib/torch/functions.ts';
import { init } from '../../lib/torch/nn/index.ts';
import { BatchNorm1d } from '../../lib/torch/nn/layers/batchNorm.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Parameter } from '../../lib/torch/nn/parameter.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

/** A layer whose weights are drawn when it is initialised, and nothing before. */
export class Encoder extends config(import.meta, 'test.models.Encoder', { dim: param(int) }, Module) {
  readonly layer = new Linear(this.dim, this.dim);
  readonly norm = new BatchNorm1d(this.dim);
  /** The modes with which it was built. */
  built: ModuleInitMode[] = [];

  protected override build({ mode, random }: ModuleInitOptions): void {
    this.built.push(mode);
    if (mode !== ModuleInitMode.NONE) init.constant_(this.layer.weight, random?.integer(1000) ?? -1);
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(this.layer.forward(x));
  }
}

/** Modules among parameters of other kinds, before and after fields of its own. */
export class Ranker extends config(
  import.meta,
  'test.models.Ranker',
  { dim: param(int), encoder: param(Encoder), layers: param(list(int)), second: param(optional(Encoder)) },
  Module,
) {
  readonly scale = new Parameter(F.ones([1]));
  readonly head = new Linear(this.dim, 1, { bias: false });

  protected override async build({ mode }: ModuleInitOptions): Promise<void> {
    await Promise.resolve();
    if (mode !== ModuleInitMode.NONE) init.zeros_(this.head.weight);
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x));
  }
}

export const newRanker = (dim = 2): Ranker =>
  new Ranker({ dim, encoder: new Encoder({ dim }), layers: [1, 2] });

/** Writes the weights of a model as the job has it. */
export class Show extends task(import.meta, 'test.models.Show', {
  model: param(Ranker),
  result: path('weights.json'),
}) {
  override execute(): void {
    const { encoder, head } = this.model;
    const weights = { head: head.weight.tolist(), encoder: encoder.layer.weight.tolist() };
    writeFileSync(this.result, JSON.stringify({ ...weights, built: encoder.built }));
  }
}

/** Computes on a device, and says so. */
export class Compute extends task(import.meta, 'test.models.Compute', {
  /** The device is not in the identity. */
  id: param(int),
  device: meta(Device),
  result: path('device.txt'),
}) {
  override async execute(): Promise<void> {
    await this.device.execute(({ device }) => writeFileSync(this.result, device));
  }
}
