import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Authenticate } from '../auth/authenticate.ts';
import type { FileState } from '../checked-file.ts';
import type { CommandDeps } from '../commands/deps.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { EventLog } from '../store/event-log.ts';
import type { IdempotencyStore } from '../store/idempotency.ts';
import type { QueueSessions } from '../store/queue-sessions.ts';
import type { Workers } from '../store/workers.ts';
import type { JobFeed } from '../store/feed.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { RateLimit } from './plugins/rate-limit.ts';
import type { StreamLimits } from './plugins/event-streams.ts';
import type { RedisProbe } from '../queue/connections.ts';

/** Everything the HTTP layer works with. It opens nothing itself, and closes nothing of this. */
export interface AppDeps extends CommandDeps {
  /** `null`: callers are not authenticated, and may do everything. */
  authenticate: Authenticate | null;
  /** Callers are not authenticated, since only this machine can connect; default `false`. */
  loopbackOnly?: boolean;
  /** Names, in small letters, by which the service may be called besides those of loopback; default: any. */
  allowedHosts?: readonly string[];
  /** For requests that only read: it leaves a part of EC2's calls to all others. */
  reader: Ec2Gateway;
  /** Addresses and CIDR ranges whose X-Forwarded-For tells who calls; default: none. */
  trustedProxies?: readonly string[];
  audit: Pick<AuditLog, 'record' | 'list' | 'log'>;
  /** `null`: there is no rate limit. */
  rateLimit: RateLimit | null;
  idempotency: IdempotencyStore;
  queueSessions: Pick<QueueSessions, 'open' | 'find' | 'close'>;
  workers: Pick<Workers, 'count' | 'isAnyRunning'>;
  feed: Pick<JobFeed, 'listen'>;
  eventLog: Pick<EventLog, 'read' | 'span'>;
  streams: StreamLimits;
  metrics: Metrics;
  tracing: Pick<Tracing, 'http' | 'traceparent'>;
  /** For readiness only: a connection that fails fast. */
  redis: RedisProbe;
  /** Of keys and policy, for readiness; default: none. */
  files?: readonly FileState[];
  /** Region of an image for which ?region= says nothing. */
  defaultRegion: string;
  /** Whether /docs is served; default `true`. */
  swaggerUi?: boolean;
  /** Whether all schemas are compiled at the start and not each when it is first needed; default `false`. */
  compileAtOnce?: boolean;
  /** Mean delay of the event loop, in milliseconds, over which requests are turned away; default 500. */
  maxEventLoopDelayMs?: number;
  /** Milliseconds over which that delay is averaged; default 5000. */
  eventLoopSampleMs?: number;
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
