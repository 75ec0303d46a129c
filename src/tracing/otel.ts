import type { Context, Span, SpanContext } from '@opentelemetry/api';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { parseTraceParent, setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import type { Sampler } from '@opentelemetry/sdk-trace';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../logging/logging.ts';
import { warnSparingly } from '../logging/logging.ts';
import { requestSpans } from './otel-http.ts';
import { queueSpans } from './otel-queues.ts';
import type { TracingSettings } from './settings.ts';
import { STOP_MS } from './tracing.ts';
import type { OpenSpan, SpanOptions, Tracing } from './tracing.ts';
import packageJson from '../../package.json' with { type: 'json' };

/**
 * Sets up OpenTelemetry for this process, which then exports spans in batches in the background. The exporter reads headers,
 * compression and time limits from its own environment variables (OTEL_EXPORTER_OTLP_…).
 */
export function startOpenTelemetry(settings: TracingSettings, name: string, logger: Logger): Tracing {
  setGlobalErrorHandler(warnOnFailure(logger));
  const provider = new TracerProvider({
    resource: resourceOf(settings.serviceName || name),
    sampler: samplerOf(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: settings.url }) })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const tracer = trace.getTracer('amiferry', packageJson.version);
  return {
    http: requestSpans(),
    queues: queueSpans(),
    traceparent: () => traceparentOf(trace.getActiveSpan()?.spanContext()),
    span: (options, work) => {
      const { parent, links } = placeOf(options);
      const { attributes } = options;
      const kind = options.kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const started = tracer.startSpan(options.name, { kind, attributes, links }, parent);
      return context.with(trace.setSpan(parent, started), () => within(started, work));
    },
    stop: () => stop(provider, logger),
  };
}

async function within<T>(span: Span, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  const fail = (type: string) => {
    span.setAttribute('error.type', type);
    span.setStatus({ code: SpanStatusCode.ERROR });
  };
  try {
    return await work({ set: (attributes) => void span.setAttributes(attributes), fail });
  } catch (error) {
    fail(error instanceof Error ? error.name : 'unknown');
    throw error;
  } finally {
    span.end();
  }
}

/**
 * The parent of a span: the current span if it is part of the wanted trace; else that trace itself, with a link to the current
 * span, which caused the work (the poll of a region, the sweep, another job).
 */
function placeOf({ traceparent }: SpanOptions): { parent: Context; links: { context: SpanContext }[] } {
  const active = context.active();
  const origin = traceparent ? parseTraceParent(traceparent) : null;
  const here = trace.getSpanContext(active);
  if (origin === null || origin.traceId === here?.traceId) return { parent: active, links: [] };
  const parent = trace.setSpanContext(ROOT_CONTEXT, { ...origin, isRemote: true });
  return { parent, links: here === undefined ? [] : [{ context: here }] };
}

/** W3C Trace Context, section 3.2. */
function traceparentOf(span: SpanContext | undefined): string | null {
  if (span === undefined) return null;
  const sampled = (span.traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01';
  return `00-${span.traceId}-${span.spanId}-${sampled}`;
}

function resourceOf(serviceName: string) {
  const own = { 'service.name': serviceName, 'service.version': packageJson.version };
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector];
  return detectResources({ detectors }).merge(resourceFromAttributes(own));
}

/** The samplers, by their names in OTEL_TRACES_SAMPLER. */
function samplerOf({ sampler, samplerRatio }: TracingSettings): Sampler {
  const root = sampler.endsWith('always_off')
    ? new AlwaysOffSampler()
    : sampler.endsWith('traceidratio')
      ? new TraceIdRatioBasedSampler(samplerRatio)
      : new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

/** Logs a failed export without the collector's message, which may quote the spans sent to it. */
function warnOnFailure(logger: Logger) {
  const warn = warnSparingly(
    logger,
    'spans could not be sent: check that the collector at OTEL_EXPORTER_OTLP_ENDPOINT is running',
  );
  return (error: unknown) => warn(new Error(error instanceof Error ? describe(error) : 'unknown'));
}

/** An error for a name whose addresses all refused the connection has a code and no message. */
function describe({ message, ...rest }: Error): string {
  return message || ('code' in rest ? String(rest.code) : 'unknown');
}

async function stop(provider: TracerProvider, logger: Logger): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    logger.warn(`the last spans could not be sent within ${STOP_MS} ms`);
    late.resolve();
  }, STOP_MS);
  await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
  clearTimeout(timer);
}
