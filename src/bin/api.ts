import { accountsOf } from '../accounts/accounts-file.ts';
import { AccountCredentials } from '../aws/sts/account-credentials.ts';
import { accessOf, keepFresh } from '../auth/settings.ts';
import { buildApp } from '../http/app.ts';
import { announce } from '../domain/webhooks.ts';
import { readConfig } from '../config/config.ts';
import type { Ec2Call } from '../aws/ec2/options.ts';
import { LEFT_BY_READS } from '../aws/ec2/call-limits.ts';
import { AwsGateway } from '../aws/ec2/aws-gateway.ts';
import { DryRuns } from '../aws/ec2/dry-runs.ts';
import { DisabledRegions } from '../aws/ec2/disabled-regions.ts';
import { ImageNames } from '../aws/ec2/image-names.ts';
import { RecentImages } from '../aws/ec2/recent-images.ts';
import { SourceFacts } from '../aws/ec2/source-facts.ts';
import { AwsKmsGateway } from '../aws/kms/aws-kms-gateway.ts';
import { Organizations } from '../aws/organizations/organizations.ts';
import { createLogger, warnSparingly } from '../logging/logging.ts';
import { Metrics } from '../metrics/metrics.ts';
import { closeRedis, connectRedis, connectSubscriber, redisProbe } from '../queue/connections.ts';
import { StepProducer, wakeOrWarn } from '../queue/producer.ts';
import { RedisCallBudget } from '../store/call-budget.ts';
import { IdempotencyStore } from '../store/idempotency.ts';
import { readStats } from '../metrics/stats.ts';
import { EventLog } from '../store/event-log.ts';
import { JobFeed } from '../store/feed.ts';
import { AuditLog } from '../store/audit-log.ts';
import { QueueSessions } from '../store/queue-sessions.ts';
import { RedisJobStore } from '../store/redis-store.ts';
import { UnitAccountsStore } from '../store/unit-accounts.ts';
import { Workers } from '../store/workers.ts';
import { startTracing } from '../tracing/tracing.ts';
import { webhooksOf } from '../webhooks/endpoints-file.ts';
import { orExit } from './or-exit.ts';
import { exitOnSignal } from './phases.ts';

/** When the warm-up runs, milliseconds after the start: callers that waited for readiness have been answered by then. */
const SOON = 2000;

const config = orExit(() => readConfig(process.env));
const { authenticate, loopbackOnly, policy, files: accessFiles } = orExit(() => accessOf(config));
const { webhooks, files: endpointFiles } = orExit(() => webhooksOf(config));
const { accounts, files: accountFiles } = orExit(() => accountsOf(config));
const files = [...accessFiles, ...endpointFiles, ...accountFiles];
const logger = createLogger('api', config.logLevel);
const tracing = await startTracing(config.tracing, 'api', logger);

// Connections: one that fails fast for requests, one for the subscription, one that counts requests.
const lost = warnSparingly(logger, 'Redis is away');
const redis = connectRedis(config.redisUrl, 'fail-fast', lost);
const subscriber = connectSubscriber(config.redisUrl, lost);
const counter = connectRedis(config.redisUrl, 'optional', lost);

