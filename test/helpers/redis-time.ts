import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { storeKeys } from '../../src/store/keys.ts';

/** The factor of BullMQ's score of a delayed job: its time in milliseconds times this, plus a counter. */
const DELAYED_SCORE = 0x1000;

/**
 * ARGV: the prefix; milliseconds; {@link DELAYED_SCORE}. It is one script, since a round trip for each key would take longer than the
 * steps of a test. A call budget (`:calls:`) has times in seconds.
 */
const AGE = `
local passed = tonumber(ARGV[2])
local function age_bucket(key)
  for _, field in ipairs({'at', 'refused'}) do
    if redis.call('HEXISTS', key, field) == 1 then redis.call('HINCRBYFLOAT', key, field, -passed / 1000) end
  end
end
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  if key:sub(-8) == ':delayed' then
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, string.format('%.0f', -passed * tonumber(ARGV[3])), id)
    end
  else
    if key:find(':calls:', 1, true) then age_bucket(key) end
    local left = redis.call('PTTL', key)
    if left > passed then redis.call('PEXPIRE', key, left - passed)
    elseif left >= 0 then redis.call('DEL', key) end
  end
end
`;

/**
 * Ages the keys of a prefix by some milliseconds: keys expire, call budgets refill, and BullMQ's delayed jobs become due earlier.
 * Redis' own clock does not change.
 */
export async function age(redis: Redis, prefix: string, milliseconds: number): Promise<void> {
  await run(redis, AGE, [], [prefix, String(milliseconds), String(DELAYED_SCORE)]);
}

/**
 * KEYS: lease of the tick, lease of the sweep, scopes, unfinished, due deliveries, wait queues, then those of the queues without their last part.
 * Answers the milliseconds left of both leases (PTTL), the lowest score of scopes, of unfinished and of the due deliveries,
 * how many wait queues there are, and for each queue how many jobs wait and the lowest score of those that are delayed; an empty text for no score.
 */
const DUE = `
local function lowest(key) return redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '' end
local due = {
  redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]),
  lowest(KEYS[3]), lowest(KEYS[4]), lowest(KEYS[5]), redis.call('SCARD', KEYS[6])
}
for i = 7, #KEYS do
  due[#due + 1] = redis.call('LLEN', KEYS[i] .. ':wait') + redis.call('ZCARD', KEYS[i] .. ':prioritized')
  due[#due + 1] = lowest(KEYS[i] .. ':delayed')
end
return due
`;

/** The times for which the service waits, epoch milliseconds, or `Infinity`. */
export interface Due {
  /** Milliseconds left of the leases of the recurring steps; negative if a lease is free. */
  leases: { tick: number; sweep: number };
  /** When the next scope, the next job and the next webhook delivery are due. */
  scope: number;
  job: number;
  delivery: number;
  waitQueues: number;
  /** By queue: the number of waiting jobs, and when the next delayed one is due by this process' clock. */
  queues: { waiting: number; delayed: number }[];
}

/** Reads these times in one round trip. */
export async function readDue(redis: Redis, prefix: string, queues: readonly string[]): Promise<Due> {
  const keys = storeKeys(prefix);
  const names = [
    keys.lease('tick'),
    keys.lease('sweep'),
    keys.scopes,
    keys.unfinished,
    keys.deliveriesDue,
    keys.waitQueues,
    ...queues.map((name) => `${prefix}:${name}`),
  ];
  const [tick, sweep, scope, job, delivery, waitQueues, ...rest] = await run(redis, DUE, names, []);
  const time = (score: unknown) => (score === '' || score === 'inf' ? Infinity : Number(score));
  return {
    leases: { tick: Number(tick), sweep: Number(sweep) },
    scope: time(scope),
    job: time(job),
    delivery: time(delivery),
    waitQueues: Number(waitQueues),
    queues: queues.map((_, i) => ({
      waiting: Number(rest[2 * i]),
      delayed: Math.floor(time(rest[2 * i + 1]) / DELAYED_SCORE),
    })),
  };
}

/** Runs a script by its hash; its text is sent only if Redis does not know it. */
async function run(redis: Redis, script: string, keys: string[], args: string[]): Promise<unknown[]> {
  const sha = createHash('sha1').update(script).digest('hex');
  const words = [String(keys.length), ...keys, ...args];
  try {
    return (await redis.call('EVALSHA', sha, ...words)) as unknown[];
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return (await redis.call('EVAL', script, ...words)) as unknown[];
  }
}
