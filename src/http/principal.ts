import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../domain/access.ts';
import { ANONYMOUS, isVisibleTo } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';

/** The principal of a request. Only routes that need credentials may call it. */
export function principalOf({ principal }: Pick<FastifyRequest, 'principal'>): Principal {
  if (principal !== null) return principal;
  throw new AmiferryError('internal-error', 'a public route asked for the principal');
}

/**
 * The key under which the requests and streams of a caller are counted: the principal, or the address if the caller is not
 * authenticated. All addresses of an IPv6 /64 network count as one, since one host can use all of them.
 */
export function countedAs({ principal, ip }: Pick<FastifyRequest, 'principal' | 'ip'>): string {
  if (principal === null || principal.id === ANONYMOUS.id) return `ip:${normalizeIP(ip)}`;
  return principal.id;
}

/** Whether the caller may see a job and its events. */
export function maySee(request: Pick<FastifyRequest, 'principal'>, job: { requestedBy: string }): boolean {
  return isVisibleTo(principalOf(request), job);
}

/** The filter that leaves only the jobs that the caller may see in a list. */
export function visibleJobs(request: Pick<FastifyRequest, 'principal'>): { requestedBy?: string } {
  const principal = principalOf(request);
  return principal.scopes.has('amis:admin') ? {} : { requestedBy: principal.id };
}
