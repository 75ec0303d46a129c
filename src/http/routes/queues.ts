import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { openQueueSession } from '../../commands/open-queue-session.ts';
import type { App, AppDeps } from '../deps.ts';
import { QUEUES_HEADERS } from '../plugins/security-headers.ts';
import { principalOf } from '../principal.ts';
import { BOARD_PATH, QueueBoard } from '../queues/board.ts';
import { noSessionCookie, sessionCookie, sessionOf } from '../queues/session-cookie.ts';
import { BODY_ERRORS, JOB_ERRORS, problems } from '../documented.ts';

const ADMIN = { access: ['amis:admin'] } as const;
/** A session is a secret, so the answer is not stored for its Idempotency-Key. */
const FRESH = { ...ADMIN, idempotencyKey: false } as const;

const begin = {
  operationId: 'openQueueSession',
  tags: ['service'],
  summary: 'Let this browser read the queues',
  description:
    'Sets a cookie with which the browser may read `/queues` (Bull Board, read-only) for 15 minutes, and nothing else. It is needed because a browser sends no key or token when it navigates to a page.',
  response: {
    204: Type.Null({ description: 'The cookie is in Set-Cookie. Go to /queues.' }),
    ...problems(...BODY_ERRORS, ...JOB_ERRORS),
  },
} as const;

const end = {
  operationId: 'closeQueueSession',
  tags: ['service'],
  summary: 'End the session of the queues',
  description: 'Ends the session whose cookie the request has, if any.',
  response: {
    204: Type.Null({ description: 'The session has ended.' }),
    ...problems(...BODY_ERRORS, ...JOB_ERRORS),
  },
} as const;

/** A read-only Bull Board at /queues, and the sessions with which administrators' browsers may read it. */
export function queueRoutes(app: App, deps: AppDeps): void {
  const board = new QueueBoard({ logger: deps.logger, queues: () => deps.producer.queues() });
  app.addHook('onClose', () => board.close());
  const look = async ({ method, url }: FastifyRequest, reply: FastifyReply) => {
    const { status, type, body } = await board.answer(method === 'HEAD' ? 'HEAD' : 'GET', url);
    return reply.code(status).type(type).send(body);
  };
  const config = { ...QUEUES_HEADERS, ...ADMIN, session: true };
  for (const url of [BOARD_PATH, `${BOARD_PATH}/*`]) app.get(url, { schema: { hide: true }, config }, look);

  const session = `${BOARD_PATH}/session`;
  app.post(session, { schema: begin, config: FRESH }, async (request, reply) => {
    const secret = await openQueueSession(deps, principalOf(request));
    return reply.header('Set-Cookie', sessionCookie(request, secret)).code(204).send(null);
  });
  app.delete(session, { schema: end, config: FRESH }, async (request, reply) => {
    const secret = sessionOf(request);
    if (secret !== null) await deps.queueSessions.close(secret);
    return reply.header('Set-Cookie', noSessionCookie(request)).code(204).send(null);
  });
}
