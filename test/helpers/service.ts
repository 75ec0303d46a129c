import { announce } from '../../src/domain/webhooks.ts';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { ImageName } from '../../src/domain/ami.ts';
import { OWN } from './account.ts';
import type { LookupFunction } from 'node:net';
import type { RunningWorker } from '../../src/worker/build-worker.ts';
import { buildWorker } from '../../src/worker/build-worker.ts';
import type { CommandDeps } from '../../src/commands/deps.ts';
import type { CopyRequest } from '../../src/commands/request-copy.ts';
import { requestCopy } from '../../src/commands/request-copy.ts';
import type { Principal } from '../../src/domain/access.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import type { PolicySource } from '../../src/domain/policy.ts';
import { NO_POLICY } from '../../src/domain/policy.ts';
import type { SharingQuotas } from '../../src/domain/sharing-rules.ts';
import { DEFAULT_QUOTAS } from '../../src/domain/sharing-rules.ts';
import { AWS_REGIONS } from '../../src/domain/regions.ts';
import type { CopyJob, Job, PermissionsJob } from '../../src/domain/job.ts';
import type { Ec2Call } from '../../src/aws/ec2/options.ts';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import type { Accounts, AccountsSource } from '../../src/accounts/accounts.ts';
import { AccountCredentials } from '../../src/aws/sts/account-credentials.ts';
import { DisabledRegions } from '../../src/aws/ec2/disabled-regions.ts';
import { ImageNames } from '../../src/aws/ec2/image-names.ts';
import { RecentImages } from '../../src/aws/ec2/recent-images.ts';
import { SourceFacts } from '../../src/aws/ec2/source-facts.ts';
import { DryRuns } from '../../src/aws/ec2/dry-runs.ts';
import { AwsKmsGateway } from '../../src/aws/kms/aws-kms-gateway.ts';
import type { Logger } from '../../src/logging/logging.ts';
import { createLogger } from '../../src/logging/logging.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { ConnectionKind } from '../../src/queue/connections.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { StepProducer, wakeOrWarn } from '../../src/queue/producer.ts';
import { startSimulator } from '../../simulator/index.ts';
import type { Simulator, SimulatorOptions } from '../../simulator/index.ts';
import { AwsEventsQueue } from '../../src/aws/sqs/aws-events-queue.ts';
import { queueAddress } from '../../src/aws/sqs/queue-address.ts';
import { AuditLog } from '../../src/store/audit-log.ts';
import { RedisCallBudget } from '../../src/store/call-budget.ts';
import { EventLog } from '../../src/store/event-log.ts';
import { GoneEndpoints } from '../../src/store/gone-endpoints.ts';
import { Workers } from '../../src/store/workers.ts';
import type { Tracing } from '../../src/tracing/tracing.ts';
import { NO_TRACING } from '../../src/tracing/tracing.ts';
import { WebhookSender } from '../../src/webhooks/send.ts';
import type { WebhookSettings } from '../../src/webhooks/settings.ts';
import { NO_WEBHOOKS } from '../../src/webhooks/settings.ts';
import type { WorkerDeps, WorkerSettings } from '../../src/worker/deps.ts';
import { Ec2Events } from '../../src/worker/ec2-events.ts';
import { StepsAtWork } from '../../src/worker/steps-at-work.ts';
import { EVENTS_QUEUE } from './events-queue.ts';
import { PATIENCE, until } from './waiting.ts';
import { dropPrefix, testPrefix, testRedisUrl } from './redis.ts';
import { SimulatorControl } from './simulator-control.ts';
import { SteppedStore, SteppedWorker } from './stepped-worker.ts';

/** The image that the simulator seeds first: unencrypted, tagged. */
export const GOLDEN_WEB: ImageName = {
  imageId: 'ami-0a1b2c3d4e5f60001',
  account: OWN,
  region: 'us-east-1',
};

/** The default principal of tests, which may do everything without a policy. */
export const TESTER: Principal = ANONYMOUS;

export interface ServiceOptions {
  simulator?: SimulatorOptions;
  settings?: Partial<WorkerSettings>;
  /**
   * The number of real workers; with 0 everything stays queued. By default the test runs steps itself (see {@link SteppedWorker}), and
   * advances the time of simulator and service together.
   */
  workers?: number;
  redisUrl?: string;
  /** The policy of commands and workers; by default `anonymous` may do everything. */
  policy?: PolicySource;
  /** The accounts besides {@link OWN}; default: none. */
  accounts?: Accounts;
  /** Replaces `accounts` where they change while the service runs. */
  accountsSource?: AccountsSource;
  quotas?: SharingQuotas;
  webhooks?: Partial<WebhookSettings>;
  /** Replaces the resolver of webhooks' host names. */
  lookup?: LookupFunction;
  logger?: Logger;
  /** Replaces the simulated EC2. */
  endpoint?: string;
  /** Milliseconds for one try of a call of AWS; by default more than a busy machine needs. */
  requestTimeoutMs?: number;
  /** Receives EC2's own events, from the simulator's queue or another one. */
  events?: { url?: string; endpoint?: string };
}

