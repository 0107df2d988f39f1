/**
 * `npm test`: sets up, then every check and every test, each of which can fail. What follows `--` goes to jest.
 * The last line is `N passed, N failed`: jest's tests, and each other check that failed as one more failure.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, checkNode } from './bootstrap.mjs';

const root = join(import.meta.dirname, '..');
const report = join(root, 'build', 'jest.json');

const checks = [
  ['types', 'npm', 'run', '--silent', 'typecheck'],
  ['lint', 'npm', 'run', '--silent', 'lint'],
  ['imports', 'npm', 'run', '--silent', 'check:imports'],
  ['generated files', 'npm', 'run', '--silent', 'check:generated'],
  ['public interface', 'npm', 'run', '--silent', 'api', '--', '--check'],
];

const counts = { passed: 0, failed: 0, skipped: 0 };

try {
  await step('set-up', async () => {
    checkNode();
    await bootstrap();
  });
  for (const [name, command, ...args] of checks) await step(name, () => run(command, args)).catch(() => {});
  await step('tests', runJest);
} catch (error) {
  console.error(error.message); // a failure of the set-up, after which nothing can run
}
console.log(
  `\n${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = counts.failed > 0 ? 1 : 0;

/** Says that a part begins and how it ended; one that rejects counts as one failure. */
async function step(name, body) {
  const started = Date.now();
  console.log(`\n--- ${name}`);
  try {
    await body();
    console.log(`--- ${name}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    counts.failed += 1;
    console.log(`--- ${name}: FAILED`);
    throw error;
  }
}

async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

async function runJest() {
  mkdirSync(join(root, 'build'), { recursive: true });
  rmSync(report, { force: true });
  const jest = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
  ];
  const outcome = run(process.execPath, [
    ...jest,
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ]);
  const ended = await outcome.then(
    () => undefined,
    (error) => error,
  );
  const failedBefore = counts.failed;
  const result = JSON.parse(readFileSync(report, 'utf8')); // without a report jest itself broke: one failure
  counts.passed += result.numPassedTests;
  counts.failed += result.numFailedTests + result.numRuntimeErrorTestSuites; // a file that crashed has no tests to count
  counts.skipped += result.numPendingTests + result.numTodoTests;
  if (ended !== undefined && counts.failed === failedBefore) throw ended;
}
