import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { AWS_REGIONS, REGION_PATTERN } from './domain/regions.ts';

/**
 * Every setting, by the name of its environment variable: what it means, its form, and its default. Nothing else in
 * the service reads the environment (the AWS SDK reads its own names). README and .env.example list the same.
 */
const number = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Number(options);
const integer = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Integer(options);

const Settings = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'address the API listens on' }),
  PORT: integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'port the API listens on' }),
  REDIS_URL: Type.String({
    default: 'redis://127.0.0.1:6379',
    pattern: '^rediss?://.+',
    description: 'redis:// or rediss:// address of Redis',
  }),
  LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'least severe level that is logged' },
  ),
  AWS_REGION: Type.String({
    default: 'us-east-1',
    pattern: REGION_PATTERN,
    description: 'region of an AMI for which ?region= says nothing',
  }),
  QUEUE_PREFIX: Type.String({
    default: '{amiferry}',
    pattern: '^\\{[A-Za-z0-9_-]+\\}$',
    description: 'prefix of every Redis key, in braces so that a cluster keeps them together',
  }),
  REGIONS: Type.String({
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
});

type Settings = Static<typeof Settings>;

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
}

/** A setting that is no good: the message names it, its value and what it has to be. */
export class ConfigError extends Error {}

/** Reads the settings out of an environment. @throws {ConfigError} at the first that is no good. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const raw: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(Settings.properties))
    raw[name] = readSetting(env, name, schema);
  const settings = raw as Settings;
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
  };
}

type SettingSchema = (typeof Settings.properties)[keyof typeof Settings.properties];

function readSetting(env: NodeJS.ProcessEnv, name: string, schema: SettingSchema): unknown {
  const text = env[name];
  if (text === undefined || text === '') return schema.default;
  const numeric = schema.type === 'number' || schema.type === 'integer';
  const value = numeric && text.trim() !== '' ? Number(text) : text;
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  // An address may hold a password: its value is never repeated.
  const shown = name === 'REDIS_URL' ? '' : ` ("${text}")`;
  throw new ConfigError(
    `${name}${shown} is no good: ${first?.message ?? 'wrong form'}. It is the ${schema.description}.`,
  );
}

/** Name, description and default of every setting, for the documents and their test. */
export function settingsTable(): { name: string; description: string; default: string }[] {
  return Object.entries(Settings.properties).map(([name, schema]) => ({
    name,
    description: schema.description,
    default: String(schema.default),
  }));
}
