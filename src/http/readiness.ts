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
  /** Of keys and policy; default: none. */
  files?: readonly FileState[];
  /** Where the credentials are tried out. */
  defaultRegion: string;
  /** Milliseconds of any clock that only goes forward. */
  now?: () => number;
}

type Check = Health['checks'][number];

/** For so long a good answer about the credentials counts, however often readiness is asked; a bad one counts for a moment only. */
const CREDENTIALS_FRESH_MS = 30_000;
const CREDENTIALS_RETRY_MS = 1000;
/** Readiness answers within this time, also when EC2 doesn't. */
const EC2_PATIENCE_MS = 2000;

/** Makes the function that looks at everything the service needs. */
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
    // The rest is unknown while it is away, and adds nothing to that.
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
        : `maxmemory-policy is ${policy}, so Redis may throw jobs away: CONFIG SET maxmemory-policy noeviction`,
    ),
    check(
      'redis-role',
      role === 'master' ? null : `this Redis is a ${role} and takes no writes: name the master`,
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

/** A warning alone: what is accepted meanwhile is kept, and goes on once a worker runs. */
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
      (error: unknown) => (error instanceof AmiferryError ? error.message : 'EC2 could not be asked'),
    );
  const why = await Promise.race([opinion, patience]);
  late.abort();
  return check('ec2-credentials', why);
}

/** Readiness is public: what is wrong with the file is in the log alone. */
function checkFile({ setting, stale }: FileState): Check {
  const why = `the file of ${setting} is invalid, and the one before stays in force: the log says why`;
  return check(setting.toLowerCase().replaceAll('_', '-'), stale ? why : null, false);
}

function check(name: string, why: string | null, required = true): Check {
  return { name, ok: why === null, required, why };
}

/** Runs a check at most once at a time, and again only when its last result is no longer fresh; everybody gets that result. */
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
