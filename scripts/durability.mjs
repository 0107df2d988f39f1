/**
 * `npm run test:durability`: that no checkpoint is lost, and that runs go on to the bit. What `npm test` runs of it too;
 * with `--full`, all of it. `--seed N` makes the random part another one. What follows goes to jest.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bootstrap, checkNode, fail } from './bootstrap.mjs';

const { values, positionals } = parseArgs({
  options: { full: { type: 'boolean', default: false }, seed: { type: 'string' } },
  allowPositionals: true,
});

try {
  checkNode();
  await bootstrap();
} catch (error) {
  fail(error);
}

const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
  'test/durability',
];
const env = {
  ...process.env,
  ...(values.full && { XPMIR_DURABILITY: 'full' }),
  ...(values.seed && { XPMIR_SEED: values.seed }),
};
const child = spawn(process.execPath, [...jest, ...positionals], {
  cwd: join(import.meta.dirname, '..'),
  env,
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
