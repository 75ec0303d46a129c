import type { Redis } from 'ioredis';

/** BullMQ's score of a delayed job is its time in milliseconds times this, plus a counter. */
const DELAYED_SCORE = 0x1000;

/**
 * ARGV: the prefix; milliseconds; {@link DELAYED_SCORE}. One script, as a round trip for each key would
 * cost more than the steps that a test runs. A call budget (`:calls:`) keeps times in seconds.
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
 * Makes the keys of a prefix as old as they would be after so many more milliseconds: what expires meanwhile is gone, call
 * budgets have refilled, BullMQ's delayed jobs are that much nearer. Redis' own clock stays as it is.
 */
export async function age(redis: Redis, prefix: string, milliseconds: number): Promise<void> {
  await redis.eval(AGE, 0, prefix, String(milliseconds), String(DELAYED_SCORE));
}

/** The highest score of a delayed job of BullMQ's that is due at a time, epoch milliseconds. */
export function delayedUntil(time: number): number {
  return (time + 1) * DELAYED_SCORE - 1;
}

/** When the next of BullMQ's delayed jobs of a queue is due, epoch milliseconds by this process; `null` if there is none. */
export async function nextDelayed(redis: Redis, queueKey: string): Promise<number | null> {
  const [, score] = await redis.zrange(`${queueKey}:delayed`, 0, '0', 'WITHSCORES');
  return score === undefined ? null : Math.floor(Number(score) / DELAYED_SCORE);
}
