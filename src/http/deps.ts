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
import type { WorkerView } from '../commands/check-account.ts';
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

/** Everything that the HTTP layer uses. It opens and closes none of it. */
export interface AppDeps extends CommandDeps {
  /** `null`: callers are not authenticated, and may do everything. */
  authenticate: Authenticate | null;
  /** Callers are not authenticated, since only this machine can connect; default `false`. */
  loopbackOnly?: boolean;
  /** Host names, in small letters, that requests may use besides those of loopback; default: any. */
  allowedHosts?: readonly string[];
  /** With the roles that the worker assumes, for checks of accounts. */
  asWorker: WorkerView;
  /** For requests that only read: it leaves a part of the call budget to all other requests. */
  reader: Ec2Gateway;
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-For is trusted; default: none. */
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
  /** State of the checked files, for readiness; default: none. */
  files?: readonly FileState[];
  /** Region of an image when a request has no ?region=. */
  defaultRegion: string;
  /** Whether /docs is served; default `true`. */
  swaggerUi?: boolean;
  /** Whether all schemas are compiled at the start, instead of each at its first use; default `false`. */
  compileAtOnce?: boolean;
  /** Mean delay of the event loop, in milliseconds, above which requests are refused with 503; default 500. */
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
