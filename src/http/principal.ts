import type { FastifyRequest } from 'fastify';
import type { Principal } from '../domain/access.ts';
import { isVisibleTo } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';

/** Who makes a request. Only routes that let nobody in without credentials may ask. */
export function principalOf({ principal }: Pick<FastifyRequest, 'principal'>): Principal {
  if (principal !== null) return principal;
  throw new AmiferryError('internal-error', 'a route that is open to everybody asked who it is');
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
