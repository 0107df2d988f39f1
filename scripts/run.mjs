/**
 * `node scripts/run.mjs FILE.ts [ARGUMENT...]`: sets up, then runs a TypeScript program.
 * The program is `node --import tsx FILE.ts`, one process: signals reach it, which `npx tsx` does not promise.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { bootstrap, checkNode, fail } from './bootstrap.mjs';

try {
  checkNode();
  await bootstrap();
} catch (error) {
  fail(error);
}

const child = spawn(process.execPath, ['--import', 'tsx', ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal sends Ctrl-C to both of us; what a scheduler sends to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
