import { homedir } from 'node:os';
import { join } from 'node:path';

/** The directory that all projects of a person share: XDG_CACHE_HOME/xpmir, by default ~/.cache/xpmir. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'xpmir');
}
