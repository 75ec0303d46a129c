import type { FastifyRequest } from 'fastify';
import type { Origin } from '../commands/origin.ts';
import type { AppDeps } from './deps.ts';

/** The data of a request that its job keeps. Call it only in the request's own handler: the trace is read from the current context. */
export function originOf({ tracing }: Pick<AppDeps, 'tracing'>, { claim, id }: FastifyRequest): Origin {
  return { claim, requestId: id, traceparent: tracing.traceparent() };
}
