import fp from 'fastify-plugin';
import { AmiferryError } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may be left out, and is an empty object then. */
    optionalBody?: true;
  }
}

/**
 * Reads JSON bodies, and no others. An empty body is none at all, whatever Content-Type says of it, so that clients that
 * always send one can POST where no body is needed. The keys __proto__ and constructor.prototype are refused, and so is a body
 * that a route does not take: `DELETE …/permissions` with `{"accounts": […]}` would otherwise make the image wholly private.
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

/** No body, and an empty object, ask for nothing. */
export function saysAnything(body: unknown): boolean {
  if (body === undefined) return false;
  return typeof body !== 'object' || body === null || Object.keys(body).length > 0;
}

function notTaken(method: string, url = ''): AmiferryError {
  const message = `${method} ${url} takes no body: nothing in it would be heeded, so nothing was done`;
  return new AmiferryError('validation-failed', message, { errors: [{ pointer: '', message }] });
}

/** Why a body could not be read, in the words of JSON.parse. */
function explain(body: string): AmiferryError {
  try {
    JSON.parse(body);
  } catch (error) {
    return new AmiferryError('invalid-json', error instanceof Error ? error.message : String(error));
  }
  return new AmiferryError('invalid-json', 'the keys "__proto__" and "constructor" are not taken');
}
