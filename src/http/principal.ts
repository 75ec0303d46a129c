import type { FastifyRequest } from 'fastify';

/** Who makes a request, as jobs record it. Until callers are told apart it is the same for all. */
export function principalOf(_request: FastifyRequest): string {
  return 'anonymous';
}
