import type { Result } from 'ioredis';
import type { RedisClient } from '../redis-client.ts';

/**
 * The one script behind every write of a record.
 *
 * KEYS: record, events of the job, events of all jobs, then the keys that the index commands name by position.
 * ARGV: expected version (0 = must not exist), new version (0 = delete), record JSON, feed channel,
 *       events (JSON array of JSON texts), commands (JSON array of [command, key position, args…]),
 *       guard (JSON, "" for none): slots {limit, wanted: [{slots, waiting, full: key positions, member}]}, or the first
 *       place in a line {line: key position, member}.
 * Answers `ok`, `conflict` (somebody wrote first), `not-first`, or the members for which no slot is free (an array).
 */
const COMMIT = `
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return 'conflict' end

local function has_slot(one, limit)
  if redis.call('SISMEMBER', KEYS[one.slots], one.member) == 1 then return true end
  if redis.call('EXISTS', KEYS[one.full]) == 1 then return false end
  local free = limit - redis.call('SCARD', KEYS[one.slots])
  local ahead = redis.call('ZRANK', KEYS[one.waiting], one.member) or redis.call('ZCARD', KEYS[one.waiting])
  return ahead < free
end

if ARGV[7] ~= '' then
  local guard = cjson.decode(ARGV[7])
  if guard.line then
    if redis.call('ZRANGE', KEYS[guard.line], 0, 0)[1] ~= guard.member then return 'not-first' end
  else
    local refused = {}
    for _, one in ipairs(guard.wanted) do
      if not has_slot(one, guard.limit) then table.insert(refused, one.member) end
    end
    if #refused > 0 then return refused end
  end
end

if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1], KEYS[2])
else
  redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
end
for _, event in ipairs(cjson.decode(ARGV[5])) do
  local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', '10000', '*', 'event', event)
  local place = redis.call('XADD', KEYS[3], 'MAXLEN', '~', '10000', '*', 'event', event)
  redis.call('PUBLISH', ARGV[4], id .. ' ' .. place .. ' ' .. event)
end
for _, command in ipairs(cjson.decode(ARGV[6])) do
  command[2] = KEYS[command[2]]
  redis.call(unpack(command))
end
return 'ok'
`;

/** Redis' clock, of the server that has the key. */
const TIME = `return redis.call('TIME')`;

/** Scopes whose time has come, put back with their next time. KEYS: scopes. ARGV: now, next. */
const TAKE_DUE = `
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, scope in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], scope) end
return due
`;

/** Drops a scope with nothing left to track. KEYS: scopes, pending, waiting. ARGV: scope. */
const DROP_IDLE = `
if redis.call('EXISTS', KEYS[2]) + redis.call('EXISTS', KEYS[3]) > 0 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
`;

/**
 * Keeps the images that are pending, for the next look. KEYS: pending, noticed. ARGV: a name for the look unless it has
 * one, milliseconds that this is kept, image ids. Answers the look's name and the images kept.
 */
const NOTICE = `
local known = {}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then known[#known + 1] = ARGV[i] end
end
if #known == 0 then return {} end
redis.call('HSETNX', KEYS[2], 'look', ARGV[1])
for _, image in ipairs(known) do redis.call('HSET', KEYS[2], image, '') end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
table.insert(known, 1, redis.call('HGET', KEYS[2], 'look'))
return known
`;

/** Takes the images that were kept, with what is known of those still pending; nil if none were. KEYS: noticed, pending. */
const TAKE_NOTICED = `
local kept = redis.call('HKEYS', KEYS[1])
if #kept == 0 then return false end
local taken = {}
for _, image in ipairs(kept) do
  local copy = redis.call('HGET', KEYS[2], image)
  if copy then
    taken[#taken + 1] = image
    taken[#taken + 1] = copy
  end
end
redis.call('DEL', KEYS[1])
return taken
`;

/** The head of the line, as long as the free slots. KEYS: slots, waiting, full. ARGV: limit. */
const NEXT_WAITING = `
if redis.call('EXISTS', KEYS[3]) == 1 then return {} end
local free = tonumber(ARGV[1]) - redis.call('SCARD', KEYS[1])
if free <= 0 then return {} end
return redis.call('ZRANGE', KEYS[2], 0, free - 1)
`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    amiferryCommit(
      keys: number,
      ...args: (string | number)[]
    ): Result<'ok' | 'conflict' | 'not-first' | string[], Context>;
    amiferryTime(key: string): Result<[seconds: string, microseconds: string], Context>;
    amiferryTakeDue(scopes: string, now: number, next: number): Result<string[], Context>;
    amiferryDropIdle(
      scopes: string,
      pending: string,
      waiting: string,
      scope: string,
    ): Result<number, Context>;
    amiferryNotice(
      pending: string,
      noticed: string,
      look: string,
      keep: number,
      ...imageIds: string[]
    ): Result<string[], Context>;
    amiferryTakeNoticed(noticed: string, pending: string): Result<string[] | null, Context>;
    amiferryNextWaiting(
      slots: string,
      waiting: string,
      full: string,
      limit: number,
    ): Result<string[], Context>;
  }
}

/** Teaches a connection the store's scripts; ioredis sends them once and calls them by hash from then on. */
export function defineScripts(redis: RedisClient): void {
  redis.defineCommand('amiferryTime', { lua: TIME, numberOfKeys: 1 });
  redis.defineCommand('amiferryCommit', { lua: COMMIT });
  redis.defineCommand('amiferryTakeDue', { lua: TAKE_DUE, numberOfKeys: 1 });
  redis.defineCommand('amiferryDropIdle', { lua: DROP_IDLE, numberOfKeys: 3 });
  redis.defineCommand('amiferryNotice', { lua: NOTICE, numberOfKeys: 2 });
  redis.defineCommand('amiferryTakeNoticed', { lua: TAKE_NOTICED, numberOfKeys: 2 });
  redis.defineCommand('amiferryNextWaiting', { lua: NEXT_WAITING, numberOfKeys: 3 });
}
