/**
 * What it costs to have the packages, beside packages that are used for the same: `node --import tsx bench/installs.ts [ROUNDS]`.
 *
 * Each is installed in an empty directory with an empty cache of npm, as written in its README and, where that fails, without
 * install scripts; then it is imported, and computes a sum, in turns (medians of ROUNDS, default 5). Needs `npm run package`.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { megabytes } from '../lib/setup/progress.mjs';
import { Place } from '../scripts/package/check/place.ts';
import { serve } from '../scripts/package/check/registry.ts';
import { bytesOf } from '../scripts/package/check/users.ts';
import { median } from './runner/statistics.ts';

interface Candidate {
  readonly name: string;
  /** What npm is told to install. */
  readonly install: string;
  readonly imports: string;
  readonly sums: string;
}

interface Installed extends Candidate {
  readonly place: Place;
  readonly said: string;
}

/** An ONNX model of one node: c = a + b. */
const sumModel =
  'CAgSADpGCg4KAWEKAWISAWMiA0FkZBIBZ1oPCgFhEgoKCAgBEgQKAggBWg8KAWISCgoICAESBAoCCAFiDwoBYxIKCggIARIECgIIAUIECgAQDQ==';

const output = join(import.meta.dirname, '..', 'build', 'packages');
const rounds = Number(process.argv[2] ?? 5);
const main = readdirSync(output).find((name) => /^xpmir-\d/.test(name));
if (main === undefined) throw new Error('Expected packages in build/packages/: npm run package');

const candidates: readonly Candidate[] = [
  {
    name: 'xpmir',
    install: join(output, main),
    imports: "import * as torch from 'xpmir/torch';",
    sums: "import * as torch from 'xpmir/torch'; console.log(torch.tensor(1).add(2).item());",
  },
  {
    name: 'onnxruntime-node',
    install: 'onnxruntime-node',
    imports: "import * as ort from 'onnxruntime-node';",
    sums: `import * as ort from 'onnxruntime-node';
      const session = await ort.InferenceSession.create(Buffer.from('${sumModel}', 'base64'));
      const number = (x) => new ort.Tensor('float32', Float32Array.of(x), [1]);
      console.log((await session.run({ a: number(1), b: number(2) })).c.data[0]);`,
  },
  {
    name: '@tensorflow/tfjs-node',
    install: '@tensorflow/tfjs-node',
    imports: "import * as tf from '@tensorflow/tfjs-node';",
    sums: "import * as tf from '@tensorflow/tfjs-node'; console.log(tf.scalar(1).add(2).dataSync()[0]);",
  },
];

const registry = await serve(output);
const all: Installed[] = [];
try {
  for (const each of candidates) all.push(await installed(each));
  const seconds = new Map(all.map(({ name }) => [name, { imports: [] as number[], sums: [] as number[] }]));
  for (let round = 0; round < rounds; round++)
    for (const each of all)
      for (const what of ['imports', 'sums'] as const) {
        const taken = await ran(each, what);
        if (taken !== undefined) seconds.get(each.name)?.[what].push(taken);
      }
  for (const { name, said } of all) {
    const { imports, sums } = seconds.get(name) as { imports: number[]; sums: number[] };
    const shown = (values: readonly number[]) =>
      values.length === rounds ? `${median(values).toFixed(2)} s` : 'does not run';
    console.log(`${name}: ${said}; import ${shown(imports)}; import and a first sum ${shown(sums)}`);
  }
} finally {
  for (const { place } of all) place.remove();
  registry.close();
}

async function installed(candidate: Candidate): Promise<Installed> {
  const place = new Place('beside', registry.url);
  writeFileSync(join(place.directory, 'package.json'), '{ "private": true, "type": "module" }\n');
  let outcome = await place.run('npm', ['install', candidate.install]);
  let how = 'npm install';
  if (outcome.status !== 0) {
    const why = /(?:hostname|code): '[^']+'/.exec(outcome.output)?.[0] ?? `status ${outcome.status}`;
    outcome = await place.mustRun('npm', ['install', '--ignore-scripts', candidate.install]);
    how = `npm install fails in an install script (${why}); with --ignore-scripts`;
  }
  const size = megabytes(bytesOf(join(place.directory, 'node_modules')));
  return {
    ...candidate,
    place,
    said: `${how} ${outcome.seconds.toFixed(1)} s, node_modules ${size}`,
  };
}

/** Seconds of a whole process; undefined where it fails. */
async function ran(each: Installed, what: 'imports' | 'sums'): Promise<number | undefined> {
  const file = join(each.place.directory, 'program.mjs');
  writeFileSync(file, each[what]);
  const { status, seconds } = await each.place.run('node', [file]);
  return status === 0 ? seconds : undefined;
}
