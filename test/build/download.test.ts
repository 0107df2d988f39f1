import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { download } from '../../lib/setup/download.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
const noPause = async () => {};
const closers: (() => void)[] = [];
jest.spyOn(console, 'error').mockImplementation(() => {});
jest.spyOn(process.stderr, 'write').mockImplementation(() => true);

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, index: number) => void;

/** A local server that answers as the test wants; gives its address and the requests that it saw. */
async function serve(answer: Answer): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.zip`, requests };
}

/** A well-behaved file server: ranges, and If-Range against its tag. */
function sendFile(request: IncomingMessage, response: ServerResponse, tag: string, body = content): void {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = range !== null && request.headers['if-range'] === tag ? Number(range[1]) : 0;
  const headers = { ETag: tag, 'Content-Length': body.length - start };
  response.writeHead(start > 0 ? 206 : 200, headers).end(body.subarray(start));
}

function cutOff(response: ServerResponse, tag: string, bytes: number): void {
  response.writeHead(200, { ETag: tag, 'Content-Length': content.length });
  response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
}

describe('a download', () => {
  test('goes on where the connection was cut', async () => {
    const path = join(temporaryDirectory(), 'file.zip');
    const { url, requests } = await serve((request, response, index) => {
      if (index === 0) cutOff(response, '"one"', 100_000);
      else sendFile(request, response, '"one"');
    });
    await download(url, path, {}, noPause);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests[1]?.headers).toMatchObject({
      range: expect.stringMatching(/^bytes=[1-9]\d*-$/), // what had reached the disk
      'if-range': '"one"',
    });
    expect(existsSync(`${path}.part`) || existsSync(`${path}.part.tag`)).toBe(false);
  });

  test('is the same file to the byte after many cuts at odd offsets, with growing pauses where nothing came', async () => {
    const big = Buffer.alloc(24_000_000);
    for (let at = 0; at < big.length; at += 4) big.writeUInt32LE(at, at); // every place is told from every other
    const path = join(temporaryDirectory(), 'file.zip');
    const pauses: number[] = [];
    const { url, requests } = await serve((request, response, index) => {
      if (index === 3 || index === 4) return void request.socket.destroy();
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const piece = big.subarray(start, start + 300_007 + index * 97);
      response.writeHead(start > 0 ? 206 : 200, { ETag: '"one"', 'Content-Length': big.length - start });
      if (start + piece.length === big.length) response.end(piece);
      else response.write(piece, () => response.destroy());
    });
    await download(url, path, {}, async (attempt) => void pauses.push(attempt));
    expect(requests.length).toBeGreaterThan(10);
    expect(pauses.slice(0, 5)).toEqual([2, 2, 2, 3, 4]);
    expect(readFileSync(path).equals(big)).toBe(true);
  });

  test('goes on with the part that a killed process left', async () => {
    const path = join(temporaryDirectory(), 'file.zip');
    writeFileSync(`${path}.part`, content.subarray(0, 1234));
    writeFileSync(`${path}.part.tag`, '"one"');
    const { url, requests } = await serve((request, response) => sendFile(request, response, '"one"'));
    await download(url, path, {}, noPause);
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=1234-']);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test('starts again when the file has changed since, or when the part has no tag', async () => {
    for (const tag of ['"old"', undefined]) {
      const path = join(temporaryDirectory(), 'file.zip');
      writeFileSync(`${path}.part`, 'of another file');
      if (tag !== undefined) writeFileSync(`${path}.part.tag`, tag);
      const { url } = await serve((request, response) => sendFile(request, response, '"new"'));
      await download(url, path, {}, noPause);
      expect(readFileSync(path).equals(content)).toBe(true);
    }
  });

  test('follows a redirection, and refuses an endless one', async () => {
    const directory = temporaryDirectory();
    const { url } = await serve((request, response) => {
      if (request.url === '/there') sendFile(request, response, '"one"');
      else response.writeHead(302, { Location: '/there' }).end();
    });
    await download(url, join(directory, 'a'), {}, noPause);
    expect(readFileSync(join(directory, 'a')).equals(content)).toBe(true);
    const endless = await serve((_, response) => response.writeHead(302, { Location: '/file.zip' }).end());
    await expect(download(endless.url, join(directory, 'b'), {}, noPause)).rejects.toThrow(
      'more than 5 redirections',
    );
  });

  test('is refused once for an answer that will not change', async () => {
    const { url, requests } = await serve((_, response) => response.writeHead(404).end());
    await expect(download(url, join(temporaryDirectory(), 'a'), {}, noPause)).rejects.toThrow(
      'the server answered 404',
    );
    expect(requests).toHaveLength(1);
  });

  test('never takes a cut file for a whole one', async () => {
    const path = join(temporaryDirectory(), 'file.zip');
    const { url, requests } = await serve((_, response) => cutOff(response, '"one"', 10));
    await expect(download(url, path, {}, noPause)).rejects.toThrow();
    expect(requests).toHaveLength(4);
    expect(existsSync(path)).toBe(false);
  });
});
