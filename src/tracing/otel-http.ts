import { FastifyOtelInstrumentation } from '@fastify/otel';
import type { Span } from '@opentelemetry/api';
import { context, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { hideCredentials } from '../logging/hide-credentials.ts';

/** Routes that monitoring requests every few seconds; they are not traced, since they would hide the others. */
const NOT_TRACED = /^\/(?:health\/|metrics$)/;

/** Makes a span for each request, named by method and route, as the parent of everything that the request does. */
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
    // A body is read in the context of the connection, so the context of the request is restored after it.
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
  // Without the query, and without the path if no route matches it: they may contain secrets.
  span.setAttribute('url.path', route === null ? '' : hideCredentials(pathOf(request.url)));
  span.setAttribute('amiferry.request.id', request.id);
  // The plugin records each refusal as a failure with its message, which contains names that callers chose.
  span.setStatus = () => span;
}

/** Only a 5xx is recorded as a failure; a refusal is recorded with its code. */
function describeAnswer(span: Span, { errorCode }: FastifyRequest, status: number): void {
  if (errorCode !== null) span.setAttribute('error.type', errorCode);
  if (status < 500) return;
  Reflect.deleteProperty(span, 'setStatus');
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}
