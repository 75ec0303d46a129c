import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { JobInLog } from '../../logging/log-context.ts';
import { withLogContext } from '../../logging/log-context.ts';
import { NO_SECRETS } from '../../logging/logging.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The job that the request is about, for its log line. */
    job: JobInLog | null;
  }
}

/** The form of an X-Request-Id that is accepted from a caller: short, without line breaks. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/** The id of a request: the caller's X-Request-Id if it is valid, else a new UUID. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Logs one line at the end of each request, and sends the request's id in the answer. Bodies and headers are never logged. */
export const requestLog = fp(
  async (app) => {
    app.decorateRequest('job', null);
    app.addHook('onRequest', async (request, reply) => {
      void reply.header('X-Request-Id', request.id);
    });
    // Log lines of a command have the request's id. Set after the body, which is read in the context of the connection.
    app.addHook('preHandler', (request, _reply, done) => withLogContext({ requestId: request.id }, done));
    const logger = app.log.child({}, NO_SECRETS);
    app.addHook('onResponse', async (request, reply) => {
      log(logger, request, { status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
    });
    // onResponse does not run if the client disconnects before its answer.
    app.addHook('onRequestAbort', async (request) => log(logger, request, { aborted: true }));
  },
  { name: 'request-log', dependencies: ['problem-details'] },
);

function log(
  logger: FastifyBaseLogger,
  { id: requestId, method, url, job, errorCode, principal }: FastifyRequest,
  end: { status: number; ms: number } | { aborted: true },
): void {
  const who = principal === null ? {} : { principal: principal.id };
  // `requestId` in the line is this request's own. The job may have been made by another request: that is jobRequestId.
  const { requestId: madeBy, ...about } = job ?? { requestId };
  const made = madeBy === requestId ? {} : { jobRequestId: madeBy };
  const code = errorCode === null ? {} : { code: errorCode };
  logger.info({ requestId, method, url, ...end, ...who, ...about, ...made, ...code }, 'request');
}
