import { FastifyOtelInstrumentation } from '@fastify/otel';
import type { Span } from '@opentelemetry/api';
import { context, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { hideCredentials } from '../logging/hide-credentials.ts';

/** Asked for every few seconds by those who watch; a trace of each would hide the others. */
const NOT_TRACED = /^\/(?:health\/|metrics$)/;

/** Makes a span of each request, named by method and route, and has everything that the request does belong to it. */
export function requestSpans(): FastifyPluginAsync {
  const instrumentation = new FastifyOtelInstrumentation({
    ignorePaths: ({ url }) => NOT_TRACED.test(pathOf(url)),
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    requestHook: describeRequest,
  });
  return fp(async (app) => {
    await app.register(instrumentation.plugin());
    // A body is read in the connection's own context, so what comes after it has to be led back to the request's.
    app.addHook('preHandler', (request, _reply, done) => {
      const { context: own } = request.opentelemetry();
      if (own === null) done();
      else context.with(own, done);
    });
    // Before the plugin's own hook, which ends the span.
    app.addHook('onSend', async (request, reply) => {
      const { span } = request.opentelemetry();
      if (span !== null) describeAnswer(span, request, reply.statusCode);
    });
  });
}

function describeRequest(span: Span, request: FastifyRequest): void {
  const route = request.is404 ? null : (request.routeOptions.url ?? null);
  span.updateName(route === null ? request.method : `${request.method} ${route}`);
  // Not the query, and nothing of a path that no route takes: who knows what is in it.
  span.setAttribute('url.path', route === null ? '' : hideCredentials(pathOf(request.url)));
  span.setAttribute('amiferry.request.id', request.id);
  // The plugin takes each refusal for a failure, and tells its message, which names what callers call their own.
  span.setStatus = () => span;
}

/** Only a 5xx is a failure of the service; a refusal has its code. */
function describeAnswer(span: Span, { errorCode }: FastifyRequest, status: number): void {
  if (errorCode !== null) span.setAttribute('error.type', errorCode);
  if (status < 500) return;
  Reflect.deleteProperty(span, 'setStatus');
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}
