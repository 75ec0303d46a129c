import { BlockList, isIP } from 'node:net';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import { DEFAULT_QUOTAS } from '../domain/sharing-rules.ts';
import type { RetryTimes } from '../domain/webhooks.ts';
import { queueAddress } from '../sqs/queue-address.ts';
import type { TracingSettings } from '../tracing/settings.ts';
import { tracingSettings } from '../tracing/settings.ts';
import type { WebhookConfig } from '../webhooks/settings.ts';
import { WEBHOOK_SECRET } from '../webhooks/settings.ts';
import { ConfigError } from '../errors.ts';
import { AWS_REGIONS, REGION_PATTERN } from '../domain/regions.ts';
import { parseRedisUrl } from '../queue/redis-address.ts';

/**
 * Every setting, by the name of its environment variable: what it means, its form, and its default. Nothing else in
 * the service reads the environment (the AWS SDK reads its own names, and so does OpenTelemetry's exporter). docs/settings.md and .env.example list the same.
 */
interface Setting<Value extends number | string> {
  default: Value;
  description: string;
  /** What a value that was given stands for; `undefined` where it is invalid. */
  parse(given: string): Value | undefined;
  /** What a good value has to be. */
  rule: string;
}

type Range = { default: number; minimum: number; maximum: number; description: string };

const numeric = (kind: string, isGood: (value: number) => boolean) => {
  return ({ minimum, maximum, ...rest }: Range): Setting<number> => ({
    ...rest,
    rule: `must be a ${kind} from ${minimum} to ${maximum}`,
    parse: (given) => {
      const value = given.trim() === '' ? Number.NaN : Number(given);
      return isGood(value) && value >= minimum && value <= maximum ? value : undefined;
    },
  });
};
const number = numeric('number', Number.isFinite);
const integer = numeric('whole number', Number.isInteger);

const text = (one: {
  pattern: string;
  default: string;
  description: string;
  rule?: string;
}): Setting<string> => ({
  default: one.default,
  description: one.description,
  rule: one.rule ?? `must match the pattern ${one.pattern}`,
  parse: (given) => (new RegExp(one.pattern).test(given) ? given : undefined),
});

/** {@link REGION_PATTERN} as part of a longer pattern. */
const REGION = REGION_PATTERN.slice(1, -1);

