import type { Telemetry } from 'bullmq';
import { SpanKind } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';

type QueueSpan = ReturnType<Telemetry['tracer']['startSpan']>;

/** A span that is not recorded: spans inside of it belong to the span around it. */
const NO_SPAN: QueueSpan = {
  setSpanOnContext: (context) => context,
  setAttribute: () => {},
  setAttributes: () => {},
  addEvent: () => {},
  recordException: () => {},
  end: () => {},
};

/**
 * Records BullMQ's spans of adding and processing wake-ups. Its spans of housekeeping (checking for stalled jobs every two
 * seconds, extending locks) are left out: they would be most of all spans, and none is about a job.
 */
export function queueSpans(): Telemetry {
  const { tracer, contextManager } = new BullMQOtel({ tracerName: 'bullmq' });
  return {
    contextManager,
    tracer: {
      startSpan: (name, options, context) => {
        if (options?.kind === SpanKind.INTERNAL) return NO_SPAN;
        // Errors are in the log, where secrets are removed.
        return Object.assign(tracer.startSpan(name, options, context), {
          recordException: () => {},
          addEvent: () => {},
        });
      },
    },
  };
}
