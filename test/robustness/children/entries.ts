/** Every native entry with every hostile value in every position, bare: nothing of lib/torch stands in between. */

import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { fromNative } from '../../../lib/errors.ts';
import { native } from '../../../lib/native.ts';
import { FIRST, numbers } from '../../../lib/torch/arena.ts';
import { F } from '../../../lib/torch/functions.ts';
import { OwnedTensor } from '../../../lib/torch/lifetime.ts';
import { tidy } from '../../../lib/torch/scope.ts';
import { intern } from '../../../lib/torch/strings.ts';
import { begin, put } from '../../../lib/torch/wire.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { hostileValues } from '../hostile.ts';
import { judge, limitMemory, newVerdicts, report } from '../judge.ts';

const handle = (shape: number[], requiresGrad = false) =>
  OwnedTensor.handleOf(F.ones(shape, { requiresGrad }));

/** Puts a graph with one leaf into the buffer: its outputs, their gradients, its inputs. */
function message(): void {
  const x = F.ones([2], { requiresGrad: true });
  const y = F.mul(x, 2).sum();
  begin();
  put([y], 'outputs');
  put([], 'gradients');
  put([x], 'inputs');
}

const { archives } = loadFixture<{ archives: Record<string, string> }>('jit.json.gz');
const archive = Buffer.from(archives.ranker!, 'base64');
const script = native().scriptLoad(archive);

/** This one, which nobody shortens. */
const file = openSync(fileURLToPath(import.meta.url), 'r');

function evaluated(): number {
  const copy = native().scriptCopy(script);
  native().scriptTrain(copy, false);
  return copy;
}

const newGenerator = () => native().newGenerator();

function newRecording(): void {
  native().tapeCancel();
  const input = F.ones([2]);
  begin();
  put([input], 'inputs');
  native().tapeBegin(false, true);
}

/** A tape of one input and one parameter. */
function newTape(): number {
  native().tapeCancel();
  const weight = F.ones([2], { requiresGrad: true });
  const input = F.ones([2]);
  begin();
  put([input], 'inputs');
  native().tapeBegin(false, false);
  const loss = F.mul(input, weight).sum();
  begin();
  put([loss], 'outputs');
  return native().tapeEnd() as number;
}

function planMessage(): void {
  const parameter = F.ones([2], { requiresGrad: true });
  begin();
  put([parameter], 'parameters');
  put([1], 'reached');
}

function newPlan(): number {
  planMessage();
  return native().planNew();
}

