import type { Redis } from 'ioredis';
import { keysOf } from './redis.ts';

/** BullMQ's score of a delayed job is its time in milliseconds times this, plus a counter. */
const DELAYED_SCORE = 0x1000;

/** Moves every delayed job of a queue earlier. KEYS: delayed. ARGV: what to take off each score. */
const EARLIER = `
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], ARGV[1], id) end
`;

/**
 * Makes the keys of a prefix as old as they would be after so many more milliseconds: what expires meanwhile is gone, call
 * budgets have refilled, BullMQ's delayed jobs are that much nearer. Redis' own clock stays as it is.
 */
export async function age(redis: Redis, prefix: string, milliseconds: number): Promise<void> {
  const keys = await keysOf(redis, prefix);
  await Promise.all(keys.map((key) => ageKey(redis, key, milliseconds)));
}

async function ageKey(redis: Redis, key: string, milliseconds: number): Promise<void> {
  if (key.endsWith(':delayed')) {
    await redis.eval(EARLIER, 1, key, String(-milliseconds * DELAYED_SCORE));
    return;
  }
  if (key.includes(':calls:')) await ageBucket(redis, key, milliseconds / 1000);
  const left = await redis.pttl(key);
  if (left > milliseconds) await redis.pexpire(key, left - milliseconds);
  else if (left >= 0) await redis.del(key);
}

/** A call budget keeps times in seconds. */
async function ageBucket(redis: Redis, key: string, seconds: number): Promise<void> {
  for (const field of ['at', 'refused'])
    if ((await redis.hexists(key, field)) === 1) await redis.hincrbyfloat(key, field, -seconds);
}

/** When the next of BullMQ's delayed jobs of a queue is due, epoch milliseconds by this process; `null` if there is none. */
export async function nextDelayed(redis: Redis, queueKey: string): Promise<number | null> {
  const [, score] = await redis.zrange(`${queueKey}:delayed`, 0, '0', 'WITHSCORES');
  return score === undefined ? null : Math.floor(Number(score) / DELAYED_SCORE);
}
