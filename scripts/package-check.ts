/**
 * `npm run package:check`: packs everything and installs it in empty directories, where there is Node, npm and no compiler,
 * CMake or Python, with npm, with pnpm, and without install scripts; and runs there what a new user would.
 * Then, with the compilers of this machine, `xpmir build`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureLibtorch } from '../lib/setup/libtorch.ts';
import { megabytes } from '../lib/setup/progress.mjs';
import { Place } from './package/check/place.ts';
import { serve } from './package/check/registry.ts';
import * as user from './package/check/users.ts';

const root = join(import.meta.dirname, '..');
const output = join(root, 'build', 'packages');

const { values } = parseArgs({
  options: {
    packed: { type: 'boolean', default: false },
    node: { type: 'string', multiple: true, default: ['22', '24', '26'] },
  },
});
if (!values.packed) {
  const { status } = spawnSync('npm', ['run', '--silent', 'package'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
const main = readdirSync(output).find((name) => /^xpmir-\d/.test(name));
if (main === undefined)
  throw new Error('Expected the packed main package in build/packages/: npm run package');

const counts = { passed: 0, failed: 0 };
const registry = await serve(output);
try {
  for (const installer of ['npm', 'npm --ignore-scripts', 'pnpm'] as const) {
    const place = new Place('user', registry.url);
    try {
      if (
        !(await check(`${installer}: installs`, async () =>
          told(await user.install(place, installer, join(output, main))),
        ))
      )
        continue;
      await check(`${installer}: xpmir doctor finds no problem`, () => user.doctorIsWell(place));
      await check(`${installer}: the README's script trains, under tsx and plain Node`, () =>
        user.trains(place),
      );
      await check(`${installer}: a TorchScript file is loaded and trained`, () =>
        user.trainsTorchScript(place),
      );
      await check(`${installer}: require() works`, () => user.isRequired(place));
      if (installer === 'npm') await onlyOnce(place);
    } finally {
      place.remove();
    }
  }
} finally {
  registry.close();
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;

async function onlyOnce(place: Place): Promise<void> {
  await check('no package has scripts', () => user.hasNoInstallScript(place));
  await check('types, strict, as an ES module and as CommonJS', () => user.hasTypes(place));
  await check('size of node_modules', () => megabytes(user.bytesOf(join(place.directory, 'node_modules'))));
  await check('import, without libtorch', async () =>
    told(await user.importSeconds(place, "import 'xpmir';")),
  );
  await check('import and a first sum', async () =>
    told(await user.importSeconds(place, "import * as t from 'xpmir/torch'; t.tensor(1).add(1).item();")),
  );
  for (const version of values.node) await check(`Node ${version}`, () => user.runsOn(place, version));
  await check('xpmir build, from the source package', async () =>
    user.buildsFromSource(place, (await ensureLibtorch()).directory),
  );
}

function told(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}

/** One line for each; what a check says is printed after its name. */
async function check(name: string, run: () => unknown): Promise<boolean> {
  try {
    const said = await run();
    counts.passed += 1;
    console.log(
      `ok      ${name}${typeof said !== 'string' ? '' : `: ${said.includes('\n') ? `\n${said.trimEnd()}` : said}`}`,
    );
    return true;
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED  ${name}\n${(error as Error).message}`);
    return false;
  }
}
