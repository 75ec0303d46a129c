import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ErrorCode } from '../../errors.ts';
import { AmiferryError } from '../../errors.ts';
import { pathOf, sendProblem, toAmiferryError } from '../problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that answered the request, for its log line. */
    errorCode: ErrorCode | null;
  }
}

/** Turns every thrown error, and every request without a route, into problem details. */
export const problemDetails = fp(
  async (app) => {
    app.decorateRequest('errorCode', null);
    app.setErrorHandler((thrown, request, reply) => {
      const error = toAmiferryError(thrown);
      logServerError(error, request);
      return sendProblem(request, reply, error);
    });

    const routes: KnownRoute[] = [];
    app.addHook('onRoute', ({ url, method }) => {
      routes.push({ path: patternOf(url), methods: [method].flat() });
    });
    app.setNotFoundHandler((request, reply) => {
      const known = routes.filter(({ path }) => path.test(pathOf(request)));
      const allow = [...new Set(known.flatMap(({ methods }) => methods))].join(', ');
      if (allow !== '') void reply.header('Allow', allow);
      return sendProblem(request, reply, noRoute(request, allow));
    });
  },
  { name: 'problem-details' },
);

interface KnownRoute {
  path: RegExp;
  methods: string[];
}

/** Matches the paths of a route, for any method. */
function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replaceAll(/:[A-Za-z]+/g, '[^/]+').replaceAll('*', '.*')}$`);
}

function noRoute(request: FastifyRequest, allow: string): AmiferryError {
  const asked = `${request.method} ${pathOf(request)}`;
  if (allow === '') return new AmiferryError('not-found', `there is no ${asked}; /docs lists the routes`);
  return new AmiferryError('method-not-allowed', `there is no ${asked}: use ${allow}`);
}

/** Logs what the answer hides: the cause of an unexpected error. */
function logServerError(error: AmiferryError, request: FastifyRequest): void {
  if (error.status < 500) return;
  const { code, cause = error } = error;
  // During an outage each request logs one line, without the stack, which is the same in all of them.
  const inside = code === 'redis-unavailable' ? { error: String(cause) } : { err: cause };
  request.log[code === 'internal-error' ? 'error' : 'warn']({ ...inside, code }, error.message);
}
