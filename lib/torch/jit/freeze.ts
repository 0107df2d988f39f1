/** Models that only compute from here on. */
import { expected } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkOptions } from '../../options.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { ScriptModule } from './scriptModule.ts';

export interface FreezeOptions {
  /** Names of methods beside `forward`, and of attributes, that stay. Default none. */
  readonly preservedAttrs?: readonly string[];
  /** Whether operators are put together where that may change the last bits of results. Default true. */
  readonly optimizeNumerics?: boolean;
}

export interface InferenceOptions {
  /** Names of methods beside `forward` that stay. Default none. */
  readonly otherMethods?: readonly string[];
}

/**
 * A model whose parameters and attributes are constants of its graph: it has none of its own, and cannot be trained.
 *
 * @throws ArgumentError in training mode; TorchError for what cannot be frozen
 */
export function freeze(script: ScriptModule, options: FreezeOptions = {}): ScriptModule {
  const known = ['preservedAttrs', 'optimizeNumerics'];
  const { preservedAttrs = [], optimizeNumerics = true } = checkOptions('freeze', options, known);
  const id = ScriptModule.idOf(script);
  if (script.training) throw expected('a model in evaluation mode: call eval() before', 'script', script);
  if (typeof optimizeNumerics !== 'boolean')
    throw expected('a boolean', 'optimizeNumerics', optimizeNumerics);
  return made(native().scriptFreeze(id, names(preservedAttrs, 'preservedAttrs'), optimizeNumerics));
}

/**
 * A frozen model with the kernels that are fastest for inference on this machine; sets evaluation mode before, as PyTorch
 * does. Its weights may be laid out for these kernels, and then it cannot be saved.
 */
export function optimizeForInference(script: ScriptModule, options: InferenceOptions = {}): ScriptModule {
  const { otherMethods = [] } = checkOptions('optimizeForInference', options, ['otherMethods']);
  const id = ScriptModule.idOf(script);
  script.eval();
  return made(native().scriptOptimize(id, names(otherMethods, 'otherMethods')));
}

function made(id: number): ScriptModule {
  return new ScriptModule(id, FROM_NATIVE);
}

function names(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
    throw expected('an array of names', name, value);
  return value;
}
