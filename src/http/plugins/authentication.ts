import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import fp from 'fastify-plugin';
import type { AccessScope, Principal } from '../../domain/access.ts';
import { ANONYMOUS } from '../../domain/access.ts';
import { auditEntry, byPrincipal } from '../../domain/audit.ts';
import { AmiferryError } from '../../errors.ts';
import type { AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { toAmiferryError } from '../problem.ts';
import { sessionOf } from '../queues/session-cookie.ts';
import { ACCESS_ERRORS, documentedCodes, problems } from '../documented.ts';

/** The access of a route: callers with any of these scopes, or everybody. */
type Access = readonly AccessScope[] | 'everybody';

export interface RouteAccess {
  method: string;
  url: string;
  access: () => Access | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with its access. */
    accessTable: readonly RouteAccess[];
  }
  interface FastifyContextConfig {
    /** Required: a route without it fails the start. */
    access?: Access;
    /** A browser with a session of the queues may read this route too. */
    session?: boolean;
  }
  interface FastifyRequest {
    /** The authenticated caller; `null` without one, and then only public routes are open. */
    principal: Principal | null;
    /** Why the caller could not be authenticated. */
    refusal: AmiferryError | null;
  }
}

export type AuthenticationOptions = Pick<AppDeps, 'authenticate' | 'audit' | 'policy'> & {
  queueSessions: Pick<AppDeps['queueSessions'], 'find'>;
};

/**
 * Authenticates the caller, and in a later hook refuses a caller without the route's scopes. So the rate limit, which runs in
 * between, knows the caller and counts refused requests too. Both hooks run before the body is read.
 */
export const authentication = fp<AuthenticationOptions>(
  async (app, options) => {
    app.decorateRequest('principal', null);
    app.decorateRequest('refusal', null);
    declareAccess(app);

    app.addHook('onRequest', async (request) => {
      if (accessOf(request) === 'everybody') return;
      try {
        request.principal = await whoAsks(options, request);
      } catch (error) {
        request.refusal = toAmiferryError(error);
      }
    });
    app.addHook('preParsing', async (request, reply) => {
      const access = accessOf(request);
      if (access === 'everybody') return;
      const { principal, refusal } = request;
      if (refusal !== null) throw turnedAway(request, reply, refusal);
      if (principal !== null && access.some((scope) => principal.scopes.has(scope))) return;
      throw await lacksScope(options, request, reply, access);
    });
  },
  { name: 'authentication', dependencies: ['problem-details'] },
);

/** A path without a route is 404 for everybody: the routes are no secret, /openapi.json lists them. */
function accessOf(request: FastifyRequest): Access {
  return request.is404 ? 'everybody' : (request.routeOptions.config.access ?? []);
}

/** Credentials take precedence over a session. */
async function whoAsks(
  { authenticate, queueSessions }: AuthenticationOptions,
  request: FastifyRequest,
): Promise<Principal> {
  if (authenticate === null) return ANONYMOUS;
  const { method, headers, routeOptions } = request;
  const bare = headers.authorization === undefined && headers['x-api-key'] === undefined;
  const secret = bare && routeOptions.config.session === true ? sessionOf(request) : null;
  const reads = method === 'GET' || method === 'HEAD';
  const known = secret === null || !reads ? null : await queueSessions.find(secret);
  return known ?? (await authenticate(headers));
}

/** Checks that every route declares its access, and documents its 401, 403 and 429. */
function declareAccess(app: FastifyInstance): void {
  const table: RouteAccess[] = [];
  app.decorate('accessTable', table);
  app.addHook('onRoute', (route) => {
    const { url } = route;
    const access = route.config?.access;
    if (access !== undefined && access !== 'everybody') route.schema = withAccess(route.schema ?? {}, access);
    // A getter: a plugin may set the access of routes that another plugin, registered by it, adds.
    const declared = () => route.config?.access;
    table.push(...[route.method].flat().map((method) => ({ method, url, access: declared })));
  });
  app.addHook('onReady', async () => {
    const missing = table.filter(({ access }) => access() === undefined);
    if (missing.length === 0) return;
    const names = missing.map(({ method, url }) => `${method} ${url}`).join(', ');
    throw new Error(`"config: { access: … }" is missing, so that the access is undefined: ${names}`);
  });
}

function withAccess(schema: FastifySchema, access: readonly AccessScope[]): FastifySchema {
  const known = responsesOf(schema);
  const codes = [...Object.values(known).flatMap(documentedCodes), ...ACCESS_ERRORS];
  return {
    ...schema,
    description: `${schema.description ?? ''}\n\nNeeds the scope ${access.join(' or ')}.`,
    security: [{ apiKey: [...access] }, { token: [...access] }],
    response: { ...known, ...problems(...codes) },
  };
}

function responsesOf({ response }: FastifySchema): Record<string, unknown> {
  return typeof response === 'object' && response !== null ? { ...response } : {};
}

const CHALLENGE = 'ApiKey realm="amiferry", Bearer realm="amiferry"';

/** Logs why the credentials were refused, without any part of them. */
function turnedAway(request: FastifyRequest, reply: FastifyReply, refusal: AmiferryError): AmiferryError {
  if (refusal.code !== 'unauthenticated') return refusal;
  const { cause } = refusal;
  const why = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // Independent of LOG_LEVEL, as the rest of the audit.
  const level = request.log.level === 'silent' ? 'silent' : 'info';
  const audit = request.log.child({ audit: true }, { level });
  audit.info({ action: 'authenticate', outcome: 'denied', why }, refusal.message);
  const invalid = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
  void reply.header('WWW-Authenticate', `${CHALLENGE}${invalid}`);
  return refusal;
}

async function lacksScope(
  { audit, policy }: AuthenticationOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  access: readonly AccessScope[],
): Promise<AmiferryError> {
  const message = `this needs credentials with the scope ${access.join(' or ')}`;
  const what = { method: request.method, route: request.routeOptions.url ?? '' };
  const who = byPrincipal(principalOf(request), policy.current());
  await audit.record(
    auditEntry({ action: 'use-route', outcome: 'denied', ...who, what, reasons: [message] }),
  );
  void reply.header(
    'WWW-Authenticate',
    `${CHALLENGE}, error="insufficient_scope", scope="${access.join(' ')}"`,
  );
  return new AmiferryError('missing-scope', message);
}
