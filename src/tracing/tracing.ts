import type { Telemetry } from 'bullmq';
import type { FastifyPluginAsync } from 'fastify';
import type { Logger } from '../logging/logging.ts';
import type { TracingSettings } from './settings.ts';

/** The data of a span. It contains no names, keys, tokens or permissions of callers. */
export type SpanAttributes = Record<string, string | number>;

export interface SpanOptions {
  /** One of a few names: the operation, without its object. */
  name: string;
  /** `client` for calls of another service. */
  kind: 'internal' | 'client';
  attributes: SpanAttributes;
  /** The trace of the span (W3C traceparent), whatever woke the work. Default: that of the current span. */
  traceparent?: string | null;
}

/** A span that has not ended. */
export interface OpenSpan {
  set(attributes: SpanAttributes): void;
  /** @param type OpenTelemetry's `error.type`: a code, no message */
  fail(type: string): void;
}

/** The port to OpenTelemetry. Its functions never fail, and never wait for the collector. */
export interface Tracing {
  /** Makes a span for each request; `null` without tracing. */
  readonly http: FastifyPluginAsync | null;
  /** Makes spans of wake-ups, for BullMQ's queues and workers. */
  readonly queues: Telemetry | undefined;
  /** The trace of the current work (W3C traceparent), which is saved with a job; `null` without tracing. */
  traceparent(): string | null;
  /** Runs work within a span, which records its failure. */
  span<T>(options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** Sends the remaining spans, within {@link STOP_MS}. */
  stop(): Promise<void>;
}

/** The time limit for sending the last spans at exit, milliseconds: an unavailable collector must not delay the exit. */
export const STOP_MS = 800;

const NO_SPAN: OpenSpan = { set: () => {}, fail: () => {} };

/** The tracing without settings: it loads and does nothing. */
export const NO_TRACING: Tracing = {
  http: null,
  queues: undefined,
  traceparent: () => null,
  span: (_options, work) => work(NO_SPAN),
  stop: async () => {},
};

/** Starts the configured tracing. OpenTelemetry is loaded only then, since it costs memory and start time. */
export async function startTracing(
  settings: TracingSettings | null,
  name: 'api' | 'worker',
  logger: Logger,
): Promise<Tracing> {
  if (settings === null) return NO_TRACING;
  const { startOpenTelemetry } = await import('./otel.ts');
  return startOpenTelemetry(settings, `amiferry-${name}`, logger);
}
