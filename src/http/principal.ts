import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../domain/access.ts';
import { ANONYMOUS, isVisibleTo } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';

/** Who makes a request. Only routes that let nobody in without credentials may ask. */
export function principalOf({ principal }: Pick<FastifyRequest, 'principal'>): Principal {
  if (principal !== null) return principal;
  throw new AmiferryError('internal-error', 'a route that is open to everybody asked who it is');
}

/**
 * Whose share of what is bounded (requests, streams) a request uses up: the principal's, and where callers are not authenticated the
 * address's. A host with one IPv6 address has the 2^64 of its network: they count as one.
 */
export function countedAs({ principal, ip }: Pick<FastifyRequest, 'principal' | 'ip'>): string {
  if (principal === null || principal.id === ANONYMOUS.id) return `ip:${normalizeIP(ip)}`;
  return principal.id;
}

/** Whether the caller may see a job, or what happened to it. */
export function maySee(request: Pick<FastifyRequest, 'principal'>, job: { requestedBy: string }): boolean {
  return isVisibleTo(principalOf(request), job);
}

/** The filter of a list of jobs that leaves out what the caller may not see. */
export function visibleJobs(request: Pick<FastifyRequest, 'principal'>): { requestedBy?: string } {
  const principal = principalOf(request);
  return principal.scopes.has('amis:admin') ? {} : { requestedBy: principal.id };
}
