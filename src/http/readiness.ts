import { setTimeout as sleep } from 'node:timers/promises';
import type { FileState } from '../checked-file.ts';
import type { Workers } from '../store/workers.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { OwnAccount } from '../aws/sts/own-account.ts';
import { AmiferryError } from '../errors.ts';
import type { RedisProbe } from '../queue/connections.ts';
import { connectionFault } from './redis-errors.ts';
import type { Health } from './schemas/health.ts';

export interface ReadinessDeps {
  redis: RedisProbe;
  workers: Pick<Workers, 'count'>;
  gateway: Pick<Ec2Gateway, 'checkCredentials'>;
  ownAccount: Pick<OwnAccount, 'get'>;
  /** State of the checked files; default: none. */
  files?: readonly FileState[];
  /** The region in which the credentials are checked. */
  defaultRegion: string;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

type Check = Health['checks'][number];

/** For how long a successful check of the credentials stays valid, and a failed one, milliseconds. */
const CREDENTIALS_FRESH_MS = 30_000;
const CREDENTIALS_RETRY_MS = 1000;
/** The longest time that readiness waits for EC2, milliseconds. */
const EC2_PATIENCE_MS = 2000;

/** Makes the function that checks everything the service needs. */
export function readiness({
  redis,
  workers,
  gateway,
  ownAccount,
  files = [],
  defaultRegion,
  now = () => performance.now(),
}: ReadinessDeps): () => Promise<Health> {
  const credentials = fresh(now, () => checkCredentials({ gateway, ownAccount }, defaultRegion));
  return oneAtATime(async () => {
    const checks = [...(await checkRedis(redis, workers)), await credentials(), ...files.map(checkFile)];
    const ready = checks.every((check) => check.ok || !check.required);
    return { status: ready ? 'ready' : 'not-ready', checks };
  });
}

/** Requests that arrive while a check runs share its result: the route takes no credentials and has no rate limit. */
function oneAtATime<T>(look: () => Promise<T>): () => Promise<T> {
  let looking: Promise<T> | undefined;
  return () => {
    looking ??= look().finally(() => (looking = undefined));
    return looking;
  };
}

async function checkRedis(redis: RedisProbe, workers: ReadinessDeps['workers']): Promise<Check[]> {
  try {
    const info = parseInfo(await redis.info());
    return [
      check('redis', info['loading'] === '1' ? 'Redis is still loading its data' : null),
      ...settingsOf(info),
      checkWorkers(await workers.count()),
    ];
  } catch (error) {
    // Nothing else is known while Redis is unavailable.
    return [check('redis', `Redis does not answer: ${connectionFault(error)}`)];
  }
}

function settingsOf(info: Record<string, string>): Check[] {
  const { maxmemory_policy: policy, aof_enabled: aof, role } = info;
  return [
    check(
      'redis-maxmemory-policy',
      policy === 'noeviction'
        ? null
        : `maxmemory-policy is ${policy}, so Redis may evict jobs: CONFIG SET maxmemory-policy noeviction`,
    ),
    check(
      'redis-role',
      role === 'master' ? null : `this Redis is a ${role} and accepts no writes: set REDIS_URL to the master`,
    ),
    check(
      'redis-aof',
      aof === '1'
        ? null
        : 'the append-only file is off, so a crash of Redis loses jobs: CONFIG SET appendonly yes',
      false,
    ),
  ];
}

/** Only a warning: jobs accepted meanwhile are saved, and continue as soon as a worker runs. */
function checkWorkers(running: number): Check {
  const why = 'no worker is running: jobs are accepted and wait until one is started (npm run worker)';
  return check('workers', running > 0 ? null : why, false);
}

async function checkCredentials(
  { gateway, ownAccount }: Pick<ReadinessDeps, 'gateway' | 'ownAccount'>,
  region: string,
): Promise<Check> {
  const late = new AbortController();
  const patience = sleep(EC2_PATIENCE_MS, 'EC2 has not answered yet', { signal: late.signal });
  const opinion = ownAccount
    .get()
    .then((account) => gateway.checkCredentials({ account, region }))
    .then(
      () => null,
      (error: unknown) => (error instanceof AmiferryError ? error.message : 'EC2 could not be called'),
    );
  const why = await Promise.race([opinion, patience]);
  late.abort();
  return check('ec2-credentials', why);
}

/** Readiness is public: only the log says what is wrong with the file. */
function checkFile({ setting, stale }: FileState): Check {
  const why = `the file of ${setting} is invalid, and its previous content stays in use: see the log`;
  return check(setting.toLowerCase().replaceAll('_', '-'), stale ? why : null, false);
}

function check(name: string, why: string | null, required = true): Check {
  return { name, ok: why === null, required, why };
}

/** Runs a check at most once at a time, and only if its last result is stale; all callers get the same result. */
function fresh(now: () => number, run: () => Promise<Check>): () => Promise<Check> {
  let until = Number.NEGATIVE_INFINITY;
  let latest: Promise<Check> | undefined;
  return () => {
    if (latest !== undefined && now() < until) return latest;
    until = Infinity;
    latest = run();
    void latest.then(({ ok }) => {
      until = now() + (ok ? CREDENTIALS_FRESH_MS : CREDENTIALS_RETRY_MS);
    });
    return latest;
  };
}

/** INFO is lines of `name:value`, with `# Section` lines between them. */
function parseInfo(text: string): Record<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  return Object.fromEntries(pairs);
}
