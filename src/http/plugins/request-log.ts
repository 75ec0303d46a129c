import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { JobInLog } from '../../logging/log-context.ts';
import { withLogContext } from '../../logging/log-context.ts';
import { NO_SECRETS } from '../../logging/logging.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The job that the request was about, for its log line. */
    job: JobInLog | null;
  }
}

/** A caller's own request id is taken if it is of this form: no line breaks, nothing long. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/** The id of a request: the caller's own, where it is good, else a new UUID. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** One line a request, at its end, and its id in the answer. Neither bodies nor headers are ever logged. */
export const requestLog = fp(
  async (app) => {
    app.decorateRequest('job', null);
    app.addHook('onRequest', async (request, reply) => {
      void reply.header('X-Request-Id', request.id);
    });
    // Lines that a command writes say which request it was. After the body: that is read in the connection's own context.
    app.addHook('preHandler', (request, _reply, done) => withLogContext({ requestId: request.id }, done));
    const logger = app.log.child({}, NO_SECRETS);
    app.addHook('onResponse', async (request, reply) => {
      log(logger, request, { status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
    });
    // A client that goes away before its answer gets none, and no onResponse.
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
  // Its own id the line has already: that of the request that made the job may be another.
  const { requestId: madeBy, ...about } = job ?? { requestId };
  const made = madeBy === requestId ? {} : { jobRequestId: madeBy };
  const code = errorCode === null ? {} : { code: errorCode };
  logger.info({ requestId, method, url, ...end, ...who, ...about, ...made, ...code }, 'request');
}
