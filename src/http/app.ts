import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger } from 'fastify';
import { fastify, LogController } from 'fastify';
import { answerClientError } from './client-error.ts';
import type { App, AppDeps } from './deps.ts';
import { authentication } from './plugins/authentication.ts';
import { components } from './plugins/components.ts';
import { consolePages } from './plugins/console.ts';
import { crossOrigin } from './plugins/cross-origin.ts';
import { eventStreams } from './plugins/event-streams.ts';
import { httpMetrics } from './plugins/http-metrics.ts';
import { idempotency } from './plugins/idempotency.ts';
import { jsonBody } from './plugins/json-body.ts';
import { loadShedding } from './plugins/load-shedding.ts';
import { openApi } from './plugins/openapi.ts';
import { preferWait } from './plugins/prefer-wait.ts';
import { problemDetails } from './plugins/problem-details.ts';
import { rateLimit } from './plugins/rate-limit.ts';
import { requestId, requestLog } from './plugins/request-log.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { silentConnections } from './plugins/silent-connections.ts';
import { sendProblem, toAmiferryError } from './problem.ts';
import { registerRoutes } from './routes/index.ts';
import { schemaCompilers } from './schema-compilers.ts';

export type { AppDeps } from './deps.ts';

/** How long a plugin may take to start. A busy machine may give the process no CPU time for longer than Fastify's 10 s. */
const PLUGIN_TIMEOUT_MS = 120_000;

/** The time limits for receiving a whole request and its headers. Node's and Fastify's defaults are minutes or none. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** How often Node checks for requests over these limits. */
const TIMEOUT_CHECK_MS = 5_000;
/** Longer than the 60 s for which load balancers keep idle connections, so that the balancer closes them and not this server. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

/** Builds the HTTP server with all plugins and routes. The caller calls `listen`, or `inject` in tests. */
export async function buildApp(deps: AppDeps): Promise<App> {
  const loggerInstance: FastifyBaseLogger = deps.logger;
  const app = fastify({
    loggerInstance,
    genReqId: requestId,
    // Set here and not by a plugin: by then Fastify would have loaded its own compilers.
    schemaController: { compilersFactory: schemaCompilers(deps.compileAtOnce ?? false) },
    // plugins/request-log.ts writes one line per request.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: 64 * 1024,
    pluginTimeout: PLUGIN_TIMEOUT_MS,
    trustProxy: deps.trustedProxies?.length ? [...deps.trustedProxies] : false,
    routerOptions: { ignoreTrailingSlash: true },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    // Requests that are under way while the server closes are answered, not refused.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, toAmiferryError(error)),
  }).withTypeProvider<TypeBoxTypeProvider>();

  // Registered before all others, so that tracing sees their routes and hooks.
  if (deps.tracing.http !== null) await app.register(deps.tracing.http);
  await app.register(silentConnections);
  await app.register(problemDetails);
  await app.register(requestLog);
  await app.register(httpMetrics, deps);
  await app.register(loadShedding, {
    maxEventLoopDelayMs: deps.maxEventLoopDelayMs ?? 500,
    sampleMs: deps.eventLoopSampleMs,
  });
  await app.register(securityHeaders);
  await app.register(crossOrigin, deps);
  await app.register(authentication, deps);
  await app.register(rateLimit, deps);
  await app.register(components);
  await app.register(jsonBody);
  await app.register(openApi, { swaggerUi: deps.swaggerUi ?? true });
  await app.register(consolePages, deps);
  await app.register(eventStreams, { ...deps, limits: deps.streams });
  await app.register(preferWait, deps);
  await app.register(idempotency, { store: deps.store, idempotency: deps.idempotency });
  registerRoutes(app, deps);
  await app.ready();
  return app;
}
