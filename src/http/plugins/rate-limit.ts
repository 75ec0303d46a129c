import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import fastifyRateLimit from '@fastify/rate-limit';
import fp from 'fastify-plugin';
import type { RedisClient } from '../../redis-client.ts';
import { AmiferryError } from '../../errors.ts';
import { countedAs } from '../principal.ts';
import type { Limits } from '../taken-requests.ts';
import { TakenRequests } from '../taken-requests.ts';

/** How many requests one caller may make, counted over all API processes. */
export interface RateLimit {
  /** A connection of its own, which gives up at once: a slow count must hold up no request. */
  redis: RedisClient;
  prefix: string;
  perMinute: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many requests one counts as: default 1. */
    cost?: number;
  }
}

const WINDOW_MS = 60_000;

/**
 * Refuses requests over the limit. Each principal has a count of its own; requests without valid credentials are counted by
 * address. A request that takes many EC2 calls counts as many. Without Redis no request is refused: changes can't be made then
 * anyway, and reads go on.
 */
export const rateLimit = fp<{ rateLimit: RateLimit | null }>(
  async (app, { rateLimit: limit }) => {
    if (limit === null) return;
    await app.register(fastifyRateLimit, {
      global: false,
      store: storeOf(new TakenRequests(limit.redis, `${limit.prefix}:rate:`)),
      max: limit.perMinute,
      timeWindow: WINDOW_MS,
      skipOnError: true,
      keyGenerator: countedAs,
    });
    const counters = new Map<number, ReturnType<typeof app.createRateLimit>>();
    const counterFor = (cost: number) => {
      // Where the limit is less than that, it can be asked for once.
      const options = { max: limit.perMinute, cost: Math.min(cost, limit.perMinute) };
      const counter = counters.get(cost) ?? app.createRateLimit(options);
      counters.set(cost, counter);
      return counter;
    };
    app.addHook('onRequest', async (request, reply) => {
      const { rateLimit: counts, cost = 1 } = request.routeOptions.config;
      if (counts === false) return;
      const counted = await counterFor(cost)(request);
      if (counted.isAllowed || !counted.isExceeded) return;
      void reply.header('Retry-After', String(counted.ttlInSeconds));
      const message = `more than ${limit.perMinute} requests a minute: try again in ${counted.ttlInSeconds} s`;
      throw new AmiferryError('rate-limited', message);
    });
  },
  { name: 'rate-limit', dependencies: ['authentication'] },
);

/** The package makes its store itself, of a class. */
function storeOf(store: TakenRequests): FastifyRateLimitStoreCtor {
  return class {
    incr = store.incr.bind(store);
    child = (limits: Limits) => store.child(limits);
  };
}
