/** Options that are mistyped: refused by name, since `sha_256` must not load what `sha256` refuses. */
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import * as torch from '../../lib/torch/index.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const x = torch.ones([2]);
const negate = (a: torch.Tensor) => a.neg();
const zeros = '0'.repeat(64);
const directory = temporaryDirectory();
const [path, weights] = [join(directory, 'model.pt'), join(directory, 'model.safetensors')];
let script: torch.jit.ScriptModule;

beforeAll(async () => {
  script = torch.jit.trace(negate, [x]).eval();
  await script.save(path);
  await torch.saveSafetensors(weights, { x });
});

test.each<[string, (options: never) => unknown, object, string]>([
  ['load', (o) => torch.jit.load(path, o), { sha_256: zeros }, 'sha256'],
  ['aotiLoadPackage', (o) => torch.inductor.aotiLoadPackage(path, o), { SHA256: zeros }, 'sha256'],
  ['probe', (o) => torch.jit.probe(path, o), { time_out: 1 }, 'timeout'],
  ['probeAll', (o) => torch.jit.probeAll([path], o), { memry: 1 }, 'memory'],
  ['trace', (o) => torch.jit.trace(negate, [x], o), { argumentName: ['x'] }, 'argumentNames'],
  ['freeze', (o) => torch.jit.freeze(script, o), { preservedAttr: [] }, 'preservedAttrs'],
  ['optimizeForInference', (o) => torch.jit.optimizeForInference(script, o), { methods: [] }, ''],
  ['toBytes', (o) => script.toBytes(o), { extra_files: {} }, 'extraFiles'],
  ['save', (o) => script.save(path, o), { extraFile: {} }, 'extraFiles'],
  ['openSafetensors', (o) => torch.openSafetensors(weights, o), { mmapp: true }, 'mmap'],
  ['loadSafetensors', (o) => torch.loadSafetensors(weights, o), { devise: 'cuda' }, 'device'],
])('%s', async (_, call, wrong, meant) => {
  const refused = (options: unknown) => expect((async () => call(options as never))()).rejects;
  const [name] = Object.keys(wrong);
  const hint = meant === '' ? '' : `: did you mean ${meant}?`;
  await refused(wrong).toMatchObject({
    constructor: ArgumentError,
    message: expect.stringMatching(
      new RegExp(`for option name of .* but received "${name}"${hint.replace('?', '\\?')}$`),
    ),
  });
  await refused(null).toThrow(/^Expected an object for options of .* but received null$/);
});

test('a hash is no option of probe', async () => {
  await expect(torch.jit.probe(path, { sha256: zeros } as never)).rejects.toThrow(
    'Expected one of timeout, memory for option name of probe but received "sha256"',
  );
});

test.each([null, 3, 'a', [1]])('no files beside a model: %p', (extraFiles) => {
  expect(() => script.toBytes({ extraFiles } as never)).toThrow(
    /^Expected a Map or an object .* for extraFiles/,
  );
});
