/** The npm packages: installed from the lock file, and left alone while they agree with it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Progress } from '../../lib/setup/progress.mjs';

const stampPath = (root) => join(root, 'node_modules', '.xpmir-lock-digest'); // lost with node_modules, as it must be

/** Whether node_modules holds what the lock file says. */
export function packagesAreFresh(root) {
  const digest = lockDigest(root);
  if (readText(stampPath(root)) === digest) return true;
  if (!agreesWithLock(root)) return false;
  writeFileSync(stampPath(root), digest); // a person's own `npm install` did it
  return true;
}

export async function installPackages(root) {
  if (packagesAreFresh(root)) return; // another process did it while this one waited
  const wanted = Object.entries(lockedPackages(root)).filter(
    ([path, entry]) => path !== '' && !entry.optional,
  );
  const progress = new Progress('Installing npm packages', wanted.length);
  const timer = setInterval(() => {
    progress.update(wanted.filter(([path]) => existsSync(join(root, path, 'package.json'))).length);
  }, 500);
  const output = [];
  try {
    const status = await new Promise((resolve, reject) => {
      const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk) => output.push(chunk));
      npm.on('error', reject);
      npm.on('close', resolve);
    });
    if (status !== 0) throw new Error(`npm ci failed:\n${Buffer.concat(output).toString()}`);
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new Error('Expected npm beside Node but found none. Debian, Ubuntu: sudo apt-get install npm');
    throw error;
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  progress.finish();
  writeFileSync(stampPath(root), lockDigest(root));
}

/** npm keeps its own record of what it installed; it must name every package of the lock at its version. */
function agreesWithLock(root) {
  const text = readText(join(root, 'node_modules', '.package-lock.json'));
  if (text === '') return false;
  const installed = JSON.parse(text).packages;
  return Object.entries(lockedPackages(root)).every(
    ([path, entry]) => path === '' || entry.optional || installed[path]?.version === entry.version,
  );
}

function lockedPackages(root) {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
}

function lockDigest(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
