import type { FastifyRequest } from 'fastify';
import type { Origin } from '../commands/origin.ts';
import type { AppDeps } from './deps.ts';

/** What the job that a request makes keeps of it. Only the request's own handler may ask: the trace is that of the current work. */
export function originOf({ tracing }: Pick<AppDeps, 'tracing'>, { claim, id }: FastifyRequest): Origin {
  return { claim, requestId: id, traceparent: tracing.traceparent() };
}