const SETTINGS = {
  HOST: text({ default: '127.0.0.1', pattern: '.', description: 'address the API listens on' }),
  PORT: integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'port the API listens on' }),
  REDIS_URL: text({
    default: 'redis://127.0.0.1:6379',
    pattern: '^rediss?(\\+(cluster|sentinel))?://.+',
    description: 'address of Redis: redis://, redis+cluster:// or redis+sentinel://, with rediss over TLS',
  }),
  LOG_LEVEL: text({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: 'least severe level that is logged: trace, debug, info, warn, error, fatal or silent',
  }),
  AWS_REGION: text({
    default: 'us-east-1',
    pattern: REGION_PATTERN,
    rule: 'must be the name of an AWS region, such as eu-west-1',
    description: 'region of an AMI for which ?region= says nothing',
  }),
  QUEUE_PREFIX: text({
    default: '{amiferry}',
    pattern: '^\\{[A-Za-z0-9_-]+\\}$',
    description: 'prefix of every Redis key, in braces so that a cluster keeps them together',
  }),
  REGIONS: text({
    default: AWS_REGIONS.join(','),
    pattern: `^ *${REGION} *(, *${REGION} *)*$`,
    rule: 'must be names of AWS regions separated by commas, such as us-east-1, eu-west-1',
    description: 'regions that may be named, separated by commas',
  }),
  COPY_SLOTS: integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: 'copies at once into one region; the others wait their turn',
  }),
  MAX_SHAREES: integer({
    default: DEFAULT_QUOTAS.sharees,
    minimum: 1,
    maximum: 1_000_000,
    description:
      "EC2's quota of accounts, organizations and units that one image is shared with in a region; change it where AWS has raised it",
  }),
  MAX_PUBLIC_IMAGES: integer({
    default: DEFAULT_QUOTAS.publicImages,
    minimum: 0,
    maximum: 1_000_000,
    description: "EC2's quota of public images of the account in a region; change it where AWS has raised it",
  }),
  EC2_CALL_SHARE: number({
    default: 1,
    minimum: 0.01,
    maximum: 1000,
    description:
      "part of EC2's documented limits of calls that is used here: less than 1 where others in the account call EC2 too, more where AWS has raised the limits",
  }),
  POLL_SECONDS: number({
    default: 5,
    minimum: 0.05,
    maximum: 300,
    description:
      'shortest time in seconds between two polls of the pending copies of a region; old ones are polled more rarely, up to six times as far apart',
  }),
  EVENTS_QUEUE_URL: text({
    default: '',
    pattern: '^https?://[^/\\s@]+(?:/[^/\\s]+)*/[0-9]{12}/[A-Za-z0-9_-]{1,80}(?:\\.fifo)?$',
    description:
      "address of the SQS queue that receives EC2's own image events; without it, copies are only polled",
  }),
  EVENTS_POLL_SECONDS: number({
    default: 30,
    minimum: 0.05,
    maximum: 300,
    description: 'seconds between two polls while these events are received',
  }),
  SWEEP_SECONDS: number({
    default: 5,
    minimum: 0.1,
    maximum: 300,
    description: 'seconds between two searches for unfinished work that nothing would wake',
  }),
  SLOT_RETRY_SECONDS: number({
    default: 30,
    minimum: 0.1,
    maximum: 3600,
    description: 'seconds before a region that EC2 called full is tried again, unless one of our copies ends',
  }),
  LOST_COPY_SECONDS: number({
    default: 300,
    minimum: 1,
    maximum: 3600,
    description: 'seconds for which a new image may be NotFound before its copy counts as gone',
  }),
  CREDENTIALS_SECONDS: number({
    default: 3600,
    minimum: 1,
    maximum: 86_400,
    description:
      "seconds for which an account may refuse the service's credentials before what waits for it fails",
  }),
  TOKEN_TRUST_SECONDS: number({
    default: 600,
    minimum: 0.1,
    maximum: 86_400,
    description:
      'seconds after which a CopyImage without an answer is looked for by its tag before it is called again',
  }),
  WEDGED_SECONDS: number({
    default: 60,
    minimum: 1,
    maximum: 3600,
    description:
      'seconds after which a worker exits, to be started again, when steps wait and none is run; ten times as long for one step that does not end, twice as long for one poll of a region',
  }),
  RETRY_SECONDS: number({
    default: 900,
    minimum: 1,
    maximum: 86_400,
    description: 'seconds for which EC2 errors that may pass (5xx, time-outs) are retried',
  }),
  WORKER_CONCURRENCY: integer({
    default: 20,
    minimum: 1,
    maximum: 500,
    description: 'steps that one worker does at once',
  }),
  WORKER_HEALTH_PORT: integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: "port of the worker's own /health; 0 is none",
  }),
  IDEMPOTENCY_DAYS: number({
    default: 7,
    minimum: 0.0001,
    maximum: 365,
    description:
      'days for which the answer to a request with an Idempotency-Key is given again; after that the request counts as a new one',
  }),
  JOB_RETENTION_DAYS: number({
    default: 30,
    minimum: 0.0001,
    maximum: 3650,
    description: 'days for which a finished job is kept',
  }),
  EVENT_STREAMS: integer({
    default: 2000,
    minimum: 0,
    maximum: 50_000,
    description: 'event streams that one API process keeps open at most',
  }),
  EVENT_STREAMS_PER_CALLER: integer({
    default: 50,
    minimum: 1,
    maximum: 50_000,
    description: "how many of them may be the same caller's",
  }),
  EVENT_STREAM_MINUTES: number({
    default: 60,
    minimum: 0.001,
    maximum: 10_080,
    description:
      'minutes after which an event stream ends, so that its client comes back with credentials that still hold',
  }),
  EVENT_HEARTBEAT_SECONDS: number({
    default: 15,
    minimum: 0.05,
    maximum: 300,
    description:
      'seconds between two signs of life on an event stream; a client that takes nothing in between is dropped',
  }),
  WEBHOOK_SECRETS: text({
    default: '',
    pattern: `^${WEBHOOK_SECRET}(,${WEBHOOK_SECRET})*$`,
    description:
      'secrets that webhooks are signed with, separated by commas, each whsec_ and 24 to 64 bytes in base64; several while they are rotated; without it, only the endpoints of WEBHOOK_ENDPOINTS_FILE are notified',
  }),
  WEBHOOK_URLS: text({
    default: '',
    pattern: '^https?://[^,\\s]+(,https?://[^,\\s]+)*$',
    description: 'addresses that are notified of every job, separated by commas',
  }),
  WEBHOOK_ENDPOINTS_FILE: text({
    default: '',
    pattern: '.',
    description:
      'file of endpoints that are notified of every job, each with secrets of its own (docs/webhooks.md)',
  }),
  WEBHOOK_HOSTS: text({
    default: '',
    pattern: '^(\\*\\.)?[a-z0-9.:-]+(,(\\*\\.)?[a-z0-9.:-]+)*$',
    description:
      'hosts that webhooks may be sent to, separated by commas; *.example.com allows all names below it; without it, all public hosts',
  }),
  WEBHOOK_HTTP: integer({
    default: 0,
    minimum: 0,
    maximum: 1,
    description: '1: webhooks may go to http:// too',
  }),
  WEBHOOK_PRIVATE_ADDRESSES: text({
    default: '',
    pattern: '^[0-9a-f.:]+(/[0-9]{1,3})?(,[0-9a-f.:]+(/[0-9]{1,3})?)*$',
    description:
      'addresses and CIDR ranges that webhooks may be sent to although they are not public, separated by commas',
  }),
  WEBHOOK_RETRY_DAYS: number({
    default: 3,
    minimum: 0.0001,
    maximum: 30,
    description: 'days for which a webhook that fails is tried again',
  }),
  AUTH: text({
    default: 'auto',
    pattern: '^(auto|none)$',
    description:
      'auto: API keys and tokens as configured below, and without either only on loopback; none: everybody may do everything',
  }),
  ALLOWED_HOSTS: text({
    default: '',
    pattern: '^[a-z0-9.:-]+(,[a-z0-9.:-]+)*$',
    description:
      'names, without port, by which the API may be called besides localhost, separated by commas. Where it is not set, every name is accepted, except on loopback without authentication, where only localhost is',
  }),
  TRUSTED_PROXIES: text({
    default: '',
    pattern: '^[0-9a-f.:]+(/[0-9]{1,3})?(,[0-9a-f.:]+(/[0-9]{1,3})?)*$',
    description:
      'addresses and CIDR ranges of the load balancers in front of the API, separated by commas: the caller is the address that they add to X-Forwarded-For; none without it',
  }),
  API_KEYS_FILE: text({
    default: '',
    pattern: '.',
    description: 'file of API keys, made by "npm run api-key"; no API keys without it',
  }),
  JWT_JWKS_URL: text({
    default: '',
    pattern: '^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/])',
    description: "https:// address of the identity provider's keys (JWKS); no tokens without it",
  }),
  JWT_ISSUER: text({ default: '', pattern: '.', description: 'issuer (iss) that a token must have' }),
  JWT_AUDIENCE: text({ default: '', pattern: '.', description: 'audience (aud) that a token must have' }),
  JWT_ALGORITHMS: text({
    default: 'RS256,ES256',
    pattern:
      '^(RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA)(,(RS|PS|ES)(256|384|512)|,EdDSA)*$',
    description: 'signature algorithms that a token may have, separated by commas; asymmetric ones only',
  }),
  POLICY_FILE: text({
    default: '',
    pattern: '.',
    description:
      'file that says who may copy what where and share with whom; needed as soon as callers are authenticated',
  }),
  RATE_LIMIT: integer({
    default: 6000,
    minimum: 0,
    maximum: 1_000_000,
    description:
      'requests a minute that one caller may make, over all API processes; a lineage counts as one for each region that it asks; 0 is no limit',
  }),
  AUDIT_ENTRIES: integer({
    default: 100_000,
    minimum: 1000,
    maximum: 100_000_000,
    description: 'entries that the audit in Redis keeps, approximately; the log has all of them',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description:
      'base address of an OpenTelemetry collector (OTLP over HTTP) that gets traces; none without it',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text({
    default: '',
    pattern: '^https?://.+',
    description: 'the whole address for traces, in place of the base address and /v1/traces',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: text({
    default: 'http/protobuf',
    pattern: '^http/protobuf$',
    description: 'protocol of the collector; http/protobuf (port 4318 as a rule) is the only one',
  }),
  OTEL_TRACES_EXPORTER: text({
    default: '',
    pattern: '^(otlp|none)$',
    description: 'otlp: traces also without an address, to localhost; none: no traces',
  }),
  OTEL_SDK_DISABLED: text({
    default: '',
    pattern: '^(true|false)$',
    description: 'true: no traces, whatever else is set',
  }),
  OTEL_SERVICE_NAME: text({
    default: '',
    pattern: '.',
    description: 'service.name of the traces; amiferry-api and amiferry-worker without it',
  }),
  OTEL_TRACES_SAMPLER: text({
    default: 'parentbased_always_on',
    pattern: '^(parentbased_)?(always_on|always_off|traceidratio)$',
    description: 'which traces are kept, by the names of OpenTelemetry',
  }),
  OTEL_TRACES_SAMPLER_ARG: number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'part of the traces that traceidratio and parentbased_traceidratio keep',
  }),
};

type Settings = { [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]['default'] };

/** The queue with EC2's events. */
export interface EventsQueueSettings {
  url: string;
  region: string;
  /** The address to call, unless the SDK is to find it. */
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
  /** `null` where no events are to be heard. */
  eventsQueue: EventsQueueSettings | null;
  sweepMs: number;
  slotRetryMs: number;
  lostCopyMs: number;
  /** Between the first and the last poll that do not find an image. */
  goneMs: number;
  credentialsMs: number;
  tokenTrustMs: number;
  wedgedMs: number;
  retryMs: number;
  workerConcurrency: number;
  workerHealthPort: number;
  idempotencyMs: number;
  retentionMs: number;
  /** Authentication is off by AUTH=none. */
  authNone: boolean;
  /** Empty: any. */
  allowedHosts: readonly string[];
  /** Addresses and CIDR ranges. */
  trustedProxies: readonly string[];
  /** Files, addresses and names are empty where they are not set. */
  apiKeysFile: string;
  jwt: { jwksUrl: string; issuer: string; audience: string; algorithms: readonly string[] };
  policyFile: string;
  /** Requests a minute and caller; 0 is no limit. */
  rateLimit: number;
  auditEntries: number;
  streams: { total: number; perCaller: number; heartbeatMs: number; maxAgeMs: number };
  webhooks: WebhookConfig;
  webhookTimes: RetryTimes;
  /** `null`: no traces. */
  tracing: TracingSettings | null;
}

/** The first of the growing waits between two tries of a webhook: 5 s, 15 s, 45 s, … */
const WEBHOOK_BACKOFF_MS = 5000;

/** So long at least several polls in a row have to miss an image before it counts as gone: one answer may be stale. */
const GONE_MS = 120_000;

/** Reads the settings out of an environment. @throws {ConfigError} at the first that is invalid. */
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

/** @throws {ConfigError} naming the first that is neither an address nor a CIDR range */
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

/** It is parsed where it is used; here it is only made sure that it can be. */
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

/** The SDK's own variables for another address go before the host of the URL. */
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

/** Their values hold secrets, or may, and are never repeated. */
const SECRET = new Set([
  'REDIS_URL',
  'WEBHOOK_SECRETS',
  'WEBHOOK_URLS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
]);

function readSetting(
  name: string,
  setting: Setting<number> | Setting<string>,
  given: string | undefined,
): unknown {
  if (given === undefined || given === '') return setting.default;
  const value = setting.parse(given);
  if (value !== undefined) return value;
  const shown = SECRET.has(name) ? '' : `="${given}"`;
  throw new ConfigError(`${name}${shown} is invalid: it ${setting.rule}. It is the ${setting.description}.`);
}

/** Name, description and default of every setting, for the documents and their test. */
export function settingsTable(): { name: string; description: string; default: string }[] {
  return Object.entries(SETTINGS).map(([name, { description, ...rest }]) => ({
    name,
    description,
    default: String(rest.default),
  }));
}
