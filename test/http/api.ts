import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import type { App, AppDeps } from '../../src/http/deps.ts';
import { buildApp } from '../../src/http/app.ts';
import {
  closeRedis,
  connectRedis,
  connectSubscriber,
  redisProbe,
  untilReady,
} from '../../src/queue/connections.ts';
import { LEFT_BY_READS } from '../../src/aws/ec2/call-limits.ts';
import { RedisCallBudget } from '../../src/store/call-budget.ts';
import { IdempotencyStore } from '../../src/store/idempotency.ts';
import { QueueSessions } from '../../src/store/queue-sessions.ts';
import { readStats } from '../../src/metrics/stats.ts';
import { JobFeed } from '../../src/store/feed.ts';
import { dropPrefix, testRedisUrl } from '../helpers/redis.ts';
import type { Service, ServiceOptions } from '../helpers/service.ts';
import { connectionTo, GOLDEN_WEB, startService } from '../helpers/service.ts';
import { conformance } from './document.ts';
import { PATIENCE } from '../helpers/waiting.ts';

export const COPIES = `/amis/${GOLDEN_WEB.imageId}/copies?region=${GOLDEN_WEB.region}`;

/** Enough for any test that isn't about these bounds. */
const TEST_STREAMS = { total: 2000, perCaller: 2000, heartbeatMs: 15_000, maxAgeMs: 3_600_000 };

export interface Api {
  service: Service;
  app: App;
  /** How many listen to the feed right now. */
  listeners(): number;
  /**
   * A request through inject; its answer has to be one that the OpenAPI document has for the route. While one with `Prefer` is
   * held back the service's steps run, unless real workers were asked for (or none).
   */
  call(options: InjectOptions & { method: string; url: string }): Promise<LightMyRequestResponse>;
  get(url: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  /** Deletes every key of the service, as a Redis does that lost its data. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** For how long an Idempotency-Key counts, milliseconds. */
export const KEY_MS = 3_600_000;

/** The API on a real service: real Redis, real queue, real SDK against a simulated EC2. */
export async function startApi(options: ServiceOptions = {}, changes: Partial<AppDeps> = {}): Promise<Api> {
  const service = await startService(options);
  const url = options.redisUrl ?? testRedisUrl();
  const redis = connectRedis(url, connectionTo(options), () => {});
  const subscriber = connectSubscriber(url, () => {});
  await Promise.all([untilReady(redis, PATIENCE), untilReady(subscriber, PATIENCE)]);
  const feed = countingFeed(new JobFeed(subscriber, service.prefix));
  await feed.start();
  service.metrics.watchStore(() => readStats(redis, service.prefix, service));
  const { callShare } = service.settings;
  const budget = new RedisCallBudget(redis, service.prefix, callShare, LEFT_BY_READS);
  const app = await buildApp({
    authenticate: null,
    rateLimit: null,
    ...service,
    asWorker: { ...service, dryRuns: service.dryRuns },
    reader: changes.gateway ?? service.gateway.withBudget(budget),
    idempotency: new IdempotencyStore(redis, service.prefix, KEY_MS),
    queueSessions: new QueueSessions(redis, service.prefix),
    feed,
    streams: TEST_STREAMS,
    redis: redisProbe(redis, service.prefix),
    // The test machine may be busy with other tests: only load-shedding's own test is about that.
    maxEventLoopDelayMs: 10_000,
    defaultRegion: 'us-east-1',
    ...changes,
  });
  const check = checkFor((await app.inject('/openapi.json')).body);

  const call: Api['call'] = async (request) => {
    const waits = options.workers === undefined && request.headers?.['prefer'] !== undefined;
    const answering = Promise.resolve(app.inject(request));
    const answer = await (waits ? service.steps.during(answering) : answering);
    check(request.method, request.url, answer);
    return answer;
  };
  return {
    service,
    app,
    listeners: feed.listeners,
    call,
    get: (url, headers = {}) => call({ method: 'GET', url, headers }),
    post: (url, body, headers = {}) => call({ method: 'POST', url, ...jsonBody(body, headers) }),
    forget: () => dropPrefix(redis, service.prefix),
    stop: async () => {
      await app.close();
      await Promise.all([closeRedis(redis), closeRedis(subscriber)]);
      await service.stop();
    },
  };
}

/** By the text of the document: most tests' APIs have the same, and its schemas need compiling only once. */
const checks = new Map<string, ReturnType<typeof conformance>>();

function checkFor(document: string): ReturnType<typeof conformance> {
  const known = checks.get(document) ?? conformance(JSON.parse(document));
  checks.set(document, known);
  return known;
}

function jsonBody(body: unknown, headers: Record<string, string>) {
  if (body === undefined) return { headers };
  return { headers: { 'content-type': 'application/json', ...headers }, payload: JSON.stringify(body) };
}

function countingFeed(feed: JobFeed) {
  let count = 0;
  return {
    start: () => feed.start(),
    listeners: () => count,
    listen: (...listener: Parameters<JobFeed['listen']>) => {
      count += 1;
      const unlisten = feed.listen(...listener);
      return () => {
        count -= 1;
        unlisten();
      };
    },
  };
}
