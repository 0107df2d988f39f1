/** What happens to a tree of configurations at submission: it is validated, its paths are generated, it is sealed. */
import { join } from 'node:path';
import { types } from 'node:util';
import { ArgumentError } from '../errors.ts';
import { type Config, DECLARATION, isDeclared, nameOf } from './declaration.ts';
import { hidden } from './hidden.ts';
import { children, type Place, tree } from './tree.ts';

/** A task and what runs before it: the roots of what is submitted. */
export function roots(task: Config, initTasks: readonly Config[]): Place[] {
  const first = { config: task, at: nameOf(task), steps: [] };
  return [
    first,
    ...initTasks.map((config, i) => ({ config, at: `initTasks[${i}]`, steps: ['initTasks', `${i}`] })),
  ];
}

/** All configurations in a submission, each once. */
export function* wholeTree(places: readonly Place[], enter?: (place: Place) => boolean): Generator<Place> {
  const seen = new Set<Config>();
  for (const place of places) yield* tree(place, enter, seen);
}

/**
 * Checks that a job can make everything again that it would be given.
 *
 * @throws ArgumentError with the place of an object whose class was not declared
 */
export function requireDeclared(places: readonly Place[]): void {
  for (const each of places) checkDeclared(each);
  for (const each of wholeTree(places)) for (const child of children(each)) checkDeclared(child);
}

function checkDeclared({ config, at }: Place<object>): void {
  if (isDeclared(Object.getPrototypeOf(config) as object)) return;
  throw new ArgumentError(
    `${at}: expected a configuration that a job can make again, received ${config.constructor.name || 'an object'}; ` +
      'declare its class with config(import.meta, ...)',
  );
}

/** Such as `batchSize: expected a positive integer`, which is about a parameter of the configuration. */
function startsWithParameter(config: Config, message: string): boolean {
  const name = /^(\w+)[^\s:]*: /.exec(message)?.[1];
  return name !== undefined && config[DECLARATION].parameters.has(name);
}

/**
 * Calls `validate` of a configuration and of all that it holds.
 *
 * @throws ArgumentError with the message of what `validate` threw, behind the place of its configuration, or of the
 * parameter that the message begins with
 */
export function validate(places: readonly Place[]): void {
  for (const { config, at } of wholeTree(places)) {
    try {
      config.validate();
    } catch (error) {
      const message = types.isNativeError(error) ? error.message : String(error);
      const located = new ArgumentError(
        `${at}${startsWithParameter(config, message) ? '.' : ': '}${message}`,
      );
      located.cause = error;
      throw located;
    }
  }
}

/**
 * Gives the generated paths of a task and of all that it holds: `<directory>/name` for the task itself,
 * `<directory>/out/<place>/name` for the others. `submit` does so; call it to run a task without a workspace.
 *
 * @throws ArgumentError when a configuration with generated paths belongs to another job and is not its output
 */
export function place(task: Config, directory: string): void {
  placeAll(roots(task, []), directory);
}

export function placeAll(places: readonly Place[], directory: string): void {
  // An output belongs to the job that it comes out of, with all that it holds.
  const isOurs = ({ config }: Place) => hidden(config).producer === undefined;
  for (const each of wholeTree(places, isOurs)) if (isOurs(each)) placeOne(each, directory);
}

function placeOne({ config, at, steps }: Place, directory: string): void {
  const generated = [...config[DECLARATION].parameters].filter(([, { role }]) => role === 'path');
  if (generated.length === 0) return;
  const state = hidden(config);
  if (state.job !== undefined && state.job !== directory) {
    throw new ArgumentError(
      `${at}: has paths that were generated for ${state.job}; make one for each task, or take it from what the task's submit returns`,
    );
  }
  const own = steps.length === 0 ? directory : join(directory, 'out', ...steps);
  state.job = directory;
  state.paths = new Map(generated.map(([name, parameter]) => [name, join(own, parameter.name as string)]));
}

/** Makes the parameters of all configurations final. */
export function seal(places: readonly Place[]): void {
  for (const { config } of wholeTree(places)) {
    hidden(config).sealed = true;
    for (const name of config[DECLARATION].parameters.keys()) {
      if (Object.hasOwn(config, name)) Object.defineProperty(config, name, { configurable: false });
    }
  }
}
