import underPressure from '@fastify/under-pressure';
import fp from 'fastify-plugin';
import { RETRY_AFTER_SECONDS } from '../problem.ts';

/** Turns requests away with a 503 while the event loop lags, rather than answer all of them late. */
export const loadShedding = fp<{ maxEventLoopDelayMs: number }>(
  async (app, { maxEventLoopDelayMs }) => {
    await app.register(underPressure, {
      maxEventLoopDelay: maxEventLoopDelayMs,
      retryAfter: RETRY_AFTER_SECONDS,
    });
  },
  { name: 'load-shedding', dependencies: ['problem-details'] },
);

/** For routes that are answered under any load: a supervisor must not kill a process that is merely busy. */
export const NEVER_SHED = { pressureHandler: () => undefined };
