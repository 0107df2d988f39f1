/**
 * What a run does when its loss is not finite: it stops, says where that began, and keeps the batch.
 */
import { join } from 'node:path';
import { types } from 'node:util';
import { ArgumentError } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy, visitTensors } from '../torch/scope.ts';
import { Tensor } from '../torch/tensor.ts';
import type { TrainerContext } from './context.ts';
import { writeFileAtomically } from './files.ts';
import { abridged } from './parameterOptimizer.ts';
import type { TrainState } from './state.ts';

/** A loss that is NaN or infinite. */
export class NotFiniteError extends ArgumentError {
  constructor(message: string) {
    super(message);
    this.name = 'NotFiniteError';
  }
}

/** The value of a loss, or of another scalar. @throws NotFiniteError */
export function finiteItem(name: string, value: Tensor): number {
  const number = Number(value.item());
  if (!Number.isFinite(number))
    throw new NotFiniteError(`loss ${name}: expected a finite number, received ${number}`);
  return number;
}

/** After steps with finite losses. @throws NotFiniteError with the names of parameters that are not finite */
export function checkParameters({ model, state }: TrainerContext): void {
  const names = model.namedParameters().filter(([, parameter]) => !allFinite(parameter));
  if (names.length === 0) return;
  throw new NotFiniteError(
    `parameters: expected finite numbers after step ${state.steps} of epoch ${state.epoch}, received others in ` +
      `${abridged(names.map(([name]) => name))}: the loss was finite, so a gradient was not, or a step was too large; ` +
      'torch.detectAnomaly names the operator',
  );
}

interface Failure {
  readonly context: TrainerContext;
  /** Of the step. */
  readonly state: TrainState;
  readonly batch: unknown;
  /** Computes the losses of the batch once more. */
  readonly again: () => Promise<void>;
}

/** The error that is thrown in place of `error`: with where it began, and where the batch is. */
export async function explain(error: NotFiniteError, failure: Failure): Promise<NotFiniteError> {
  const { context, state, batch } = failure;
  const { epoch, steps } = state;
  const where = (await findOrigin(failure)) ?? 'no parameter and no output of a module is the cause';
  const file = await keepBatch(context, state, batch);
  const kept = file === undefined ? '' : `; the batch is in ${file}`;
  const explained = new NotFiniteError(
    `${error.message} in step ${steps} of epoch ${epoch}: ${where}${kept}`,
  );
  explained.cause = error;
  return explained;
}

/** Found by an output that is not finite, inside the forward of a module. */
class Found extends Error {}

async function findOrigin({ context, again }: Failure): Promise<string | undefined> {
  for (const [name, parameter] of context.model.namedParameters())
    if (!allFinite(parameter)) return `parameter ${name} is not finite`;
  const restore = watch(context.model);
  try {
    await context.step(() => tidy(again));
  } catch (error) {
    // The same loss again, or whatever comes of it, says no more than the first time.
    if (error instanceof Found) return error.message;
  } finally {
    restore();
  }
  return undefined;
}

/** Has every module look at what it computes. The innermost one ends first, so it is the first to tell. */
function watch(model: Module): () => void {
  const undo: (() => void)[] = [];
  for (const [path, module] of model.namedModules()) {
    const name = path === '' ? 'the model' : `module ${path}`;
    const { forward } = module;
    const own = Object.getOwnPropertyDescriptor(module, 'forward');
    const check = (output: unknown, inputs: readonly unknown[]): unknown => {
      if (allFinite(output)) return output;
      const what = allFinite(inputs) ? 'computed from finite inputs' : 'and so is what it was given';
      throw new Found(`${name} (${module.constructor.name}) has an output that is not finite, ${what}`);
    };
    const value = function (this: Module, ...inputs: never[]): unknown {
      const output: unknown = forward.apply(this, inputs);
      return types.isPromise(output) ? output.then((found) => check(found, inputs)) : check(output, inputs);
    };
    Object.defineProperty(module, 'forward', {
      value,
      configurable: true,
      writable: true,
      enumerable: false,
    });
    undo.push(() => {
      if (own === undefined) delete (module as Partial<Module>).forward;
      else Object.defineProperty(module, 'forward', own);
    });
  }
  return () => {
    for (const each of undo) each();
  };
}

/** Whether all numbers of all tensors in a value are finite. */
function allFinite(value: unknown): boolean {
  let finite = true;
  tidy(() =>
    visitTensors(value, (tensor) => {
      if (tensor instanceof Tensor && /float|complex/.test(tensor.dtype))
        finite &&= Boolean(tensor.detach().isfinite().all().item());
    }),
  );
  return finite;
}

async function keepBatch(
  context: TrainerContext,
  { epoch, steps }: TrainState,
  batch: unknown,
): Promise<string | undefined> {
  if (context.path === undefined || !context.info.main) return undefined;
  const file = join(context.path, `not-finite-step-${String(steps).padStart(8, '0')}.json`);
  await writeFileAtomically(
    file,
    `${JSON.stringify({ version: 1, epoch, steps, batch: readable(batch) }, undefined, 1)}\n`,
  );
  return file;
}

/** Whatever a batch is, for a person to read: JSON, and what that has not by its name or its content. */
function readable(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value}`;
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return 'circle';
  const inside = [...above, value];
  const list = (items: Iterable<unknown>) => Array.from(items, (item) => readable(item, inside));
  if (value instanceof Tensor)
    return {
      dtype: value.dtype,
      shape: value.shape,
      values: list(value.detach().flatten().tolist() as unknown[]),
    };
  if (ArrayBuffer.isView(value)) return 'length' in value ? list(value as unknown as number[]) : 'a DataView';
  if (Symbol.iterator in value) return list(value as Iterable<unknown>);
  const fields = Object.entries(value).map(([key, item]) => [key, readable(item, inside)]);
  const name = isPlainObject(value) ? [] : [['class', value.constructor?.name]];
  return Object.fromEntries([...name, ...fields]);
}
