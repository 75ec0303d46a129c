import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { isLoopback } from '../../auth/loopback.ts';
import { AmiferryError } from '../../errors.ts';
import type { AppDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Any Host is accepted: supervisors send an address. */
    anyHost?: true;
  }
}

/**
 * Refuses requests that a web page makes through the browser of a user who can reach this service, when no credentials are
 * required. When they are required, a page has none to send: there are no cookies.
 */
export const crossOrigin = fp<Pick<AppDeps, 'authenticate' | 'loopbackOnly' | 'allowedHosts'>>(
  async (app, { authenticate, loopbackOnly = false, allowedHosts = [] }) => {
    if (loopbackOnly || allowedHosts.length > 0)
      app.addHook('onRequest', async (request) => refuseOtherName(request, allowedHosts));
    if (loopbackOnly) app.addHook('onRequest', async (request) => refuseForwarded(request));
    if (authenticate === null) app.addHook('onRequest', async (request) => refuseOtherPage(request));
  },
  { name: 'cross-origin', dependencies: ['problem-details'] },
);

/**
 * Refuses "DNS rebinding": a web page makes its own host name resolve to this machine, so that the browser's same-origin rule
 * allows its requests. The page can't change the Host header, which still has its name.
 */
function refuseOtherName({ headers, routeOptions }: FastifyRequest, allowed: readonly string[]): void {
  // Not Fastify's `hostname`: behind a trusted proxy that is X-Forwarded-Host, which a page can set.
  const [hostname = ''] = /^(\[[^\]]*\]|[^:]*)/.exec(headers.host ?? '') ?? [];
  if (isLoopback(hostname) || allowed.includes(hostname.toLowerCase())) return;
  if (routeOptions.config.anyHost === true) return;
  const message = `the request's Host is not a name of this service: use ${['127.0.0.1', ...allowed].join(', ')} (ALLOWED_HOSTS)`;
  throw new AmiferryError('bad-request', message);
}

/** Headers in which proxies name the client. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Refuses requests that came through a proxy on this machine: the service would take all its clients for this machine. A
 * request without these headers may still come from a proxy.
 */
function refuseForwarded({ headers }: FastifyRequest): void {
  const said = FORWARDED.find((name) => headers[name] !== undefined);
  if (said === undefined) return;
  const message = `without credentials this service answers only requests from this machine, and ${said} shows that a proxy forwarded this one: set API_KEYS_FILE or JWT_JWKS_URL, or AUTH=none`;
  throw new AmiferryError('bad-request', message);
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses changes by pages of another origin. A page may POST anywhere without a preflight if the body is not JSON, and cancel
 * and retry need no body. The browser sends the page's origin in Sec-Fetch-Site (W3C Fetch Metadata), or only in Origin for plain
 * HTTP to another machine. A client that sends neither is not a browser.
 */
function refuseOtherPage({ method, headers }: FastifyRequest): void {
  if (SAFE.has(method)) return;
  const site = headers['sec-fetch-site'];
  const ours = site === undefined ? isOriginOf(headers.origin, headers.host ?? '') : OUR_SITES.has(site);
  if (ours) return;
  throw new AmiferryError(
    'bad-request',
    'requests from web pages of another origin may not change anything: send them from the console or from a client',
  );
}

/** `none` is an address typed into the address bar. Another port of the same machine is `same-site`: another origin. */
const OUR_SITES = new Set(['same-origin', 'none']);

function isOriginOf(origin: string | undefined, host: string): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host.toLowerCase());
}
