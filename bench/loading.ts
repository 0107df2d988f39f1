/**
 * `node --import tsx bench/loading.ts [ROUNDS] [MEGABYTES]`: what it takes to read a safetensors file and add up all of it, in
 * fresh processes that take turns: seconds from before the file is opened, and the most memory that the process grew by,
 * of which pages of the file, in medians. `XPMIR_PYTHON` names a Python with torch and safetensors, which is measured too;
 * `transformers` reads the same weights as a model. The file is in the cache of the system.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as torch from '../lib/torch/index.ts';
import { AutoModel } from '../lib/transformers/index.ts';

const HIDDEN = 768;
const CONFIG = { model_type: 'bert', hidden_size: HIDDEN, num_attention_heads: 12, intermediate_size: 3072 };

interface Measured {
  readonly seconds: number;
  /** Bytes. */
  readonly peak: number;
}

const status = (field: string): number =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

const WAYS: Readonly<Record<string, (folder: string) => Promise<Iterable<torch.Tensor>>>> = {
  loadSafetensors: async (folder) =>
    (await torch.loadSafetensors(join(folder, 'model.safetensors'))).values(),
  'openSafetensors, mmap': async (folder) => {
    await using file = await torch.openSafetensors(join(folder, 'model.safetensors'), { mmap: true });
    return (await file.getTensors()).values();
  },
  fromPretrained: async (folder) => (await AutoModel.fromPretrained(folder)).parameters(),
  'fromPretrained, mmap': async (folder) =>
    (await AutoModel.fromPretrained(folder, { mmap: true })).parameters(),
};

async function measure(way: string, folder: string): Promise<Measured> {
  torch.setNumThreads(1);
  torch.ones([1000]).sum().item();
  const before = status('VmRSS');
  writeFileSync('/proc/self/clear_refs', '5');
  const start = performance.now();
  let total = 0;
  for (const tensor of await WAYS[way]!(folder)) total += torch.tidy(() => tensor.sum().item());
  if (!Number.isFinite(total)) throw new Error('a sum that is not finite');
  return { seconds: (performance.now() - start) / 1000, peak: status('VmHWM') - before };
}

const PYTHON = `
import json, re, sys, time, torch
from safetensors import safe_open
from safetensors.torch import load_file
torch.set_num_threads(1)
def status(field):
    return int(re.search(field + r':\\s+(\\d+)', open('/proc/self/status').read()).group(1)) * 1024
def opened(path):
    with safe_open(path, framework='pt') as f:
        return {name: f.get_tensor(name) for name in f.keys()}
def model(path):
    from transformers import AutoModel
    return dict(AutoModel.from_pretrained(path.rsplit('/', 1)[0]).named_parameters())
ways = {'load_file': load_file, 'load_file, pread': lambda path: load_file(path, backend='pread'), 'safe_open': opened, 'from_pretrained': model}
if sys.argv[1] == 'from_pretrained': import transformers.models.bert.modeling_bert, transformers.modeling_utils
with torch.no_grad():
    torch.ones(1000).sum().item()
    before = status('VmRSS')
    open('/proc/self/clear_refs', 'w').write('5')
    start = time.perf_counter()
    total = sum(t.sum().item() for t in ways[sys.argv[1]](sys.argv[2]).values())
    print(json.dumps({'seconds': time.perf_counter() - start, 'peak': status('VmHWM') - before}))
`;
const THEIRS = ['load_file', 'load_file, pread', 'safe_open', 'from_pretrained'];

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const [first = '5', second = '400'] = process.argv.slice(2);
if (first === '--measure') {
  console.log(JSON.stringify(await measure(second, process.argv[4] as string)));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'xpmir-loading-'));
  try {
    await written(folder, Number(second) * 1e6);
    const runs = new Map<string, Measured[]>();
    const note = (way: string, output: string) =>
      runs.set(way, [...(runs.get(way) ?? []), JSON.parse(output.trim().split('\n').at(-1)!) as Measured]);
    for (let round = 0; round < Number(first); round++) {
      for (const way of Object.keys(WAYS)) {
        const args = [...process.execArgv, fileURLToPath(import.meta.url), '--measure', way, folder];
        note(way, execFileSync(process.execPath, args, { encoding: 'utf8' }));
      }
      if (process.env.XPMIR_PYTHON === undefined) continue;
      for (const way of THEIRS) {
        const args = ['-c', PYTHON, way, join(folder, 'model.safetensors')];
        note(`Python ${way}`, execFileSync(process.env.XPMIR_PYTHON, args, { encoding: 'utf8' }));
      }
    }
    for (const [way, found] of runs) {
      const [seconds, peak] = [median(found.map((one) => one.seconds)), median(found.map((one) => one.peak))];
      console.log(`${way.padEnd(24)} ${seconds.toFixed(3)} s  ${(peak / 1e6).toFixed(0).padStart(5)} MB`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A BERT of about so many bytes: what its layers leave goes to words. */
async function written(folder: string, bytes: number): Promise<void> {
  const layers = 2;
  const words = Math.max(100, Math.round(bytes / 4 / HIDDEN - layers * 9_250));
  const config = { ...CONFIG, num_hidden_layers: layers, vocab_size: words };
  await AutoModel.fromConfig(config).savePretrained(folder);
  const found = await torch.readSafetensorsHeader(join(folder, 'model.safetensors'));
  const size = found.tensors.reduce((sum, { begin, end }) => sum + end - begin, 0);
  console.log(`${found.tensors.length} tensors, ${(size / 1e6).toFixed(0)} MB`);
}