/** The service without HTTP, in this process: real Redis, real queue, real SDK against a simulated EC2. */
export interface Service extends CommandDeps {
  store: SteppedStore;
  audit: AuditLog;
  eventLog: EventLog;
  metrics: Metrics;
  tracing: Tracing;
  gateway: AwsGateway;
  dryRuns: DryRuns;
  workers: Workers;
  simulator: Simulator;
  control: SimulatorControl;
  prefix: string;
  settings: WorkerSettings;
  /** The dependencies of steps, to run a single one. */
  workerDeps: WorkerDeps;
  startWorker(): Promise<RunningWorker>;
  /** Runs steps and advances time; only for tests without real workers. */
  steps: SteppedWorker;
  /** Set if a queue was given; it receives from the start, also without workers. */
  events: Ec2Events | undefined;
  /** Requests a copy of {@link GOLDEN_WEB}, or of another source. */
  copy(request: CopyRequest, source?: ImageName): Promise<Job>;
  /** Runs steps and advances time until a condition holds; with real workers it only waits. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Runs {@link until} a copy meets a condition. */
  untilJob(id: string, holds: (job: CopyJob) => boolean): Promise<CopyJob>;
  untilFinished(id: string): Promise<CopyJob>;
  /** Stops everything and deletes every key of the service. */
  stop(): Promise<void>;
}

/** The name of a {@link SteppedWorker} among the running workers. */
export const STEPPED = 'stepped';

/** How often a worker sweeps, milliseconds. */
const SWEEP_MS = 2000;

/** Milliseconds, of the service's own time. */
const TEST_SETTINGS: WorkerSettings = {
  copySlots: 100,
  // More calls than any test makes by default.
  callShare: 100,
  pollMs: 1000,
  eventsPollMs: 250,
  slotRetryMs: 300,
  lostCopyMs: 5000,
  goneMs: 200,
  credentialsMs: 60_000,
  tokenTrustMs: 60_000,
  retryMs: 10_000,
  retentionMs: 86_400_000,
  webhookTimes: { backoffMs: 5, retryMs: 60_000 },
};

/**
 * The kind of connection. A test with its own Redis is about outages. With the shared one no command times out, since on a busy
 * machine a process may get no CPU time for longer than the time limit.
 */
export function connectionTo({ redisUrl }: Pick<ServiceOptions, 'redisUrl'>): ConnectionKind {
  return redisUrl === undefined ? 'blocking' : 'fail-fast';
}

export function testCredentials() {
  return { accessKeyId: 'AKIATESTTESTTEST', secretAccessKey: 'test' };
}

/** One logger for all services of the process, since each adds a listener to the process' exit. */
const LOGGER = createLogger('test', process.env['TEST_LOG_LEVEL'] ?? 'silent');

export function testLogger(): Logger {
  return LOGGER;
}

