import underPressure from '@fastify/under-pressure';
import fp from 'fastify-plugin';
import { RETRY_AFTER_SECONDS } from '../problem.ts';

/**
 * Milliseconds over which the lag is averaged. Long enough that one hiccup doesn't count as overload: the AWS SDK is
 * loaded at the first request that needs it, which holds a busy machine up for a second. A loop that lags on and on does.
 */
const SAMPLE_MS = 5000;

/** Turns requests away with a 503 while the event loop lags, rather than answer all of them late. */
export const loadShedding = fp<{ maxEventLoopDelayMs: number; sampleMs?: number | undefined }>(
  async (app, { maxEventLoopDelayMs, sampleMs = SAMPLE_MS }) => {
    await app.register(underPressure, {
      sampleInterval: sampleMs,
      maxEventLoopDelay: maxEventLoopDelayMs,
      retryAfter: RETRY_AFTER_SECONDS,
    });
  },
  { name: 'load-shedding', dependencies: ['problem-details'] },
);

/** For routes that are answered under any load: a supervisor must not kill a process that is merely busy. */
export const NEVER_SHED = { pressureHandler: () => undefined };
