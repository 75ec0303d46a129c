import fp from 'fastify-plugin';
import { AmiferryError } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is optional, and an empty object if it is missing. */
    optionalBody?: true;
  }
}

/**
 * Parses JSON bodies, and refuses others. An empty body counts as none, whatever its Content-Type, for clients that always send
 * that header. The keys __proto__ and constructor.prototype are refused. A body for a route that takes none is refused too:
 * otherwise `DELETE …/permissions` with `{"accounts": […]}` would make the image entirely private.
 */
export const jsonBody = fp(
  async (app) => {
    const parse = app.getDefaultJsonParser('error', 'error');
    app.removeAllContentTypeParsers();
    app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
      if (body.trim() === '') return done(null, undefined);
      return parse(request, body, (error, value) => done(error === null ? null : explain(body), value));
    });
    app.addHook('preValidation', async (request) => {
      if (request.routeOptions.config.optionalBody && request.body === undefined) request.body = {};
    });
    app.addHook('preHandler', async ({ body, method, routeOptions }) => {
      if (routeOptions.schema?.body === undefined && saysAnything(body))
        throw notTaken(method, routeOptions.url);
    });
  },
  { name: 'json-body' },
);

/** Whether a body is missing or an empty object. */
export function saysAnything(body: unknown): boolean {
  if (body === undefined) return false;
  return typeof body !== 'object' || body === null || Object.keys(body).length > 0;
}

function notTaken(method: string, url = ''): AmiferryError {
  const message = `${method} ${url} takes no body, and its content would be ignored, so nothing was changed: send the request without it`;
  return new AmiferryError('validation-failed', message, { errors: [{ pointer: '', message }] });
}

/** Why a body could not be parsed: the message of JSON.parse. */
function explain(body: string): AmiferryError {
  try {
    JSON.parse(body);
  } catch (error) {
    return new AmiferryError('invalid-json', error instanceof Error ? error.message : String(error));
  }
  return new AmiferryError(
    'invalid-json',
    'the keys "__proto__" and "constructor" are not allowed: leave them out',
  );
}
