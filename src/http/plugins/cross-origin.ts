import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { isLoopback } from '../../auth/loopback.ts';
import { AmiferryError } from '../../errors.ts';
import type { AppDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Any Host is accepted here: supervisors name an address. */
    anyHost?: true;
  }
}

/**
 * Keeps out web pages that use the browser of somebody who can reach this service, where nobody is asked for
 * credentials. Where they are asked for, a page has none to send: there are no cookies.
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
 * A web page may have its own host name resolve to this machine ("DNS rebinding") and so have a browser here ask us in its
 * name, past the browser's same-origin rule. It can't choose what Host the browser then sends.
 */
function refuseOtherName({ headers, routeOptions }: FastifyRequest, allowed: readonly string[]): void {
  // Not Fastify's `hostname`: behind a trusted proxy that is X-Forwarded-Host, which a page can write itself.
  const [hostname = ''] = /^(\[[^\]]*\]|[^:]*)/.exec(headers.host ?? '') ?? [];
  if (isLoopback(hostname) || allowed.includes(hostname.toLowerCase())) return;
  if (routeOptions.config.anyHost === true) return;
  const message = `this service is not called by that name: ask it as ${['127.0.0.1', ...allowed].join(', ')} (ALLOWED_HOSTS)`;
  throw new AmiferryError('bad-request', message);
}

/** What proxies say of whom they ask for. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/** A proxy on this machine makes everybody who reaches it look like this machine. It is no proof of there being none. */
function refuseForwarded({ headers }: FastifyRequest): void {
  const said = FORWARDED.find((name) => headers[name] !== undefined);
  if (said === undefined) return;
  const message = `without credentials this service answers this machine alone, and ${said} tells of a proxy: set API_KEYS_FILE or JWT_JWKS_URL, or say AUTH=none`;
  throw new AmiferryError('bad-request', message);
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A page may POST anywhere as long as there is no body of JSON: the browser asks nobody, and cancel and retry need no body.
 * But it says where the page is from, in Sec-Fetch-Site (W3C Fetch Metadata), or, to plain HTTP on another machine, in Origin
 * alone. What sends neither is no browser.
 */
function refuseOtherPage({ method, headers }: FastifyRequest): void {
  if (SAFE.has(method)) return;
  const site = headers['sec-fetch-site'];
  const ours = site === undefined ? isOriginOf(headers.origin, headers.host ?? '') : OUR_SITES.has(site);
  if (ours) return;
  throw new AmiferryError('bad-request', 'a page of another origin may not change anything here');
}

/** `none`: typed into the address bar. Another port of the same machine is `same-site`, and not ours. */
const OUR_SITES = new Set(['same-origin', 'none']);

function isOriginOf(origin: string | undefined, host: string): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host.toLowerCase());
}
