/** The only importer of the addon. Loads libtorch at the first call, so that importing this package costs nothing. */

import { createRequire } from 'node:module';
import { types } from 'node:util';
import { type BuiltAddon, builtAddons, noAddonMessage } from './addon.ts';
import { damagedLibtorch, damageOf } from './damage.ts';
import { ArgumentError, fromNative } from './errors.ts';
import { type Libtorch, libtorchFile, locateLibtorch, minorOf } from './libtorch.ts';
import { platformError } from './platform.ts';

/** A tensor on the native side: index and generation in one number; 0 is none. */
export type Handle = number;

type Bytes = NodeJS.TypedArray;

/** The entries of native/addon.cc. Arguments and results that are not in the signature travel in the shared buffer. */
export interface Addon {
  arena(): ArrayBuffer;
  reserve(slots: number): ArrayBuffer;
  find(name: string, overload?: string): number;
  /** Operator, counts and arguments stand in the buffer; true when the buffer must be fetched anew. */
  call(): true | undefined;
  intern(text: string): number;
  string(id: number): string;
  schemas(): string[];
  version(): string;

  fromData(data: Bytes, dtype: number, ndim: number): Handle;
  copyTo(tensor: Handle, view: Bytes): void;
  copyFrom(tensor: Handle, at: number, view: Bytes): void;
  mapFile(fd: number, position: number, dtype: number, ndim: number): Handle;
  info(tensor: Handle): void;
  setRequiresGrad(tensor: Handle, requiresGrad: boolean): void;
  grad(tensor: Handle): Handle;
  setGrad(tensor: Handle, grad: Handle): void;
  data(tensor: Handle): Handle;
  setData(tensor: Handle, source: Handle): void;
  share(tensor: Handle): Handle;
  sameStorage(a: Handle, b: Handle): boolean;
  /** Releases the handles that wait in the buffer; so does any other entry. */
  release(): void;
  releaseMany(count: number): void;
  memory(): void;
  emptyHostCache(): void;

  backward(retainGraph: boolean, createGraph: boolean): void;
  gradients(retainGraph: boolean, createGraph: boolean, allowUnused: boolean): boolean;
  gradEnabled(): boolean;
  registerHook(tensor: Handle, hook: (gradient: Handle) => Handle): number;
  removeHook(tensor: Handle, hook: number): void;
  attachNode(backward: (gradients: Handle[]) => Handle[]): boolean;
  accumulates(): boolean;
  watch(tensor: Handle, stack: string): void;
  gradFnName(tensor: Handle): string | null;

  manualSeed(seed: number | bigint): void;
  newGenerator(): number;
  releaseGenerator(generator: number): void;
  setSeed(generator: number, seed: number | bigint): void;
  currentSeed(generator: number): bigint;
  drawSeed(generator: number): bigint;
  getState(generator: number): Handle;
  setState(generator: number, state: Handle): void;
  pow(base: number, exponent: number): number;
  cos(angle: number): number;
  setNumThreads(threads: number): void;
  getNumThreads(): number;
  setDeterministic(mode: boolean, warnOnly: boolean): void;
  hasCuda(): boolean;
  cudaDeviceCount(): number;
  cudaSynchronize(device: number): void;
  cudaMemoryStats(device: number): Record<string, number>;
  cudaResetPeak(device: number): void;
  cudaResetAccumulated(device: number): void;
  cudaEmptyCache(): void;
  cudaMemoryInfo(device: number): [free: number, total: number];
  cudaProperties(device: number): {
    name: string;
    major: number;
    minor: number;
    totalMemory: number;
    multiProcessorCount: number;
  };
  /** Streams and events are numbers as well; see native/cuda.cc. */
  streamNew(device: number, priority: number): number;
  streamCurrent(device: number): number;
  streamDefault(device: number): number;
  streamQuery(stream: number): boolean;
  streamSynchronize(stream: number): void;
  streamWait(stream: number, event: number): void;
  streamRecord(stream: number, tensor: Handle): void;
  eventNew(enableTiming: boolean): number;
  eventRelease(event: number): void;
  eventRecord(event: number, stream: number): void;
  eventQuery(event: number): boolean;
  eventSynchronize(event: number): void;
  eventElapsed(begin: number, end: number): number;
  backendFlag(flag: string): boolean;
  setBackendFlag(flag: string, value: boolean): void;
  matmulPrecision(): string;
  setMatmulPrecision(precision: string): void;
  clearAutocastCache(): void;

  /** TorchScript modules are numbers as well; see native/jit.cc. */
  scriptLoad(bytes: Uint8Array, device?: string): number;
  scriptOfTape(
    tape: number,
    members: readonly string[],
    args: string,
    argumentNames: readonly string[],
    result: string,
    training: boolean,
  ): number;
  scriptSave(module: number, extraFiles: readonly (string | Uint8Array)[]): Uint8Array;
  scriptRelease(module: number): void;
  scriptName(module: number): string;
  scriptMembers(module: number): (number | string)[];
  scriptSet(module: number, name: string, tensor: Handle): void;
  scriptTrain(module: number, mode: boolean): void;
  scriptTraining(module: number): boolean;
  scriptMethods(module: number): string;
  scriptCall(module: number, method: string, shape: string): [shape: string, isGrown: boolean];
  scriptStart(module: number, method: string, shape: string): Promise<number>;
  scriptTake(result: number): [shape: string, isGrown: boolean];
  /** See native/script_forms.cc. */
  scriptText(module: number, method: string, what: string): string;
  scriptAttributes(module: number): string[];
  scriptAttribute(module: number, name: string): [shape: string, isGrown: boolean];
  scriptSetAttribute(module: number, name: string, shape: string): void;
  scriptTensor(module: number, name: string, tensor: Handle): Handle;
  scriptCopy(module: number): number;
  scriptFreeze(module: number, preserved: readonly string[], optimizeNumerics: boolean): number;
  scriptOptimizes(enabled: boolean): void;
  scriptOptimize(module: number, otherMethods: readonly string[]): number;

