/** Models written in TypeScript as TorchScript, which Python and C++ run without JavaScript. */
import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkOptions } from '../../options.ts';
import { isPlainObject } from '../../plainObject.ts';
import { Tape } from '../compile/recording.ts';
import { filled, flatten, templateOf } from '../compile/signature.ts';
import { firstDifference, toleranceOn } from '../compile/twice.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { Module } from '../nn/module.ts';
import { tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { begin, put } from '../wire.ts';
import { load } from './load.ts';
import { argumentNamesOf, isFreeName } from './names.ts';
import { type Sample, Sampler, sizesOf } from './samples.ts';
import { ScriptModule } from './scriptModule.ts';
import { type Inputs, variations } from './variations.ts';

/** What is traced: a module, by its `forward`, or a function of tensors that has no parameters. */
export type Traceable<A extends readonly unknown[]> =
  | ((...args: A) => unknown)
  | (Module & { forward(...args: A): unknown });

export interface TraceOptions<A extends readonly unknown[]> {
  /** How the arguments are called in Python, not `torch` and the like; default `input`, or `input_0`, `input_1` and so on. */
  readonly argumentNames?: readonly string[];
  /** Other arguments, such as other texts: what was traced is compared with `target` on them too. */
  readonly checkInputs?: readonly A[];
  /**
   * Whether `target` is also run on arguments made longer and shorter, to find which numbers in it follow from sizes. If
   * not, sizes that it reads are constants, as those of the examples. Default true.
   */
  readonly variableSizes?: boolean;
  /**
   * Whether to refuse a function that reads values of tensors, as `item()` and `tolist()` do. If not, a warning names the
   * place, and what follows from the value, such as a branch or a factor, stays as it was for the examples. Default false.
   */
  readonly strict?: boolean;
  /** Told what does not always go the same way; default a warning of the process with the code `XPMIR_TRACE`. */
  readonly warn?: (message: string) => void;
}

/**
 * Makes TorchScript of the operators that `target` calls on `exampleInputs`, which are tensors in arrays (tuples, in
 * Python) and plain objects (dictionaries). Its parameters and buffers have their own names, and share their memory with
 * those of `target`. It is in training mode if `target` is: call `eval()` before for a model that is to be served.
 *
 * It is run, saved, loaded and compared with `target` on every input before it is returned: the results are the same to
 * the bit, or near on CUDA. As with `torch.jit.trace` in Python, a branch that was not taken is not there. Where values are
 * read, or where counters or sizes decide which operators are called, a warning says so.
 *
 * @throws ArgumentError for a function that makes tensors of values of JavaScript, computes under autocast, or has parameters
 *   that are no module's; with `strict` for one that reads values; and where what was traced gives another result
 * @example
 * const script = torch.jit.trace(model.eval(), [words]);
 * await script.save('model.pt'); // in Python: torch.jit.load('model.pt')
 */
export function trace<A extends readonly unknown[]>(
  target: Traceable<A>,
  exampleInputs: A,
  options: TraceOptions<A> = {},
): ScriptModule {
  const {
    argumentNames,
    checkInputs = [],
    variableSizes = true,
    strict = false,
    warn = warnProcess,
  } = checkOptions('torch.jit.trace', options, OPTIONS);
  const isModule = target instanceof Module;
  if (!isModule && typeof target !== 'function')
    throw expected('a module or a function of tensors', 'target', target);
  if (!Array.isArray(exampleInputs)) throw expected('an array of arguments', 'exampleInputs', exampleInputs);
  if (!Array.isArray(checkInputs))
    throw expected('an array of arrays of arguments', 'checkInputs', checkInputs);
  if (typeof strict !== 'boolean') throw expected('a boolean', 'strict', strict);
  const call = isModule
    ? (...args: A) => (target as { forward(...args: A): unknown }).forward(...args)
    : (target as (...args: A) => unknown);
  const name = (isModule ? target.constructor.name : target.name) || 'a function';
  const names = argumentNamesOf(argumentNames, exampleInputs.length);
  return tidy(() => {
    const structure = exampleInputs.map((each, i) => structureOf(each, `argument ${i + 1}`)).join('');
    const template = templateOf(exampleInputs);
    const sampler = new Sampler({
      name,
      call: (tensors) => call(...(filled(template, tensors) as unknown as A)),
      mayRead: !strict,
      buffers: isModule ? target.buffers() : [],
      warn,
    });
    try {
      const tensors = distinct(flatten(exampleInputs, 'exampleInputs').tensors);
      const { samples, tape } = record(sampler, { tensors, variable: variableSizes });
      const script = make(tape, {
        structure: [structure, structureOf((samples[0] as Sample).result, 'the result')],
        names,
        module: isModule ? target : undefined,
      });
      const others = checkInputs.map((args, i) => {
        const flat = flatten(args, `checkInputs[${i}]`);
        if (
          (args as readonly unknown[]).map((each, j) => structureOf(each, `argument ${j + 1}`)).join('') !==
          structure
        )
          throw expected('arguments that nest as the examples do', `checkInputs[${i}]`, args);
        return sampler.sample(distinct(flat.tensors));
      });
      for (const other of others) sampler.compareWays(samples[0] as Sample, other);
      compare(script, { template, sampler, samples: [...samples, ...others], name });
      return script;
    } finally {
      sampler.dispose();
    }
  });
}

const OPTIONS = ['argumentNames', 'checkInputs', 'variableSizes', 'strict', 'warn'];

function warnProcess(message: string): void {
  process.emitWarning(message, { code: 'XPMIR_TRACE' });
}

function record(
  sampler: Sampler,
  { tensors, variable }: { readonly tensors: readonly Tensor[]; readonly variable: boolean },
): { readonly samples: readonly Sample[]; readonly tape: Tape } {
  const example = sampler.sample(tensors);
  sampler.compareWays(example, sampler.sample(tensors));
  if (!variable) return { samples: [example], tape: example.tape };
  const samples = [example];
  const tryOne = (inputs: Inputs): Sample | undefined => {
    const found = sampler.trySample(inputs);
    return found !== undefined && sampler.compareWays(example, found) ? found : undefined;
  };
  const { found, shorter } = variations(tensors, tryOne);
  samples.push(...found);
  if (samples.length === 1) return { samples, tape: example.tape };
  let tape = general(sampler, samples);
  if (tape === undefined) {
    sampler.warn(
      'has numbers that do not follow from the sizes of its arguments: it is for sizes as those of the examples',
    );
    return { samples: [example], tape: example.tape };
  }
  for (const each of shorter) {
    const wider = general(sampler, [...samples, each]);
    if (wider === undefined) {
      sampler.warn(
        `has numbers for arguments of ${sizesOf(each.tensors)} that do not follow from sizes as those for longer ones do: ` +
          'it is not for such short ones',
      );
    } else {
      samples.push(each);
      tape = wider;
    }
  }
  return { samples, tape };
}

function general(sampler: Sampler, samples: readonly Sample[]): Tape | undefined {
  const tape = Tape.generalise(samples.map((each) => each.tape));
  return tape && sampler.own(tape);
}

/** A tensor that is given twice is two arguments. */
function distinct(tensors: readonly Tensor[]): Tensor[] {
  return tensors.map((tensor, i) => (tensors.indexOf(tensor) < i ? tensor.detach() : tensor));
}

interface Parts {
  readonly structure: readonly [args: string, result: string];
  readonly names: readonly string[];
  readonly module: Module | undefined;
}

function make(tape: Tape, { structure, names, module }: Parts): ScriptModule {
  const members: string[] = [];
  const tensors: Tensor[] = [];
  const modules: readonly (readonly [string, Module | undefined])[] =
    module === undefined ? [['', undefined]] : module.namedModules({ removeDuplicate: false });
  for (const [path, each] of modules) {
    members.push('m', path, className(each));
    if (each === undefined) continue;
    const own = { recurse: false, removeDuplicate: false, prefix: path };
    for (const [kind, found] of [
      ['p', each.namedParameters(own)],
      ['b', each.namedBuffers(own)],
    ] as const) {
      for (const [name, tensor] of found) {
        members.push(kind, name, '');
        tensors.push(tensor);
      }
    }
  }
  begin();
  put(tensors, 'parameters and buffers');
  const [args, result] = structure;
  const id = native().scriptOfTape(tape.id, members, args, names, result, module?.training ?? false);
  return new ScriptModule(id, FROM_NATIVE);
}

function className(module: Module | undefined): string {
  const name = module?.constructor.name ?? 'Function';
  return isFreeName(name) ? name : 'Module';
}

interface Compared {
  readonly template: unknown;
  readonly sampler: Sampler;
  readonly samples: readonly Sample[];
  readonly name: string;
}

function compare(script: ScriptModule, { template, sampler, samples, name }: Compared): void {
  const check = (module: ScriptModule, { tensors, outputs }: Sample): void => {
    const args = filled(template, tensors) as unknown[];
    const results = flatten(
      sampler.again(() => module.forward(...args)),
      'result',
    ).tensors;
    const at = firstDifference(results, outputs, toleranceOn(outputs[0]?.device ?? 'cpu', false));
    if (at === undefined) return;
    throw new ArgumentError(
      `Expected the same result from TorchScript for ${name} but received another one, in tensor ${at} of it, ` +
        `for arguments of ${sizesOf(tensors)}${sampler.reads === '' ? '' : `: it ${sampler.reads}`}`,
    );
  };
  for (const sample of samples) check(script, sample);
  // What was read from a file computes as what was written: once is enough.
  const loaded = reloaded(script, name);
  check(loaded, samples[0] as Sample);
  for (const each of [...loaded.parameters(), ...loaded.buffers()]) each.dispose();
}

function reloaded(script: ScriptModule, name: string): ScriptModule {
  try {
    return load(script.toBytes());
  } catch (error) {
    if (!types.isNativeError(error)) throw error;
    throw new ArgumentError(
      `Expected names that Python can have for the parts of ${name}, but what was traced cannot be loaded: ${error.message}`,
    );
  }
}

/** How tensors nest, as native/script_of_tape.h reads it. */
function structureOf(value: unknown, name: string): string {
  if (value instanceof Tensor) return '.';
  if (Array.isArray(value)) return `[${value.map((each, i) => structureOf(each, `${name}[${i}]`)).join('')}]`;
  if (isPlainObject(value)) {
    const fields = Object.entries(value).filter(([, each]) => each !== undefined);
    if (fields.length === Object.keys(value).length)
      return `{${fields.map(([key, each]) => `${Buffer.byteLength(key)}:${key}${structureOf(each, `${name}.${key}`)}`).join('')}}`;
  }
  throw expected('tensors in arrays and plain objects', name, value);
}