// Build
const { auditEntries } = config;
const producer = new StepProducer(redis, config.queuePrefix, tracing.queues);
const wake = wakeOrWarn(producer, logger);
const store = new RedisJobStore(redis, config.queuePrefix, { auditEntries, wake, announce });
const metrics = new Metrics();
const budget = new RedisCallBudget(redis, config.queuePrefix, config.callShare);
const aws = { requestTimeoutMs: 4000, maxAttempts: 2, tracing };
const onCall = (call: Ec2Call) => metrics.ec2Call(call);
const credentials = new AccountCredentials(aws, {
  accounts,
  use: 'readRole',
  sessionName: 'amiferry-api',
  region: config.defaultRegion,
});
const gateway = new AwsGateway({ ...credentials.aws, budget, onCall });
const reader = gateway.withBudget(
  new RedisCallBudget(redis, config.queuePrefix, config.callShare, LEFT_BY_READS),
);
const kms = new AwsKmsGateway(credentials.aws);
// For checks of accounts: with the roles that the worker assumes.
const workerCredentials = new AccountCredentials(aws, {
  accounts,
  use: 'role',
  sessionName: 'amiferry-check',
  region: config.defaultRegion,
});
const asWorker = {
  gateway: new AwsGateway({ ...workerCredentials.aws, onCall }),
  kms: new AwsKmsGateway(workerCredentials.aws),
  dryRuns: new DryRuns(workerCredentials.aws),
};
const organizations = new Organizations(aws);
const workers = new Workers(redis, config.queuePrefix);
const idempotency = new IdempotencyStore(redis, config.queuePrefix, config.idempotencyMs);
const queueSessions = new QueueSessions(redis, config.queuePrefix);
const feed = new JobFeed(subscriber, config.queuePrefix);
const eventLog = new EventLog(redis, config.queuePrefix);
const audit = new AuditLog(redis, config.queuePrefix, { logger, maxEntries: auditEntries });
const { regions, defaultRegion, streams, rateLimit: perMinute, queuePrefix: prefix } = config;
const rateLimit = perMinute === 0 ? null : { redis: counter, prefix, perMinute };
const app = await buildApp({
  authenticate,
  loopbackOnly,
  allowedHosts: config.allowedHosts,
  trustedProxies: config.trustedProxies,
  policy,
  audit,
  rateLimit,
  idempotency,
  queueSessions,
  workers,
  store,
  producer,
  gateway,
  reader,
  asWorker,
  ownAccount: credentials.own,
  accounts,
  recentImages: new RecentImages(gateway),
  sourceFacts: new SourceFacts(gateway),
  imageNames: new ImageNames(gateway),
  disabledRegions: new DisabledRegions(gateway, defaultRegion),
  kms,
  quotas: config.quotas,
  logger,
  regions,
  feed,
  eventLog,
  streams,
  metrics,
  tracing,
  webhooks,
  redis: redisProbe(redis, config.queuePrefix),
  files,
  defaultRegion,
});

// Run. While Redis is away the API runs nevertheless, and answers 503 until Redis is there.
keepFresh(files, logger);
metrics.watchFiles(files);
metrics.watchProcess();
metrics.watchStore(() => readStats(redis, config.queuePrefix, { producer, workers }));
store.keepTime();
void accounts.start({
  store: new UnitAccountsStore(redis, config.queuePrefix),
  list: (unit) => organizations.accountsIn(unit),
  logger,
  now: () => store.now(),
});
void feed.start().catch(lost);
try {
  await app.listen({ host: config.host, port: config.port });
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!taken) throw error;
  process.stderr.write(
    `PORT=${config.port} on ${config.host} is taken: stop what listens there, or set PORT.\n`,
  );
  process.exit(1);
}
// Loads what the first requests need. Readiness does not wait for it.
const warmUp = () =>
  Promise.all([
    import('@fastify/ajv-compiler'),
    import('@fastify/fast-json-stringify-compiler'),
    producer.queues().catch(() => {}),
  ]);
setTimeout(() => void warmUp(), SOON).unref();

// Unwind
exitOnSignal(logger, [
  {
    name: 'finish the requests at work',
    timeout: 7000,
    run: () => {
      // Connections that were busy when closing began are idle now, and would delay the exit.
      const timer = setInterval(() => app.server.closeIdleConnections(), 50);
      return app.close().finally(() => clearInterval(timer));
    },
  },
  { name: 'stop listing accounts', timeout: 100, run: () => accounts.stop() },
  { name: 'close the store', timeout: 200, run: () => store.close() },
  { name: 'close the queue', timeout: 500, run: () => producer.close() },
  { name: 'close EC2', timeout: 200, run: () => gateway.close() },
  { name: 'close KMS', timeout: 200, run: () => kms.close() },
  { name: 'close STS', timeout: 200, run: () => credentials.close() },
  {
    name: 'close the checks of accounts',
    timeout: 200,
    run: () =>
      [asWorker.gateway, asWorker.kms, asWorker.dryRuns, workerCredentials].forEach((one) => one.close()),
  },
  { name: 'close Organizations', timeout: 200, run: () => organizations.close() },
  { name: 'send the last spans', timeout: 900, run: () => tracing.stop() },
  {
    name: 'close Redis',
    timeout: 500,
    run: () => Promise.all([redis, subscriber, counter].map(closeRedis)).then(() => {}),
  },
]);