  /** Packages that AOTInductor compiled are numbers as well; see native/aoti.cc. */
  aotiLoad(directory: string, library: string, model: string, index: number): number;
  aotiRelease(pack: number): void;
  aotiCallSpec(pack: number): [arguments: string, results: string];
  aotiConstantNames(pack: number): string[];
  aotiLoadConstants(pack: number, names: readonly string[]): void;
  aotiRun(pack: number): Handle[];
  aotiStart(pack: number): Promise<Handle[]>;

  /** Tapes, and steps made of them: see native/compiled_*.cc. */
  tapeBegin(update: boolean, mayRead: boolean): void;
  tapeReads(): string[];
  tapeEnd(): number | string;
  tapeCancel(): void;
  tapeRelease(tape: number): void;
  tapeDifference(a: number, b: number, butForNumbers: boolean): string;
  tapeGeneralise(): number | string;
  tapeServes(tape: number): boolean;
  tapeServesThoseOf(tape: number, recording: number): boolean;
  tapeRated(slot: number, rate: number): void;
  tapeMutated(tape: number): Handle[];
  tapeCall(tape: number): Promise<Handle[]>;
  sameBits(a: Handle, b: Handle): boolean;
  planNew(): number;
  planRelease(plan: number): void;
  planReset(plan: number): void;
  planGradients(plan: number): Handle[];
  planReach(plan: number): void;
  planGraphProblem(plan: number): string;
  planGraphs(plan: number): number;
  stepRun(plan: number, given: boolean, divide: number, parts: number, updates: number): Promise<number[]>;
  /** For how many milliseconds nothing was computed there; infinity where nothing ever was. */
  stepIdle(): number;
  stepsDone(): void;
}

let addon: Addon | undefined;

let watcher: ((entry: string) => void) | undefined;

/** Tells `watch` of every entry but `call` before it is called; undefined ends that. */
export function watchEntries(watch: ((entry: string) => void) | undefined): void {
  watcher = watch;
}

/** The addon with its errors as this package's classes. */
export function native(): Addon {
  try {
    addon ??= load();
  } catch (error) {
    throw platformError() ?? error; // without glibc nothing else is worth mending
  }
  return addon;
}

/** Whether libtorch has been loaded yet. */
export function isLoaded(): boolean {
  return addon !== undefined;
}

/** The addon and the libtorch that a process loads, found but not loaded yet. */
function chosenBinaries(): { readonly addon: BuiltAddon; readonly libtorch: Libtorch } {
  const addons = builtAddons();
  if (addons.length === 0) throw new ArgumentError(noAddonMessage(), 'ERR_NO_NATIVE');
  const libtorch = locateLibtorch({ builtFor: addons.map((addon) => addon.libtorch) });
  const minor = minorOf(libtorch.version);
  return { addon: addons.find((addon) => minorOf(addon.libtorch) === minor) as BuiltAddon, libtorch };
}

function load(): Addon {
  const { addon, libtorch } = chosenBinaries();
  const require = createRequire(import.meta.url);
  const bindings = require('bindings') as (options: object) => unknown;
  const open = (name: string): unknown => {
    try {
      return bindings({ bindings: name, module_root: addon.directory, try: [['module_root', 'bindings']] });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ArgumentError(
        `Expected an addon that can be loaded in ${addon.directory} (${addon.source}): ${reason}`,
        'ERR_NO_NATIVE',
      );
    }
  };
  const damage = damageOf(libtorch.directory);
  if (damage !== undefined) throw damagedLibtorch(libtorch, damage);
  // Once libtorch is open by its absolute path, the addon's own needs resolve by name, wherever libtorch lies.
  const preload = open('preload') as { open(path: string): string | null | undefined };
  const problem = preload.open(libtorchFile(libtorch.directory));
  if (problem) throw damagedLibtorch(libtorch, problem);
  return withErrors(open('addon') as Addon);
}

function rethrow(error: unknown): never {
  throw fromNative(error);
}

/** `call` stays bare: lib/torch/wire.ts turns its errors, with the shapes of the arguments. */
function withErrors(raw: Addon): Addon {
  const wrapped: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(raw) as [string, (...args: unknown[]) => unknown][]) {
    wrapped[name] = (...args: unknown[]) => {
      watcher?.(name);
      try {
        const result = entry(...args);
        return types.isPromise(result) ? result.catch(rethrow) : result;
      } catch (error) {
        throw fromNative(error);
      }
    };
  }
  wrapped.call = raw.call;
  return wrapped as unknown as Addon;
}
