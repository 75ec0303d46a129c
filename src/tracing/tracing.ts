import type { Telemetry } from 'bullmq';
import type { FastifyPluginAsync } from 'fastify';
import type { Logger } from '../logging/logging.ts';
import type { TracingSettings } from './settings.ts';

/** What a span tells. Only what is ours to tell: no names, keys, tokens or permissions of callers. */
export type SpanAttributes = Record<string, string | number>;

export interface SpanOptions {
  /** One of few: what was done, never to what. */
  name: string;
  /** `client` where another service is called. */
  kind: 'internal' | 'client';
  attributes: SpanAttributes;
  /** The trace that it belongs to (W3C traceparent), whatever woke the work; else that of the work it is part of. */
  traceparent?: string | null;
}

/** A span that goes on. */
export interface OpenSpan {
  set(attributes: SpanAttributes): void;
  /** @param type OpenTelemetry's `error.type`: a code, no message */
  fail(type: string): void;
}

/** The port to OpenTelemetry. None of it ever fails, or waits for the collector. */
export interface Tracing {
  /** Makes a span of each request; `null` where nothing is traced. */
  readonly http: FastifyPluginAsync | null;
  /** Makes spans of wake-ups, for BullMQ's queues and workers. */
  readonly queues: Telemetry | undefined;
  /** The trace that the current work belongs to (W3C traceparent), to be kept with a job; `null` where nothing is traced. */
  traceparent(): string | null;
  /** Does work within a span, which fails with it. */
  span<T>(options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** Sends what is left, within {@link STOP_MS}. */
  stop(): Promise<void>;
}

/** Milliseconds for the last spans on the way out: a collector that is down must not hold the process up. */
export const STOP_MS = 800;

const NO_SPAN: OpenSpan = { set: () => {}, fail: () => {} };

/** Without a setting for traces: nothing is loaded, and nothing is done. */
export const NO_TRACING: Tracing = {
  http: null,
  queues: undefined,
  traceparent: () => null,
  span: (_options, work) => work(NO_SPAN),
  stop: async () => {},
};

/** OpenTelemetry as it is set up, loaded only if it is: that costs memory and time to start. */
export async function startTracing(
  settings: TracingSettings | null,
  name: 'api' | 'worker',
  logger: Logger,
): Promise<Tracing> {
  if (settings === null) return NO_TRACING;
  const { startOpenTelemetry } = await import('./otel.ts');
  return startOpenTelemetry(settings, `amiferry-${name}`, logger);
}
