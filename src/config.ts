import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { AWS_REGIONS, REGION_PATTERN } from './domain/regions.ts';

/**
 * Every setting, by the name of its environment variable: what it means, its form, and its default. Nothing else in
 * the service reads the environment (the AWS SDK reads its own names). README and .env.example list the same.
 */
interface Setting<Schema extends TSchema> {
  schema: Schema;
  default: Static<Schema>;
  description: string;
}

const setting = <Schema extends TSchema>(
  schema: Schema,
  rest: { default: Static<Schema>; description: string },
): Setting<Schema> => ({ schema, ...rest });

type Range = { default: number; minimum: number; maximum: number; description: string };
const number = ({ minimum, maximum, ...rest }: Range) => setting(Type.Number({ minimum, maximum }), rest);
const integer = ({ minimum, maximum, ...rest }: Range) => setting(Type.Integer({ minimum, maximum }), rest);
const text = ({ pattern, ...rest }: { pattern: string; default: string; description: string }) =>
  setting(Type.String({ pattern }), rest);

const SETTINGS = {
  HOST: text({ default: '127.0.0.1', pattern: '.', description: 'address the API listens on' }),
  PORT: integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'port the API listens on' }),
  REDIS_URL: text({
    default: 'redis://127.0.0.1:6379',
    pattern: '^rediss?://.+',
    description: 'redis:// or rediss:// address of Redis',
  }),
  LOG_LEVEL: text({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: 'least severe level that is logged: trace, debug, info, warn, error, fatal or silent',
  }),
  AWS_REGION: text({
    default: 'us-east-1',
    pattern: REGION_PATTERN,
    description: 'region of an AMI for which ?region= says nothing',
  }),
  QUEUE_PREFIX: text({
    default: '{amiferry}',
    pattern: '^\\{[A-Za-z0-9_-]+\\}$',
    description: 'prefix of every Redis key, in braces so that a cluster keeps them together',
  }),
  REGIONS: text({
    default: AWS_REGIONS.join(','),
    pattern: '^[a-z0-9-]+(,[a-z0-9-]+)*$',
    description: 'regions that may be named, separated by commas',
  }),
  COPY_SLOTS: integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: 'copies at once into one region; the others wait their turn',
  }),
  POLL_SECONDS: number({
    default: 5,
    minimum: 0.05,
    maximum: 300,
    description: 'seconds between two looks at the pending copies of a region',
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
  EVENT_HEARTBEAT_SECONDS: number({
    default: 15,
    minimum: 0.05,
    maximum: 300,
    description:
      'seconds between two signs of life on an event stream; a client that takes nothing in between is dropped',
  }),
};

type Settings = { [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]['default'] };

export interface Config {
  host: string;
  port: number;
  redisUrl: string;
  logLevel: string;
  defaultRegion: string;
  queuePrefix: string;
  regions: readonly string[];
  copySlots: number;
  pollMs: number;
  sweepMs: number;
  slotRetryMs: number;
  lostCopyMs: number;
  retryMs: number;
  workerConcurrency: number;
  workerHealthPort: number;
  retentionMs: number;
  streams: { total: number; perCaller: number; heartbeatMs: number };
}

/** A setting that is no good: the message names it, its value and what it has to be. */
export class ConfigError extends Error {}

/** Reads the settings out of an environment. @throws {ConfigError} at the first that is no good. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const read = Object.entries(SETTINGS).map(([name, one]) => [name, readSetting(name, one, env[name])]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value was checked against its own schema
  const settings = Object.fromEntries(read) as Settings;
  return {
    host: settings.HOST,
    port: settings.PORT,
    redisUrl: settings.REDIS_URL,
    logLevel: settings.LOG_LEVEL,
    defaultRegion: settings.AWS_REGION,
    queuePrefix: settings.QUEUE_PREFIX,
    regions: settings.REGIONS.split(','),
    copySlots: settings.COPY_SLOTS,
    pollMs: settings.POLL_SECONDS * 1000,
    sweepMs: settings.SWEEP_SECONDS * 1000,
    slotRetryMs: settings.SLOT_RETRY_SECONDS * 1000,
    lostCopyMs: settings.LOST_COPY_SECONDS * 1000,
    retryMs: settings.RETRY_SECONDS * 1000,
    workerConcurrency: settings.WORKER_CONCURRENCY,
    workerHealthPort: settings.WORKER_HEALTH_PORT,
    retentionMs: settings.JOB_RETENTION_DAYS * 86_400_000,
    streams: {
      total: settings.EVENT_STREAMS,
      perCaller: settings.EVENT_STREAMS_PER_CALLER,
      heartbeatMs: settings.EVENT_HEARTBEAT_SECONDS * 1000,
    },
  };
}

function readSetting(
  name: string,
  { schema, ...rest }: Setting<TSchema>,
  given: string | undefined,
): unknown {
  if (given === undefined || given === '') return rest.default;
  const value = typeof rest.default === 'number' && given.trim() !== '' ? Number(given) : given;
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  // An address may hold a password: its value is never repeated.
  const shown = name === 'REDIS_URL' ? '' : `="${given}"`;
  throw new ConfigError(`${name}${shown} is no good: it ${first?.message}. It is the ${rest.description}.`);
}

/** Name, description and default of every setting, for the documents and their test. */
export function settingsTable(): { name: string; description: string; default: string }[] {
  return Object.entries(SETTINGS).map(([name, { description, ...rest }]) => ({
    name,
    description,
    default: String(rest.default),
  }));
}
