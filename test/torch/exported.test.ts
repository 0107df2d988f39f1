/** Models written and trained here, exported by `torch.jit.trace`: what Python computes with them, and serves of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect } from '@jest/globals';
import { DualEncoder, toBags } from '../../examples/jsdoc/encoder.ts';
import * as torch from '../../lib/torch/index.ts';
import { itPython, python, runPython, sameTorch } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

beforeAll(() => torch.setNumThreads(1));

const { nn } = torch;
type Tensor = torch.Tensor;

class Recurrent extends nn.Module {
  readonly embedding = new nn.Embedding(30, 8);
  readonly lstm = new nn.LSTM(8, 8, { numLayers: 2, batchFirst: true, bidirectional: true });
  readonly head = new nn.Linear(16, 4);
  forward(words: Tensor) {
    const [states] = this.lstm.forward(this.embedding.forward(words));
    return this.head.forward(states.mean(1));
  }
}

class Encoder extends nn.Module {
  readonly embedding = new nn.Embedding(30, 8);
  readonly encoder = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }),
    2,
  );
  readonly head = new nn.Linear(8, 4);
  forward(words: Tensor) {
    return this.head.forward(this.encoder.forward(this.embedding.forward(words)).select(1, 0));
  }
}

class Ranker extends nn.Module {
  readonly layers = new nn.Sequential(new nn.Linear(16, 8), new nn.ReLU(), new nn.Linear(8, 1));
  forward(x: Tensor) {
    return this.layers.forward(x).squeeze(1);
  }
}

/** Whatever it takes. */
interface Forward extends torch.nn.Module {
  forward(...args: unknown[]): Tensor;
}

/** Some steps towards any result, so that nothing is as it was drawn. */
function trained<M extends Forward>(model: M, args: readonly unknown[]): M {
  const optimizer = new torch.optim.AdamW(model.parameters(), { lr: 1e-2 });
  for (let step = 0; step < 10; step++) {
    torch.tidy(() => {
      optimizer.zeroGrad();
      model
        .forward(...args)
        .sub(1)
        .square()
        .mean()
        .backward();
      optimizer.step();
    });
  }
  return model.eval();
}

const words = (rows: number, length: number) => torch.randint(0, 30, [rows, length]);
const bags = (count: number) =>
  toBags(
    Array.from({ length: count }, (_, i) => Int32Array.from({ length: i + 2 }, (__, k) => (7 * i + k) % 50)),
  );

const MODELS: readonly [string, () => Forward, (size: number) => unknown[]][] = [
  [
    "the demo's encoder",
    () => new DualEncoder({ buckets: 50, dim: 8 }) as unknown as Forward,
    (size) => [{ ...bags(size) }],
  ],
  ['an LSTM', () => new Recurrent() as unknown as Forward, (size) => [words(size, 2 * size)]],
  ['a TransformerEncoder', () => new Encoder() as unknown as Forward, (size) => [words(size, 2 * size)]],
];

const READ = `
import sys, torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
path = sys.argv[1]
model = torch.jit.load(path)
given = load_file(path + ".in")
args = [given["words"]] if "words" in given else [given]
found = {"result": model(*args).detach().clone()}
with torch.no_grad():
    found["served"] = model(*args).clone()
save_file(found | {"state." + name: value.clone() for name, value in model.state_dict().items()}, path + ".out")
`;

describe('in Python the same bits and names', () => {
  itPython(sameTorch).each(MODELS)('%s', async (_, make, argsOf) => {
    torch.manualSeed(5);
    const path = join(temporaryDirectory(), 'model.pt');
    const model = trained(make(), argsOf(5));
    const warn = (message: string) => expect(message).toBe('none');
    const script = torch.jit.trace(model as never, argsOf(5) as never, { warn });
    await script.save(path);
    const args = argsOf(9);
    const given = args[0] instanceof torch.Tensor ? { words: args[0] } : (args[0] as Record<string, Tensor>);
    await torch.saveSafetensors(`${path}.in`, given);
    runPython(READ, path);
    const found = await torch.loadSafetensors(`${path}.out`);
    const wanted = new Map<string, Tensor>([
      ['result', model.forward(...args)],
      // Without gradients libtorch takes other kernels for an LSTM.
      ['served', torch.noGrad(() => script.forward(...args))],
    ]);
    for (const [name, tensor] of model.stateDict()) wanted.set(`state.${name}`, tensor);
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [name, tensor] of wanted) expect([name, found.get(name)!.equal(tensor)]).toEqual([name, true]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function posted(url: string, body: unknown): Promise<number[]> {
  for (let left = 300; ; left--) {
    try {
      const reply = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      return (await reply.json()) as number[];
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

itPython(sameTorch)(
  'the web handler of docs/models.md serves it',
  async () => {
    const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/```python\n(.*?)```/gs)].map(([, code]) => code as string);
    const handler = blocks.find((code) => code.includes('BaseHTTPRequestHandler')) as string;
    const [directory, port] = [temporaryDirectory(), await freePort()];
    torch.manualSeed(2);
    const model = trained(new Ranker() as unknown as Forward, [torch.randn([8, 16])]);
    await torch.jit
      .trace(model as never, [torch.zeros([4, 16])] as never, { argumentNames: ['x'] })
      .save(join(directory, 'ranker.pt'));
    writeFileSync(join(directory, 'serve.py'), handler.replace('8000', String(port)));
    const server = spawn(python, ['serve.py'], { cwd: directory, stdio: 'ignore' });
    try {
      for (const rows of [1, 3, 20]) {
        const x = torch.randn([rows, 16]);
        const scores = torch.tensor(await posted(`http://127.0.0.1:${port}`, x.tolist()));
        expect(scores.allclose(model.forward(x), { rtol: 1e-6, atol: 1e-6 })).toBe(true);
      }
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  },
  60_000,
);