/** Arguments that each entry takes gladly: hostile values replace them one at a time, and one is added behind them. */
const entries: Readonly<Record<string, () => unknown[]>> = {
  arena: () => [],
  reserve: () => [100],
  find: () => ['aten::add', 'Tensor'],
  call: () => [],
  intern: () => ['text'],
  string: () => [0],
  schemas: () => [],
  version: () => [],
  fromData: () => {
    numbers.set([2, 1], FIRST);
    return [new Float32Array(2), intern('float32'), 2];
  },
  copyTo: () => [handle([2]), new Float32Array(2)],
  copyFrom: () => [handle([2]), 0, new Float32Array(2)],
  mapFile: () => {
    numbers.set([2, 1], FIRST);
    return [file, 0, intern('float32'), 2];
  },
  info: () => [handle([2])],
  setRequiresGrad: () => [handle([2]), true],
  grad: () => [handle([2], true)],
  setGrad: () => [handle([2], true), handle([2])],
  data: () => [handle([2])],
  setData: () => [handle([2]), handle([3])],
  share: () => [handle([2])],
  sameStorage: () => [handle([2]), handle([2])],
  release: () => [],
  releaseMany: () => {
    numbers[FIRST] = handle([2]);
    return [1];
  },
  memory: () => [],
  backward: () => {
    message();
    return [true, false];
  },
  gradients: () => {
    message();
    return [true, false, true];
  },
  gradEnabled: () => [],
  registerHook: () => [handle([2], true), () => 0],
  removeHook: () => [handle([2], true), 0],
  attachNode: () => {
    message();
    return [() => [0]];
  },
  accumulates: () => [],
  watch: () => [handle([2], true), 'stack'],
  gradFnName: () => [handle([2], true)],
  manualSeed: () => [1],
  newGenerator: () => [],
  releaseGenerator: () => [newGenerator()],
  setSeed: () => [newGenerator(), 1],
  currentSeed: () => [newGenerator()],
  drawSeed: () => [newGenerator()],
  getState: () => [newGenerator()],
  setState: () => [newGenerator(), native().getState(-1)],
  setNumThreads: () => [1],
  getNumThreads: () => [],
  setDeterministic: () => [false, false],
  pow: () => [0.999, 12],
  cos: () => [1],
  hasCuda: () => [],
  cudaDeviceCount: () => [],
  cudaSynchronize: () => [0],
  cudaMemoryStats: () => [0],
  cudaResetPeak: () => [0],
  cudaResetAccumulated: () => [0],
  cudaEmptyCache: () => [],
  cudaMemoryInfo: () => [0],
  cudaProperties: () => [0],
  streamNew: () => [0, 0],
  streamCurrent: () => [0],
  streamDefault: () => [0],
  streamQuery: () => [1],
  streamSynchronize: () => [1],
  streamWait: () => [1, 1],
  streamRecord: () => [1, handle([2])],
  eventNew: () => [false],
  eventRelease: () => [1],
  eventRecord: () => [1, 1],
  eventQuery: () => [1],
  eventSynchronize: () => [1],
  eventElapsed: () => [1, 1],
  backendFlag: () => ['cudnn.benchmark'],
  setBackendFlag: () => ['cudnn.benchmark', false],
  matmulPrecision: () => [],
  setMatmulPrecision: () => ['highest'],
  tapeBegin: () => {
    native().tapeCancel();
    const input = F.ones([2]);
    begin();
    put([input], 'inputs');
    return [false, true];
  },
  tapeReads: () => {
    newRecording();
    return [];
  },
  tapeEnd: () => {
    const output = F.ones([2]);
    begin();
    put([output], 'outputs');
    return [];
  },
  tapeCancel: () => [],
  tapeRelease: () => [newTape()],
  tapeDifference: () => [newTape(), newTape()],
  tapeRated: () => [0, 0],
  tapeMutated: () => [newTape()],
  tapeCall: () => {
    const [tape, input] = [newTape(), F.ones([2])];
    begin();
    put([input], 'inputs');
    return [tape];
  },
  tapeGeneralise: () => {
    const tapes = [newTape(), newTape()];
    begin();
    put(tapes, 'tapes');
    return [];
  },
  tapeServes: () => {
    const [tape, input] = [newTape(), F.ones([2])];
    begin();
    put([input], 'inputs');
    return [tape];
  },
  tapeServesThoseOf: () => [newTape(), newTape()],
  sameBits: () => [handle([2]), handle([2])],
  planNew: () => {
    planMessage();
    return [];
  },
  planRelease: () => [newPlan()],
  planReset: () => [newPlan()],
  planGradients: () => [newPlan()],
  planReach: () => {
    const plan = newPlan();
    begin();
    put([1], 'reached');
    return [plan];
  },
  planGraphProblem: () => [newPlan()],
  planGraphs: () => [newPlan()],
  stepIdle: () => [],
  stepsDone: () => [],
  stepRun: () => {
    const [plan, tape, input] = [newPlan(), newTape(), F.ones([2])];
    begin();
    put([tape, 1, 1, 0], 'part');
    put([input], 'inputs');
    put([], 'scale');
    put([newTape(), 2, 0, 0, 0], 'update');
    put([], 'rates');
    return [plan, false, 1, 1, 1];
  },
  scriptLoad: () => [archive, 'cpu'],
  scriptOfTape: () => {
    const tape = newTape();
    begin();
    put([F.ones([2])], 'parameters and buffers');
    return [tape, ['m', '', 'Net', 'b', 'scale', ''], '.', ['input'], '.', false];
  },
  scriptSave: () => [script, ['note.txt', new Uint8Array(2)]],
  scriptRelease: () => [native().scriptLoad(archive)],
  scriptName: () => [script],
  scriptMembers: () => [script],
  scriptSet: () => [script, 'shift', handle([4])],
  scriptTrain: () => [script, true],
  scriptTraining: () => [script],
  scriptMethods: () => [script],
  scriptCall: () => {
    begin();
    put(F.zeros([2], { dtype: 'int64' }), 'ids');
    put(2, 'weight');
    return [script, 'forward', '..'];
  },
  scriptStart: () => {
    begin();
    put(F.zeros([2], { dtype: 'int64' }), 'ids');
    put(2, 'weight');
    return [script, 'forward', '..'];
  },
  scriptTake: () => [1],
  aotiLoad: () => ['/nowhere', '/nowhere/model.so', 'model', -1],
  aotiRelease: () => [1],
  aotiCallSpec: () => [1],
  aotiConstantNames: () => [1],
  aotiLoadConstants: () => {
    begin();
    put([F.ones([2])], 'constants');
    return [1, ['weight']];
  },
  aotiRun: () => {
    begin();
    put([F.ones([2])], 'inputs');
    put([1], 'strides');
    return [1];
  },
  aotiStart: () => {
    begin();
    put([F.ones([2])], 'inputs');
    put([1], 'strides');
    return [1];
  },
  scriptText: () => [script, 'forward', 'code'],
  scriptAttributes: () => [script],
  scriptAttribute: () => [script, 'training'],
  scriptSetAttribute: () => {
    begin();
    put(true, 'value');
    return [script, 'training', '.'];
  },
  scriptTensor: () => [script, 'shift', handle([4])],
  scriptCopy: () => [script],
  scriptFreeze: () => [evaluated(), ['encode'], false],
  scriptOptimizes: () => [true],
  scriptOptimize: () => [evaluated(), []],
  clearAutocastCache: () => [],
  emptyHostCache: () => [],
};

