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

/** Who is let in: those with any of these scopes, or everybody. */
type Access = readonly AccessScope[] | 'everybody';

export interface RouteAccess {
  method: string;
  url: string;
  access: () => Access | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, with who is let in. */
    accessTable: readonly RouteAccess[];
  }
  interface FastifyContextConfig {
    /** A route that doesn't say it stops the start. */
    access?: Access;
    /** A browser's session of the queues lets in here too, to read. */
    session?: boolean;
  }
  interface FastifyRequest {
    /** The authenticated caller; `null` where there is none, and only public routes are open. */
    principal: Principal | null;
    /** Why the caller could not be authenticated. */
    refusal: AmiferryError | null;
  }
}

export type AuthenticationOptions = Pick<AppDeps, 'authenticate' | 'audit' | 'policy'> & {
  queueSessions: Pick<AppDeps['queueSessions'], 'find'>;
};

/**
 * Authenticates the caller, and refuses in a later hook a caller that may not do this: what comes in between (rate limits) knows the
 * caller, and counts refused requests too. Both happen before the body is read.
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

/** What no route takes is answered 404 to everybody: the routes are no secret, /openapi.json lists them. */
function accessOf(request: FastifyRequest): Access {
  return request.is404 ? 'everybody' : (request.routeOptions.config.access ?? []);
}

/** Credentials go before a session: a request with both means the former. */
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

/** Every route says who is let in, and with that documents its 401, 403 and 429. */
function declareAccess(app: FastifyInstance): void {
  const table: RouteAccess[] = [];
  app.decorate('accessTable', table);
  app.addHook('onRoute', (route) => {
    const { url } = route;
    const access = route.config?.access;
    if (access !== undefined && access !== 'everybody') route.schema = withAccess(route.schema ?? {}, access);
    // Read only when asked for: the plugin that registers another one declares what that registers.
    const declared = () => route.config?.access;
    table.push(...[route.method].flat().map((method) => ({ method, url, access: declared })));
  });
  app.addHook('onReady', async () => {
    const missing = table.filter(({ access }) => access() === undefined);
    if (missing.length === 0) return;
    const names = missing.map(({ method, url }) => `${method} ${url}`).join(', ');
    throw new Error(`"config: { access: … }" is missing, so that nobody could tell who is let in: ${names}`);
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

/** The log says what exactly was wrong with the credentials; it holds no part of what was sent. */
function turnedAway(request: FastifyRequest, reply: FastifyReply, refusal: AmiferryError): AmiferryError {
  if (refusal.code !== 'unauthenticated') return refusal;
  const { cause } = refusal;
  const why = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // Whatever LOG_LEVEL is, as with the rest of the audit.
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
