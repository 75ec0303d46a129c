import { accountsOf } from '../accounts/accounts-file.ts';
import { AccountCredentials } from '../aws/sts/account-credentials.ts';
import { policyOf, keepFresh } from '../auth/settings.ts';
import { announce } from '../domain/webhooks.ts';
import { readConfig } from '../config/config.ts';
import type { Ec2Call } from '../aws/ec2/options.ts';
import { AwsGateway } from '../aws/ec2/aws-gateway.ts';
import { AwsKmsGateway } from '../aws/kms/aws-kms-gateway.ts';
import { Organizations } from '../aws/organizations/organizations.ts';
import { createLogger, warnSparingly } from '../logging/logging.ts';
import { Metrics } from '../metrics/metrics.ts';
import { closeRedis, connectRedis, redisProbe, untilReady } from '../queue/connections.ts';
import { StepProducer, wakeOrWarn } from '../queue/producer.ts';
import { AuditLog } from '../store/audit-log.ts';
import { RedisCallBudget } from '../store/call-budget.ts';
import { GoneEndpoints } from '../store/gone-endpoints.ts';
import { RedisJobStore } from '../store/redis-store.ts';
import { UnitAccountsStore } from '../store/unit-accounts.ts';
import { Workers } from '../store/workers.ts';
import { AwsEventsQueue } from '../aws/sqs/aws-events-queue.ts';
import { startTracing } from '../tracing/tracing.ts';
import { webhooksOf } from '../webhooks/endpoints-file.ts';
import { WebhookSender } from '../webhooks/send.ts';
import { buildWorker } from '../worker/build-worker.ts';
import { Ec2Events } from '../worker/ec2-events.ts';
import { startHealthServer } from '../worker/health.ts';
import { StepsAtWork } from '../worker/steps-at-work.ts';
import type { Watchdog } from '../worker/watchdog.ts';
import { watchWorker } from '../worker/watchdog.ts';
import { orExit } from './or-exit.ts';
import { exitOnSignal } from './phases.ts';
import { retryUntilDone } from './retry.ts';

/** For how long a wedged worker still reports its state before it exits, milliseconds. */
const SAY_SO = 2000;

const config = orExit(() => readConfig(process.env));
const { policy, files: accessFiles } = orExit(() => policyOf(config));
const { webhooks, files: endpointFiles } = orExit(() => webhooksOf(config));
const { accounts, files: accountFiles } = orExit(() => accountsOf(config));
const files = [...accessFiles, ...endpointFiles, ...accountFiles];
const logger = createLogger('worker', config.logLevel);
const tracing = await startTracing(config.tracing, 'worker', logger);

// Connections: one that fails fast for records and wake-ups, one that waits for BullMQ's blocking reads.
const lost = warnSparingly(logger, 'Redis is away');
const redis = connectRedis(config.redisUrl, 'fail-fast', lost);
const blocking = connectRedis(config.redisUrl, 'blocking', lost);

// Build
const producer = new StepProducer(redis, config.queuePrefix, tracing.queues);
const store = new RedisJobStore(redis, config.queuePrefix, {
  wake: wakeOrWarn(producer, logger),
  announce,
});
const metrics = new Metrics();
const budget = new RedisCallBudget(redis, config.queuePrefix, config.callShare);
const aws = { requestTimeoutMs: 7000, maxAttempts: 2, tracing };
const onCall = (call: Ec2Call) => metrics.ec2Call(call);
const credentials = new AccountCredentials(aws, {
  accounts,
  use: 'role',
  sessionName: 'amiferry-worker',
  region: config.defaultRegion,
});
const gateway = new AwsGateway({ ...credentials.aws, leavesThrottling: true, budget, onCall });
const kms = new AwsKmsGateway(credentials.aws);
const organizations = new Organizations(aws);
const settings = config;
const audit = new AuditLog(redis, config.queuePrefix, { logger, maxEntries: config.auditEntries });
const webhookSender = new WebhookSender(webhooks);
const goneEndpoints = new GoneEndpoints(redis, config.queuePrefix);
const events = listener();
const stepsAtWork = new StepsAtWork();
const deps = {
  store,
  producer,
  gateway,
  kms,
  quotas: config.quotas,
  logger,
  settings,
  policy,
  ownAccount: credentials.own,
  accounts,
  audit,
  metrics,
  tracing,
  webhookSender,
  goneEndpoints,
  stepsAtWork,
  workers: new Workers(redis, config.queuePrefix),
  hearsEvents: () => events?.state === 'listening',
};

// Run. While Redis is away the process is alive and not ready. It begins its work as soon as Redis answers.
let watchdog: Watchdog | undefined;
const status = () => {
  if (watchdog === undefined) return 'starting';
  return watchdog.wedged() ? 'wedged' : 'working';
};
const eventsState = events && (() => events.state);
const looks = { redis: redisProbe(redis, config.queuePrefix), status, eventsState, files, metrics };
const health = await startHealthServer(looks, config.host, config.workerHealthPort);
keepFresh(files, logger);
metrics.watchFiles(files);
metrics.watchProcess();
store.keepTime();
void accounts.start({
  store: new UnitAccountsStore(redis, config.queuePrefix),
  list: (unit) => organizations.accountsIn(unit),
  logger,
  now: () => store.now(),
});
const worker = await retryUntilDone(logger, 'start the worker', async () => {
  await untilReady(redis, 2000);
  await store.syncClock();
  return buildWorker(deps, blocking, {
    prefix: config.queuePrefix,
    concurrency: config.workerConcurrency,
    sweepMs: config.sweepMs,
  });
});
events?.start();
const bounds = { patience: config.wedgedMs, pollMs: config.pollMs };
watchdog = watchWorker(deps, bounds, () => setTimeout(() => process.exit(1), SAY_SO));
logger.info({ prefix: config.queuePrefix, concurrency: config.workerConcurrency }, 'worker ready');

// Unwind
exitOnSignal(logger, [
  { name: 'stop watching', timeout: 100, run: () => watchdog?.stop() },
  {
    name: 'finish the steps at work',
    timeout: 8000,
    run: () => Promise.all([worker.close(), events?.stop()]).then(() => {}),
  },
  { name: 'stop listing accounts', timeout: 100, run: () => accounts.stop() },
  { name: 'close the store', timeout: 200, run: () => store.close() },
  { name: 'close the queue', timeout: 500, run: () => producer.close() },
  { name: 'close EC2', timeout: 200, run: () => gateway.close() },
  { name: 'close KMS', timeout: 200, run: () => kms.close() },
  { name: 'close STS', timeout: 200, run: () => credentials.close() },
  { name: 'close Organizations', timeout: 200, run: () => organizations.close() },
  { name: 'send the last spans', timeout: 900, run: () => tracing.stop() },
  {
    name: 'close Redis',
    timeout: 500,
    run: () => Promise.all([redis, blocking].map(closeRedis)).then(() => {}),
  },
  { name: 'close health', timeout: 200, run: () => health?.close() },
]);

/** The listener for EC2's own events, where an events queue is set. */
function listener(): Ec2Events | undefined {
  if (config.eventsQueue === null) return undefined;
  const { url, region, endpoint } = config.eventsQueue;
  const options = { requestTimeoutMs: 7000, maxAttempts: 2, ...(endpoint === null ? {} : { endpoint }) };
  return new Ec2Events({ store, producer, logger, metrics }, new AwsEventsQueue(url, region, options));
}
