/** `worker.mjs HOME FOLDER THREADS`: the side of onnxruntime-node; answers one line of JSON for each on standard input. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [, , home, folder, threads] = process.argv;
const { InferenceSession, Tensor, env } = createRequire(join(home, 'package.json'))('onnxruntime-node');
const WORDS = 128;
const MOST = 1e-4;

const session = await InferenceSession.create(join(folder, 'model.onnx'), {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
});

function say(reply) {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

/** Passes over so many texts, of which one was compared with what Python computed. */
async function passes(texts) {
  const ids = BigInt64Array.from({ length: texts * WORDS }, (_, i) => BigInt(((i * 7919) % 30000) + 1));
  const feeds = { input_ids: new Tensor('int64', ids, [texts, WORDS]) };
  const pass = async () => (await session.run(feeds)).last_hidden_state.data;
  const bytes = readFileSync(join(folder, `states-${texts}`));
  const wanted = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const found = await pass();
  const difference = found.reduce((most, state, i) => Math.max(most, Math.abs(state - wanted[i])), 0);
  if (found.length !== wanted.length || !(difference <= MOST))
    throw new Error(`hidden states that differ from Python's by ${difference}`);
  return pass;
}

const made = new Map();

async function answer(line) {
  const { case: name, iterations } = JSON.parse(line);
  const texts = Number(name.split('-')[1]);
  if (!made.has(texts)) made.set(texts, await passes(texts));
  const pass = made.get(texts);
  const started = process.hrtime.bigint();
  let states;
  for (let done = 0; done < iterations; done++) states = await pass();
  const nanoseconds = Number(process.hrtime.bigint() - started) / iterations;
  return { nanoseconds, check: states.reduce((sum, state) => sum + Math.abs(state), 0) };
}

say({ torch: 'none', runtime: `onnxruntime-node ${env.versions.node}` });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(line).catch((error) => ({ error: String(error) })));
}
