/** The addon of a checkout: compiled, and left alone while its inputs, outputs and libtorch are unchanged. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { locateLibtorch } from '../../lib/libtorch.ts';
import { compile } from '../../lib/setup/compile.ts';
import { ensureLibtorch } from '../../lib/setup/libtorch.ts';
import { withLock } from '../../lib/setup/lock.mjs';
import { checkBuildTools } from '../../lib/setup/tools.ts';

export interface NativeOptions {
  /** Compiles with address and undefined-behaviour sanitizers into `build/sanitize/`, an XPMIR_ADDON_ROOT, beside the ordinary build. */
  readonly sanitize?: boolean;
}

interface Layout {
  readonly work: string;
  readonly output: string;
  readonly stamp: string;
  readonly sanitize: boolean;
}

/** Builds the addon if it is not up to date, after getting libtorch if there is none. */
export async function setUpNative(root: string, { sanitize = false }: NativeOptions = {}): Promise<void> {
  const layout: Layout = sanitize
    ? {
        work: 'build/cmake-sanitize',
        output: 'build/sanitize/build/Release',
        stamp: '.setup/sanitize',
        sanitize,
      }
    : { work: 'build/cmake', output: 'build/Release', stamp: '.setup/native', sanitize };
  if (isFresh(root, layout)) return;
  await withLock(join(root, '.setup', 'lock'), 'the native addon', async () => {
    if (isFresh(root, layout)) return; // another process built it while this one waited
    checkBuildTools();
    const libtorch = await ensureLibtorch();
    const digest = inputDigest(root); // of what is compiled now: an edit during the build must not look built
    await compile({
      source: root,
      work: join(root, layout.work),
      output: join(root, layout.output),
      libtorch,
      sanitize: layout.sanitize,
    });
    mkdirSync(join(root, '.setup'), { recursive: true });
    writeFileSync(join(root, layout.stamp), digest);
  });
}

function isFresh(root: string, layout: Layout): boolean {
  const stamp = join(root, layout.stamp);
  const outputs = ['addon.node', 'preload.node', 'addon.json'].map((name) => join(root, layout.output, name));
  if (![stamp, ...outputs].every((path) => existsSync(path))) return false;
  if (readFileSync(stamp, 'utf8') !== inputDigest(root)) return false;
  try {
    locateLibtorch({ builtFor: [JSON.parse(readFileSync(outputs[2] as string, 'utf8')).libtorch] });
    return true;
  } catch {
    return false;
  }
}

/** What decides the result, other than libtorch: sources, CMake's file, and the header packages. */
function inputDigest(root: string): string {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'native')).filter((name) => /\.(cc|h)$/.test(name));
  const headers = ['node-addon-api', 'node-api-headers'].map((name) => `node_modules/${name}/package.json`);
  for (const path of ['CMakeLists.txt', ...headers, ...sources.sort().map((name) => `native/${name}`)]) {
    hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}
