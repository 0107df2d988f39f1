/** A machine with Node, npm and nothing else, as far as a process can be given one. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly seconds: number;
}

const LIMIT_SECONDS = 300;

export class Place {
  readonly directory: string;
  readonly #env: NodeJS.ProcessEnv;

  /** @param registry where the packages of our scope are */
  constructor(name: string, registry: string) {
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), `xpmir-${name}-`)));
    const bin = join(this.directory, '.bin');
    const home = join(this.directory, '.home');
    for (const each of [bin, home]) mkdirSync(each);
    const npm = join(dirname(realpathSync(process.execPath)), '..', 'lib', 'node_modules', 'npm', 'bin');
    symlinkSync(process.execPath, join(bin, 'node'));
    symlinkSync(join(npm, 'npm-cli.js'), join(bin, 'npm'));
    symlinkSync(join(npm, 'npx-cli.js'), join(bin, 'npx'));
    // What npm starts programs with, and what pnpm's own scripts call.
    for (const name of ['sh', 'sed', 'dirname', 'uname'])
      symlinkSync(realpathSync(join('/bin', name)), join(bin, name));
    this.#env = {
      ...networkSettings(),
      PATH: bin,
      HOME: home,
      npm_config_userconfig: process.env.npm_config_userconfig ?? join(homedir(), '.npmrc'),
      npm_config_cache: join(this.directory, '.npm'),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      'npm_config_@xpmir:registry': registry,
    };
  }

  /** Runs a program of this place; never throws. Not synchronous, as the registry answers from this process. */
  run(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    limitSeconds = LIMIT_SECONDS,
  ): Promise<Outcome> {
    const started = performance.now();
    const child = spawn(command, args, {
      cwd: this.directory,
      env: { ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitSeconds * 1000,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    return new Promise((resolve) => {
      const end = (status: number | null) =>
        resolve({ status, output, seconds: (performance.now() - started) / 1000 });
      child.on('error', (error) => {
        output += error.message;
        end(null);
      });
      child.on('close', end);
    });
  }

  /** @throws Error with what was printed, where the program failed */
  async mustRun(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    limitSeconds = LIMIT_SECONDS,
  ): Promise<Outcome> {
    const outcome = await this.run(command, args, env, limitSeconds);
    if (outcome.status === 0) return outcome;
    throw new Error(`${command} ${args.join(' ')} ended with ${outcome.status}:\n${outcome.output}`);
  }

  get bin(): string {
    return join(this.directory, '.bin');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** How this machine reaches a registry: proxies and certificates. */
function networkSettings(): NodeJS.ProcessEnv {
  const isOfNetwork = /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(file|dir))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isOfNetwork.test(name)));
}