export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const logger = options.logger ?? testLogger();
  const prefix = testPrefix();
  const settings = { ...TEST_SETTINGS, ...options.settings };
  const simulator = await startSimulator({ copySeconds: 0.5, ...options.simulator });
  const url = options.redisUrl ?? testRedisUrl();
  const redis = connectRedis(url, connectionTo(options), () => {});
  const blocking = connectRedis(url, 'blocking', () => {});
  await Promise.all([untilReady(redis, PATIENCE), untilReady(blocking, PATIENCE)]);
  const producer = new StepProducer(redis, prefix);
  const store = new SteppedStore(redis, prefix, { wake: wakeOrWarn(producer, logger), announce });
  const metrics = new Metrics();
  const aws = {
    requestTimeoutMs: options.requestTimeoutMs ?? PATIENCE,
    maxAttempts: 2,
    endpoint: options.endpoint ?? simulator.url,
    credentialsOf: testCredentials,
  };
  const budget = new RedisCallBudget(redis, prefix, settings.callShare);
  const onCall = (call: Ec2Call) => metrics.ec2Call(call);
  const accounts = options.accountsSource ?? {
    current: () => options.accounts ?? new Map(),
    units: () => [],
  };
  const credentials = new AccountCredentials(aws, {
    accounts,
    use: 'role',
    sessionName: 'amiferry-test',
    region: GOLDEN_WEB.region,
  });
  const gateway = new AwsGateway({ ...credentials.aws, leavesThrottling: true, budget, onCall });
  const kms = new AwsKmsGateway(credentials.aws);
  const dryRuns = new DryRuns(credentials.aws);
  const webhooks = { ...NO_WEBHOOKS, ...options.webhooks };
  const policy = options.policy ?? NO_POLICY;
  const audit = new AuditLog(redis, prefix, { logger, maxEntries: 10_000 });
  const deps = {
    store,
    producer,
    gateway,
    ownAccount: credentials.own,
    accounts,
    recentImages: new RecentImages(gateway),
    imageNames: new ImageNames(gateway),
    sourceFacts: new SourceFacts(gateway),
    disabledRegions: new DisabledRegions(gateway, GOLDEN_WEB.region),
    kms,
    quotas: options.quotas ?? DEFAULT_QUOTAS,
    logger,
    policy,
    audit,
    metrics,
    tracing: NO_TRACING,
    webhooks,
    regions: AWS_REGIONS,
  };
  const webhookSender = new WebhookSender(webhooks, options.lookup);
  // A stepped worker counts as running during its whole test.
  const workers = new Workers(redis, prefix, { aliveMs: 86_400_000, freshMs: 0 });
  if (options.workers === undefined) await workers.beat(STEPPED);
  const delivering = { webhookSender, goneEndpoints: new GoneEndpoints(redis, prefix) };
  const at = { url: EVENTS_QUEUE, endpoint: simulator.url, ...options.events };
  const queue = new AwsEventsQueue(at.url, queueAddress(at.url).region ?? '', {
    ...aws,
    endpoint: at.endpoint,
  });
  const events = options.events && new Ec2Events(deps, queue);
  const hearsEvents = () => events?.state === 'listening';
  const stepsAtWork = new StepsAtWork();
  const workerDeps = { ...deps, ...delivering, workers, stepsAtWork, settings, hearsEvents };
  const steps = new SteppedWorker(workerDeps, { redisUrl: url, prefix, sweepMs: SWEEP_MS, simulator });
  const running: RunningWorker[] = [];
  const startWorker = async () => {
    const worker = await buildWorker(workerDeps, blocking, { prefix, concurrency: 20, sweepMs: SWEEP_MS });
    running.push(worker);
    return worker;
  };
  // The first wake-up would otherwise come later than its record, when the queue is open.
  await Promise.all([store.syncClock(), producer.queues().catch(() => [])]);
  events?.start();
  for (let i = 0; i < (options.workers ?? 0); i += 1) await startWorker();

  const untilHolds: Service['until'] = (holds) =>
    options.workers === undefined ? steps.until(holds) : until(holds);
  const untilJob: Service['untilJob'] = async (id, holds) => {
    let job = await store.get(id);
    await untilHolds(async () => {
      job = await store.get(id);
      return job?.kind === 'copy' && holds(job);
    }).catch((error) => {
      throw new Error(`the job never met the condition: ${JSON.stringify(job, null, 1)}`, { cause: error });
    });
    if (job?.kind !== 'copy') throw new Error(`there is no copy ${id}`);
    return job;
  };
  return {
    ...deps,
    dryRuns,
    eventLog: new EventLog(redis, prefix),
    workers,
    simulator,
    control: new SimulatorControl(simulator.url),
    prefix,
    settings,
    workerDeps,
    startWorker,
    events,
    copy: (request, source = GOLDEN_WEB) => requestCopy(deps, source, request, TESTER),
    steps,
    until: untilHolds,
    untilJob,
    untilFinished: (id) => untilJob(id, (job) => job.finishedAt !== null),
    stop: async () => {
      await Promise.all([events?.stop(), steps.close()]);
      await Promise.all(running.map((worker) => worker.close()));
      await producer.close();
      await dropPrefix(redis, prefix);
      await Promise.all([closeRedis(redis), closeRedis(blocking)]);
      gateway.close();
      kms.close();
      dryRuns.close();
      credentials.close();
      await simulator.close();
    },
  };
}

/** The webhook deliveries of a job. */
export async function deliveriesOf({ store }: Pick<Service, 'store'>, id: string): Promise<Delivery[]> {
  return (await store.deliveries.ofJobs([id])).get(id) ?? [];
}

/** Waits until a change of permissions has ended with any result. */
export async function untilChanged(
  { store, until: untilHolds }: Service,
  id: string,
): Promise<PermissionsJob> {
  let job = await store.get(id);
  await untilHolds(async () => {
    job = await store.get(id);
    return job?.finishedAt !== null;
  });
  if (job?.kind !== 'permissions') throw new Error(`there is no change ${id}`);
  return job;
}
