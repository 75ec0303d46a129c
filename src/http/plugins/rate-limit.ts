import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { RedisClient } from '../../redis-client.ts';
import { AmiferryError } from '../../errors.ts';
import { countedAs } from '../principal.ts';

/** How many requests one caller may make, counted over all API processes. */
export interface RateLimit {
  /** A connection of its own that fails at once: a slow count must not delay a request. */
  redis: RedisClient;
  /** The first part of every key, in braces on a Redis Cluster. */
  prefix: string;
  perMinute: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Returns how many requests this one counts as; default: 1. */
    cost?: () => number;
  }
}

const WINDOW_MS = 60_000;

/**
 * Refuses requests over the limit. Each principal has a count of its own; requests without valid credentials are counted by
 * address. A request that takes many EC2 calls counts as many. While Redis is unavailable no request is refused: changes are
 * impossible then, and reads continue.
 */
export const rateLimit = fp<{ rateLimit: RateLimit | null }>(
  async (app, { rateLimit: limit }) => {
    if (limit === null) return;
    await app.register(fastifyRateLimit, {
      global: false,
      redis: limit.redis,
      nameSpace: `${limit.prefix}:rate:`,
      max: limit.perMinute,
      timeWindow: WINDOW_MS,
      skipOnError: true,
      keyGenerator: countedAs,
    });
    const count = counter(app.createRateLimit(), limit.perMinute);
    app.addHook('onRequest', async (request, reply) => {
      const seconds = await count(request);
      if (seconds === null) return;
      void reply.header('Retry-After', String(seconds));
      const message = `more than ${limit.perMinute} requests a minute: try again in ${seconds} s`;
      throw new AmiferryError('rate-limited', message);
    });
  },
  { name: 'rate-limit', dependencies: ['authentication'] },
);

type CountOne = ReturnType<FastifyInstance['createRateLimit']>;

/**
 * Counts a request, `cost` times if its route has one: the library counts one at a time, and the commands leave together on
 * one connection. A request for which too little is left is refused and counts as none, so that a cheaper one may still
 * pass. A cost over the limit counts as the limit: such a request is possible once a minute.
 * @returns null if the request is within the limit, otherwise the seconds until the caller's next window.
 */
function counter(countOne: CountOne, perMinute: number) {
  return async (request: FastifyRequest): Promise<number | null> => {
    const { rateLimit: counts, cost } = request.routeOptions.config;
    if (counts === false) return null;
    const times = Math.min(cost?.() ?? 1, perMinute);
    if (times > 1) {
      const now = await countOne(request, { increment: false });
      if (!now.isAllowed && now.remaining < times) return now.ttlInSeconds;
    }
    const counted = await Promise.all(Array.from({ length: times }, () => countOne(request)));
    const last = counted.at(-1);
    return last?.isAllowed === false && last.isExceeded ? last.ttlInSeconds : null;
  };
}
