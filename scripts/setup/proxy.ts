/** HTTPS_PROXY and NO_PROXY, which Node 20 does not read by itself. */
import http from 'node:http';
import type { Socket } from 'node:net';
import tls from 'node:tls';

/** A connection to `target` through the proxy that the environment names for it; undefined when there is none. */
export async function proxyConnection(target: URL, env: NodeJS.ProcessEnv): Promise<Socket | undefined> {
  const setting = env.HTTPS_PROXY || env.https_proxy;
  if (
    target.protocol !== 'https:' ||
    !setting ||
    isExempt(target.hostname, env.NO_PROXY || env.no_proxy || '')
  )
    return undefined;
  const proxy = new URL(setting.includes('://') ? setting : `http://${setting}`);
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const socket = await new Promise<Socket>((resolve, reject) => {
    const request = http.request({
      host: proxy.hostname,
      port: proxy.port || 80,
      method: 'CONNECT',
      path: `${target.hostname}:${target.port || 443}`,
      headers: proxy.username
        ? { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
        : {},
    });
    request.on('connect', (response, connected) => {
      if (response.statusCode === 200) resolve(connected);
      else reject(new Error(`the proxy answered ${response.statusCode}`));
    });
    request.on('error', reject);
    request.end();
  });
  return tls.connect({ socket, servername: target.hostname });
}

/** `a.org` and `.a.org` both cover a.org and everything under it, `*` covers all. */
function isExempt(host: string, list: string): boolean {
  return list
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .some((entry) => entry === '*' || (entry !== '' && (host === entry || host.endsWith(`.${entry}`))));
}
