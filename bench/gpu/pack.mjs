/**
 * `node bench/gpu/pack.mjs`: puts into `.gpu/js` what a machine without npm needs to run the tests of devices and the
 * benchmarks of this folder: this project as JavaScript, the packages that it uses, and recorded fixtures.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const out = join(root, '.gpu', 'js');
const require = createRequire(import.meta.url);
const { packages } = require(join(root, 'package-lock.json'));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const config = join(root, '.gpu', 'tsconfig.json');
const options = {
  extends: '../tsconfig.json',
  compilerOptions: {
    noEmit: false,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
    rootDir: '..',
    outDir: 'js',
    allowJs: true,
    noCheck: true,
  },
  include: [
    '../lib',
    '../bench/gpu',
    '../bench/ours',
    '../test/torch',
    '../test/learning',
    '../test/support',
  ],
};
writeFileSync(config, JSON.stringify(options));
execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', config], {
  cwd: root,
  stdio: 'inherit',
});

/** A package of the lock file and what it needs, in the places where npm put them. */
const wanted = new Set();
function want(path) {
  if (wanted.has(path) || packages[path] === undefined || !existsSync(join(root, path))) return;
  wanted.add(path);
  const { dependencies = {} } = packages[path];
  for (const name of Object.keys(dependencies)) {
    for (let at = path; ; at = dirname(dirname(at))) {
      const inside = at === '' || at === '.' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (packages[inside] !== undefined) {
        want(inside);
        break;
      }
      if (at === '' || at === '.') break;
    }
  }
}
for (const name of [...Object.keys(packages[''].dependencies), 'expect', 'jest-mock'])
  want(`node_modules/${name}`);
for (const path of wanted) {
  const source = join(root, path);
  cpSync(source, join(out, path), {
    recursive: true,
    // What is inside of a package is a package of its own in the lock file.
    filter: (from) => !relative(source, from).split('/').includes('node_modules') && !from.endsWith('.map'),
  });
}

const globals = join(out, 'node_modules', '@jest', 'globals');
mkdirSync(globals, { recursive: true });
cpSync(join(import.meta.dirname, 'globals.mjs'), join(globals, 'index.mjs'));
writeFileSync(join(globals, 'package.json'), '{ "name": "@jest/globals", "exports": "./index.mjs" }\n');

writeFileSync(join(out, 'package.json'), '{ "name": "xpmir", "type": "module" }\n');
for (const name of readdirSync(join(root, 'test', 'fixtures')))
  cpSync(join(root, 'test', 'fixtures', name), join(out, 'test', 'fixtures', name));
console.log(`${relative(process.cwd(), out)}: ${wanted.size} packages`);
