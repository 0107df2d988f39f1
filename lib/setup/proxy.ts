/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which Node 20 does not read by itself. */
import http, { type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';

/** The proxy that the environment names for a target; undefined when there is none. */
export function proxyFor(target: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const setting =
    target.protocol === 'https:' ? env.HTTPS_PROXY || env.https_proxy : env.HTTP_PROXY || env.http_proxy;
  if (!setting || isExempt(target.hostname, env.NO_PROXY || env.no_proxy || '')) return undefined;
  return new URL(setting.includes('://') ? setting : `http://${setting}`);
}

/** How a proxy is asked for a target without encryption: for its whole address. */
export function viaProxy(target: URL, proxy: URL, headers: OutgoingHttpHeaders): http.RequestOptions {
  return {
    host: proxy.hostname,
    port: proxy.port || 80,
    path: target.href,
    headers: { ...headers, ...credentialsOf(proxy), Host: target.host },
  };
}

/** An encrypted connection to a target, through a proxy that sees nothing of it. */
export async function tunnel(target: URL, proxy: URL): Promise<TLSSocket> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const request = http.request({
      host: proxy.hostname,
      port: proxy.port || 80,
      method: 'CONNECT',
      path: `${target.hostname}:${target.port || 443}`,
      headers: credentialsOf(proxy),
    });
    request.on('connect', (response, connected) => {
      if (response.statusCode === 200) resolve(connected);
      else reject(new Error(`the proxy ${proxy.host} answered ${response.statusCode}`));
    });
    request.on('error', (error) => reject(new Error(`the proxy ${proxy.host}: ${error.message}`)));
    request.end();
  });
  return tls.connect({ socket, servername: target.hostname });
}

function credentialsOf({ username, password }: URL): OutgoingHttpHeaders {
  if (username === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** `a.org` and `.a.org` both cover a.org and everything under it, `*` covers all. */
function isExempt(host: string, list: string): boolean {
  return list
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .some((entry) => entry === '*' || (entry !== '' && (host === entry || host.endsWith(`.${entry}`))));
}
