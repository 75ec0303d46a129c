import underPressure from '@fastify/under-pressure';
import fp from 'fastify-plugin';
import { RETRY_AFTER_SECONDS } from '../problem.ts';

/**
 * Milliseconds over which the event loop's delay is averaged. Long enough that a single delay is no overload: loading the AWS
 * SDK at the first request that needs it blocks a busy machine for a second.
 */
const SAMPLE_MS = 5000;

/** Refuses requests with 503 while the event loop is delayed, instead of answering all of them late. */
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

/** For routes that are never refused: a supervisor must not kill a process that is only busy. */
export const NEVER_SHED = { pressureHandler: () => undefined };
