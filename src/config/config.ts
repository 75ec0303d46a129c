import { BlockList, isIP } from 'node:net';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { RetryTimes } from '../domain/webhooks.ts';
import { queueAddress } from '../aws/sqs/queue-address.ts';
import type { TracingSettings } from '../tracing/settings.ts';
import { tracingSettings } from '../tracing/settings.ts';
import type { WebhookConfig } from '../webhooks/settings.ts';
import { ConfigError } from '../errors.ts';
import { parseRedisUrl } from '../queue/redis-address.ts';
import { SERVICE } from './settings/service.ts';
import { COPYING } from './settings/copying.ts';
import { JOBS } from './settings/jobs.ts';
import { WEBHOOKS } from './settings/webhooks.ts';
import { ACCOUNTS } from './settings/accounts.ts';
import { ACCESS } from './settings/access.ts';
import { TRACING } from './settings/tracing.ts';
import { readSetting } from './setting.ts';

/**
 * Every setting, by the name of its environment variable, with meaning, form and default. No other code of the service reads the
 * environment; the AWS SDK and OpenTelemetry's exporter read their own variables. docs/settings.md and .env.example list the
 * same settings.
 */
const SETTINGS = { ...SERVICE, ...COPYING, ...JOBS, ...WEBHOOKS, ...ACCESS, ...ACCOUNTS, ...TRACING };

type Settings = { [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]['default'] };

/** The SQS queue with EC2's events. */
export interface EventsQueueSettings {
  url: string;
  region: string;
  /** The address of SQS; without it the SDK determines the address. */
  endpoint: string | null;
}

export interface Config {
  host: string;
  port: number;
  redisUrl: string;
  logLevel: string;
  defaultRegion: string;
  queuePrefix: string;
  regions: readonly string[];
  copySlots: number;
  callShare: number;
  quotas: SharingQuotas;
  pollMs: number;
  eventsPollMs: number;
  /** `null`: no events are received. */
  eventsQueue: EventsQueueSettings | null;
  sweepMs: number;
  slotRetryMs: number;
  lostCopyMs: number;
  /** Milliseconds between the first and the last poll that do not find an image, before its copy counts as lost. */
  goneMs: number;
  credentialsMs: number;
  tokenTrustMs: number;
  wedgedMs: number;
  retryMs: number;
  workerConcurrency: number;
  workerHealthPort: number;
  idempotencyMs: number;
  retentionMs: number;
  /** Whether AUTH=none turns authentication off. */
  authNone: boolean;
  /** Empty: any. */
  allowedHosts: readonly string[];
  /** Addresses and CIDR ranges. */
  trustedProxies: readonly string[];
  /** Files, addresses and names that are not set are empty. */
  apiKeysFile: string;
  jwt: { jwksUrl: string; issuer: string; audience: string; algorithms: readonly string[] };
  policyFile: string;
  accountsFile: string;
  /** Requests a minute and caller; 0 is no limit. */
  rateLimit: number;
  auditEntries: number;
  streams: { total: number; perCaller: number; heartbeatMs: number; maxAgeMs: number };
  webhooks: WebhookConfig;
  webhookTimes: RetryTimes;
  /** `null`: no traces. */
  tracing: TracingSettings | null;
}

/** The first of the growing waits between two attempts of a webhook: 5 s, 15 s, 45 s, … */
const WEBHOOK_BACKOFF_MS = 5000;

/** The shortest time over which polls in a row must miss an image before it counts as lost: a single answer may be stale. */
const GONE_MS = 120_000;

