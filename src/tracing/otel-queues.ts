import type { Telemetry } from 'bullmq';
import { SpanKind } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';

type QueueSpan = ReturnType<Telemetry['tracer']['startSpan']>;

/** Stands where a span would be that nobody wants to see: what runs in it belongs to the span around it. */
const NO_SPAN: QueueSpan = {
  setSpanOnContext: (context) => context,
  setAttribute: () => {},
  setAttributes: () => {},
  addEvent: () => {},
  recordException: () => {},
  end: () => {},
};

/**
 * BullMQ's spans of wake-ups: put into the queue, and served. Its spans of its own housekeeping (looking for stalled jobs
 * every two seconds, extending locks) are left out: they would be most of all spans, and tell nothing of any job.
 */
export function queueSpans(): Telemetry {
  const { tracer, contextManager } = new BullMQOtel({ tracerName: 'bullmq' });
  return {
    contextManager,
    tracer: {
      startSpan: (name, options, context) => {
        if (options?.kind === SpanKind.INTERNAL) return NO_SPAN;
        // Errors are in the log, cut free of secrets.
        return Object.assign(tracer.startSpan(name, options, context), {
          recordException: () => {},
          addEvent: () => {},
        });
      },
    },
  };
}
