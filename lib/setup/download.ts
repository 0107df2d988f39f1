/** A download that goes on where it was cut off, and never takes a cut file for a whole one. */
import {
  createWriteStream,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { megabytes, Progress } from './progress.mjs';
import { proxyFor, tunnel, viaProxy } from './proxy.ts';
import { checkSpace } from './space.ts';

const attempts = 4;
const silenceMs = 30_000;
const redirectLimit = 5;

/** An answer that trying again will not change. */
class RefusedError extends Error {}

/**
 * Downloads `url` to `path` by way of `path.part`; returns `path`. Attempts that bring nothing new are limited.
 *
 * @param pause waits before the attempt of this number, 2 or later. Default: 1 s, then twice as long each time.
 */
export async function download(
  url: string,
  path: string,
  env: NodeJS.ProcessEnv,
  pause = (attempt: number): Promise<unknown> => sleep(1000 * 2 ** (attempt - 2)),
): Promise<string> {
  if (existsSync(path)) return path;
  let furthest = sizeOf(`${path}.part`);
  for (let attempt = 1; ; attempt++) {
    try {
      await continuePart(url, `${path}.part`, env);
      renameSync(`${path}.part`, path);
      return path;
    } catch (error) {
      const reached = sizeOf(`${path}.part`);
      if (reached > furthest) attempt = 1;
      furthest = Math.max(furthest, reached);
      if (error instanceof RefusedError || attempt === attempts || isFinal(error)) throw error;
      console.error(
        `Connection lost (${(error as Error).message}); going on, attempt ${attempt + 1} of ${attempts}`,
      );
      await pause(attempt + 1);
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function continuePart(url: string, part: string, env: NodeJS.ProcessEnv): Promise<void> {
  const tagFile = `${part}.tag`;
  const tag = existsSync(tagFile) ? readFileSync(tagFile, 'utf8') : undefined;
  const have = tag !== undefined ? sizeOf(part) : 0;
  // If-Range: should the file have changed since, the server sends all of it instead of a rest that does not fit.
  const range = have > 0 ? { Range: `bytes=${have}-`, 'If-Range': tag } : {};
  const response = await get(url, range, env);
  const resumed = response.statusCode === 206;
  if (response.statusCode === 416) {
    rmSync(part, { force: true });
    rmSync(tagFile, { force: true });
    throw new Error('the part that was kept does not fit');
  }
  if (response.statusCode !== 200 && !resumed)
    throw new RefusedError(`the server answered ${response.statusCode}`);

  const start = resumed ? have : 0;
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  const total = Number.isFinite(length) ? start + length : undefined;
  if (total !== undefined) roomFor(dirname(part), length);
  // Only a strong tag promises the same bytes; without one a cut download starts again.
  const newTag = response.headers.etag ?? response.headers['last-modified'];
  if (newTag !== undefined && !newTag.startsWith('W/')) writeFileSync(tagFile, newTag);
  else rmSync(tagFile, { force: true });

  const progress = new Progress(
    `Downloading ${shown(url)}${start > 0 ? `, from ${megabytes(start)} on` : ''}`,
    total,
    megabytes,
  );
  let received = start;
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
    progress.update(received);
  });
  const file = createWriteStream(part, { flags: resumed ? 'a' : 'w' });
  const closed = new Promise<void>((resolve) => file.once('close', resolve));
  try {
    // Cut off, a write may still be under way: only of a closed file is the size where the next attempt goes on.
    await pipeline(response, file).finally(() => closed);
    if (total !== undefined && received !== total)
      throw new Error(`cut off after ${received} of ${total} bytes`);
  } catch (error) {
    progress.stop();
    throw error;
  }
  progress.finish(megabytes(received));
  rmSync(tagFile, { force: true });
}

/** An address without its query and password, which may be secret. */
export function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function roomFor(directory: string, bytes: number): void {
  try {
    checkSpace(directory, bytes);
  } catch (error) {
    throw new RefusedError((error as Error).message);
  }
}

async function get(
  url: string,
  headers: http.OutgoingHttpHeaders,
  env: NodeJS.ProcessEnv,
  redirects = 0,
): Promise<IncomingMessage> {
  const target = new URL(url);
  const proxy = proxyFor(target, env);
  const isPlain = target.protocol === 'http:';
  const socket = proxy === undefined || isPlain ? undefined : await tunnel(target, proxy);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = socket === undefined ? { headers } : { headers, createConnection: () => socket };
    const request =
      isPlain && proxy !== undefined
        ? http.get(viaProxy(target, proxy, headers), resolve)
        : (isPlain ? http : https).get(target, options, resolve);
    request.on('error', reject);
    request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer for ${silenceMs / 1000} s`)));
  });
  const location = response.headers.location;
  if (location === undefined || Math.floor((response.statusCode ?? 0) / 100) !== 3) return response;
  response.resume();
  if (redirects === redirectLimit) throw new RefusedError(`more than ${redirectLimit} redirections`);
  const next = new URL(location, target);
  if (target.protocol === 'https:' && next.protocol !== 'https:')
    throw new RefusedError('sent from https to http');
  return get(next.href, headers, env, redirects + 1);
}

/** No such host: offline, and the next attempt a moment later will say the same; nor will a full disk have room then. */
function isFinal(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return [
    'ENOTFOUND',
    'EAI_AGAIN',
    'ECONNREFUSED',
    'ENETUNREACH',
    'ENOSPC',
    'EDQUOT',
    'EROFS',
    'EACCES',
    'ENOTDIR',
  ].includes(code);
}
