/** onnxruntime-node, a third side: looked for in a cache, as it is too large (290 MB) to come with every `npm ci`. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot } from '../../lib/cache.ts';
import { bench } from './process.ts';
import { Worker } from './worker.ts';

const PACKAGE = 'onnxruntime-node@1.30.0';

/** Starts its worker on a file that Python makes now. @throws Error that says how to install what is missing */
export async function startOnnx(
  python: string,
  threads: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Worker> {
  const home = join(cacheRoot(env), 'bench-onnx');
  if (!existsSync(join(home, 'node_modules', 'onnxruntime-node'))) {
    throw new Error(
      `Expected ${PACKAGE} in ${home}: ONNXRUNTIME_NODE_INSTALL=skip npm install --prefix ${home} ${PACKAGE}`,
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'xpmir-onnx-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const made = [join(bench, 'reference', 'onnx_file.py'), folder, '1', '32'];
  execFileSync(python, made, { stdio: ['ignore', 'ignore', 'pipe'] });
  const program = join(bench, 'onnx', 'worker.mjs');
  const { worker } = await Worker.start('ONNX', process.execPath, [program, home, folder, `${threads}`], env);
  return worker;
}