const verdicts = newVerdicts();
limitMemory(2 ** 32);
const addon = { ...native(), call } as unknown as Record<string, (...args: unknown[]) => unknown>;

/** The one entry whose errors lib/torch/wire.ts turns instead of lib/native.ts. */
function call(...args: unknown[]): unknown {
  try {
    return (native().call as (...args: unknown[]) => unknown)(...args);
  } catch (error) {
    throw fromNative(error);
  }
}

function attack(name: string, entry: (...args: unknown[]) => unknown, valid: () => unknown[]): void {
  const arity = tidy(() => valid().length);
  for (const hostile of hostileValues) {
    for (let position = 0; position <= arity; position++) {
      tidy(() => {
        const args = valid();
        args[position] = hostile.make();
        judge(verdicts, `${name}(${position}: ${hostile.name})`, () => entry(...args));
      });
    }
    const fewer = arity > 0 ? [hostile.make()] : [];
    tidy(() => judge(verdicts, `${name}(only ${hostile.name})`, () => entry(...fewer)));
  }
}

// `path` is what the bindings package adds: where it found the addon.
const missing = Object.keys(addon).filter((name) => name !== 'path' && !(name in entries));
if (missing.length > 0)
  throw new Error(`Add these native entries to the table of this test: ${missing.join(', ')}`);
for (const [name, valid] of Object.entries(entries)) attack(name, addon[name]!, valid);

// The addon that opens libtorch has one entry, which throws a TypeError before there are any classes of ours.
const preloadFile = fileURLToPath(new URL('../../../build/Release/preload.node', import.meta.url));
const preload = createRequire(import.meta.url)(preloadFile) as { open(path: unknown): unknown };
for (const hostile of hostileValues) {
  judge(verdicts, `preload.open(${hostile.name})`, () => {
    try {
      return preload.open(hostile.make());
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith('Expected a path for open'))
        return undefined;
      throw error;
    }
  });
}
report(verdicts);
