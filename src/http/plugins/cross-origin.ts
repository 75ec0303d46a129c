import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { isLoopback } from '../../auth/loopback.ts';
import { AmiferryError } from '../../errors.ts';
import type { AppDeps } from '../deps.ts';

/**
 * Keeps out web pages that use the browser of somebody who can reach this service, where nobody is asked for
 * credentials. Where they are asked for, a page has none to send: there are no cookies.
 */
export const crossOrigin = fp<Pick<AppDeps, 'authenticate' | 'loopbackOnly'>>(
  async (app, { authenticate, loopbackOnly }) => {
    if (loopbackOnly === true) app.addHook('onRequest', async (request) => refuseOtherName(request));
    if (authenticate === null) app.addHook('onRequest', async (request) => refuseOtherPage(request));
  },
  { name: 'cross-origin', dependencies: ['problem-details'] },
);

/**
 * A web page may have its own host name resolve to this machine ("DNS rebinding") and so have a browser here ask us in its
 * name, past the browser's same-origin rule. It can't choose what Host the browser then sends.
 */
function refuseOtherName({ hostname }: FastifyRequest): void {
  if (isLoopback(hostname)) return;
  const message =
    'without credentials this service answers this machine alone: ask it as 127.0.0.1 or localhost';
  throw new AmiferryError('bad-request', message);
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A page may POST anywhere as long as there is no body of JSON: the browser asks nobody, and cancel and retry need no body.
 * But it says where the page is from, in Sec-Fetch-Site (W3C Fetch Metadata), or, to plain HTTP on another machine, in Origin
 * alone. What sends neither is no browser.
 */
function refuseOtherPage({ method, headers, host }: FastifyRequest): void {
  if (SAFE.has(method)) return;
  const site = headers['sec-fetch-site'];
  const ours = site === undefined ? isOriginOf(headers.origin, host) : OUR_SITES.has(site);
  if (ours) return;
  throw new AmiferryError('bad-request', 'a page of another origin may not change anything here');
}

/** `none`: typed in by whoever sits there. Another port of the same machine is `same-site`, and not ours. */
const OUR_SITES = new Set(['same-origin', 'none']);

function isOriginOf(origin: string | undefined, host: string): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host.toLowerCase());
}