/** Reads the settings from an environment. @throws {ConfigError} for the first invalid one */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const read = Object.entries(SETTINGS).map(([name, one]) => [name, readSetting(name, one, env[name])]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value was parsed by its own setting
  const settings = Object.fromEntries(read) as Settings;
  return {
    host: settings.HOST,
    port: settings.PORT,
    redisUrl: checkedRedisUrl(settings.REDIS_URL),
    logLevel: settings.LOG_LEVEL,
    defaultRegion: settings.AWS_REGION,
    queuePrefix: settings.QUEUE_PREFIX,
    regions: [...new Set(settings.REGIONS.split(',').map((region) => region.trim()))],
    copySlots: settings.COPY_SLOTS,
    quotas: { sharees: settings.MAX_SHAREES, publicImages: settings.MAX_PUBLIC_IMAGES },
    callShare: settings.EC2_CALL_SHARE,
    pollMs: settings.POLL_SECONDS * 1000,
    eventsPollMs: settings.EVENTS_POLL_SECONDS * 1000,
    eventsQueue: eventsQueueOf(settings, env),
    sweepMs: settings.SWEEP_SECONDS * 1000,
    slotRetryMs: settings.SLOT_RETRY_SECONDS * 1000,
    lostCopyMs: settings.LOST_COPY_SECONDS * 1000,
    goneMs: Math.min(GONE_MS, settings.LOST_COPY_SECONDS * 1000),
    credentialsMs: settings.CREDENTIALS_SECONDS * 1000,
    tokenTrustMs: settings.TOKEN_TRUST_SECONDS * 1000,
    wedgedMs: settings.WEDGED_SECONDS * 1000,
    retryMs: settings.RETRY_SECONDS * 1000,
    workerConcurrency: settings.WORKER_CONCURRENCY,
    workerHealthPort: settings.WORKER_HEALTH_PORT,
    idempotencyMs: settings.IDEMPOTENCY_DAYS * 86_400_000,
    retentionMs: settings.JOB_RETENTION_DAYS * 86_400_000,
    authNone: settings.AUTH === 'none',
    allowedHosts: list(settings.ALLOWED_HOSTS),
    trustedProxies: addressRanges('TRUSTED_PROXIES', settings.TRUSTED_PROXIES),
    apiKeysFile: settings.API_KEYS_FILE,
    jwt: {
      jwksUrl: settings.JWT_JWKS_URL,
      issuer: settings.JWT_ISSUER,
      audience: settings.JWT_AUDIENCE,
      algorithms: settings.JWT_ALGORITHMS.split(','),
    },
    policyFile: settings.POLICY_FILE,
    accountsFile: settings.ACCOUNTS_FILE,
    rateLimit: settings.RATE_LIMIT,
    auditEntries: settings.AUDIT_ENTRIES,
    webhooks: {
      secrets: list(settings.WEBHOOK_SECRETS),
      urls: list(settings.WEBHOOK_URLS),
      endpointsFile: settings.WEBHOOK_ENDPOINTS_FILE,
      hosts: list(settings.WEBHOOK_HOSTS),
      http: settings.WEBHOOK_HTTP === 1,
      privateAddresses: addressRanges('WEBHOOK_PRIVATE_ADDRESSES', settings.WEBHOOK_PRIVATE_ADDRESSES),
    },
    webhookTimes: { backoffMs: WEBHOOK_BACKOFF_MS, retryMs: settings.WEBHOOK_RETRY_DAYS * 86_400_000 },
    streams: {
      total: settings.EVENT_STREAMS,
      perCaller: settings.EVENT_STREAMS_PER_CALLER,
      heartbeatMs: settings.EVENT_HEARTBEAT_SECONDS * 1000,
      maxAgeMs: settings.EVENT_STREAM_MINUTES * 60_000,
    },
    tracing: tracingSettings(settings),
  };
}

/** @throws {ConfigError} that names the first value that is neither an address nor a CIDR range */
function addressRanges(name: string, setting: string): string[] {
  const ranges = list(setting);
  const known = new BlockList();
  for (const range of ranges) {
    const [address = '', bits = isIP(address) === 6 ? '128' : '32'] = range.split('/');
    try {
      known.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
    } catch {
      throw new ConfigError(`${name} is invalid: ${range} is neither an address nor a CIDR range`);
    }
  }
  return ranges;
}

/** Checks that the address can be parsed; the connection parses it again. */
function checkedRedisUrl(url: string): string {
  try {
    parseRedisUrl(url);
    return url;
  } catch (error) {
    throw new ConfigError(
      `REDIS_URL is invalid: it ${String(error instanceof Error ? error.message : error)}.`,
    );
  }
}

/** The SDK's variables for another endpoint take precedence over the host of the URL. */
function eventsQueueOf(
  { EVENTS_QUEUE_URL, AWS_REGION }: Settings,
  env: NodeJS.ProcessEnv,
): EventsQueueSettings | null {
  if (EVENTS_QUEUE_URL === '') return null;
  const { url, region, endpoint } = queueAddress(EVENTS_QUEUE_URL);
  const elsewhere = Boolean(env['AWS_ENDPOINT_URL_SQS'] || env['AWS_ENDPOINT_URL']);
  return { url, region: region ?? AWS_REGION, endpoint: elsewhere ? null : endpoint };
}

function list(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

/** Name, description and default of every setting, for the documents and their test. */
export function settingsTable(): { name: string; description: string; default: string }[] {
  return Object.entries(SETTINGS).map(([name, { description, ...rest }]) => ({
    name,
    description,
    default: String(rest.default),
  }));
}
