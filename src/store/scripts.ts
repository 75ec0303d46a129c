import type { Result } from 'ioredis';
import type { RedisClient } from '../redis-client.ts';

/**
 * A bucket of EC2's for calls, as far as this service uses it: so many at once (burst), so many more a second (rate).
 * After a refusal it fills at half the pace, since others in the account call too, and is back at its own in RECOVERY
 * seconds. Refusals that come together count as one.
 */
const BUCKET = `
local RECOVERY = 60
local function look_into(key, burst, rate)
  local time = redis.call('TIME')
  local now = time[1] + time[2] / 1000000
  local tokens, at, pace, refused = unpack(redis.call('HMGET', key, 'tokens', 'at', 'pace', 'refused'))
  pace = math.min(1, (pace or 1) + (now - (refused or 0)) / RECOVERY)
  tokens = tokens and math.min(burst, tokens + (now - at) * rate * pace) or burst
  return tonumber(tokens), pace, now
end
local function leave(key, tokens, now, burst, rate)
  redis.call('HSET', key, 'tokens', tokens, 'at', now)
  redis.call('EXPIRE', key, math.ceil(burst / rate) + 2 * RECOVERY)
end
`;

/** How many copies may start in a scope now: as many as there are both free slots and calls. Needs {@link BUCKET}. */
const ROOM = `
local function room_for(slots, full, limit, calls, most, burst, rate)
  if redis.call('EXISTS', full) == 1 then return 0 end
  local at_once = math.min(most, tonumber(redis.call('GET', limit) or most))
  local tokens = look_into(calls, burst, rate)
  return math.min(at_once - redis.call('SCARD', slots), math.floor(tokens))
end
`;

/**
 * Takes one call, and leaves so many. KEYS: bucket. ARGV: burst, rate, calls to leave. Answers 0, or the milliseconds until
 * there is one.
 */
const TAKE_CALL = `${BUCKET}
local burst, rate, needed = tonumber(ARGV[1]), tonumber(ARGV[2]), 1 + ARGV[3]
local tokens, pace, now = look_into(KEYS[1], burst, rate)
if tokens < needed then return math.ceil((needed - tokens) / (rate * pace) * 1000) end
leave(KEYS[1], tokens - 1, now, burst, rate)
return 0
`;

/** EC2 refused a call. KEYS: bucket. ARGV: burst, rate. */
const REFUSED_CALL = `${BUCKET}
local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local _, pace, now = look_into(KEYS[1], burst, rate)
leave(KEYS[1], 0, now, burst, rate)
local last = redis.call('HGET', KEYS[1], 'refused')
if last and now - last < 1 then return 0 end
redis.call('HSET', KEYS[1], 'pace', math.max(pace / 2, 1 / 16), 'refused', now)
return 1
`;

/** Where the places of withdrawals begin in a wait queue, below 0: beyond any number of changes, and exact as a double. */
export const WITHDRAWALS = 2 ** 52;

/**
 * Keeps what became of a request with an Idempotency-Key, unless another request holds the key by now. KEYS: the key.
 * ARGV: the request's token, the value, milliseconds to keep it. Answers 1, or 0 where the key is another's.
 */
const KEEP_ANSWER = `
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).token ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`;

/** Deletes a key that still has a value, and only then. KEYS: the key. ARGV: the value. Answers how many were deleted. */
const DELETE_EXACT = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;

/**
 * The one script behind every write of a record. It makes several one after the other, each by itself: one that is refused leaves the
 * others alone.
 *
 * KEYS: the events of all jobs, then every other key that the writes name by position.
 * ARGV: the feed's channel, which gets what the job's log gets, then for each write three: its plan (JSON: `record` and `log`, key positions; `field`, that of the record; `from`, the
 *       version it expects, 0 = must not exist; `to`, the new version, 0 = delete; `commands`, [command, key position, args…];
 *       `guard` and `receipt`, each left out where there is none), the record (records.ts), and the events (JSON array of JSON texts). A guard is either
 *       slots and calls, {limit, burst, rate, wanted: [{slots, waiting, timed, full, full_timed, limit, calls: key positions,
 *       member, is_timed}]}, or the first
 *       place in a wait queue, {queue: key position, member}. A receipt is what is kept of a request with an Idempotency-Key,
 *       {key: position, token, fingerprint, value, ttl}: the write is made once, and not where the key is another request's.
 * Answers for each write `ok`, `conflict` (another write came first), `not-first`, `claim-lost` (another request holds the key), or the members for which no slot or no call is
 * free (an array).
 */
const COMMIT = `${BUCKET}${ROOM}
-- A wait queue: withdrawals first, then what has begun (0), then the others (from 1). The order is that of the writes: no clock has
-- a say. A withdrawal's place also says how far the queue went when it came.
local function place(queue, class, member)
  local top = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
  local withdrawn = redis.call('ZREVRANGEBYSCORE', queue, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local last = math.max(0, tonumber(top or 0), withdrawn and tonumber(withdrawn) + ${WITHDRAWALS} or 0)
  local score = class == 'withdrawal' and last - ${WITHDRAWALS} or last + 1
  redis.call('ZADD', queue, 'NX', string.format('%.0f', score), member)
end

local function may_start(one, guard)
  if redis.call('SISMEMBER', KEYS[one.slots], one.member) == 1 then return true end
  local timed_wait = redis.call('EXISTS', KEYS[one.full_timed]) == 1
  if one.is_timed and timed_wait then return false end
  local free = room_for(KEYS[one.slots], KEYS[one.full], KEYS[one.limit], KEYS[one.calls], guard.limit, guard.burst, guard.rate)
  local own, other = KEYS[one.waiting], KEYS[one.timed]
  if one.is_timed then own, other = other, own end
  local place = redis.call('ZSCORE', own, one.member)
  local ahead = place and redis.call('ZRANK', own, one.member) or redis.call('ZCARD', own)
  -- Time-based copies that have to wait by themselves hold up no others.
  if not timed_wait then
    ahead = ahead + (place and redis.call('ZCOUNT', other, '-inf', '(' .. place) or redis.call('ZCARD', other))
  end
  return ahead < free
end

local function refusal(guard)
  if guard.queue then
    if redis.call('ZRANGE', KEYS[guard.queue], 0, 0)[1] == guard.member then return nil end
    return 'not-first'
  end
  local refused = {}
  for _, one in ipairs(guard.wanted) do
    if not may_start(one, guard) then table.insert(refused, one.member) end
  end
  if #refused > 0 then return refused end
  for _, one in ipairs(guard.wanted) do
    local tokens, _, now = look_into(KEYS[one.calls], guard.burst, guard.rate)
    leave(KEYS[one.calls], math.max(0, tokens - 1), now, guard.burst, guard.rate)
  end
end

-- A write with this very receipt was made already where ioredis sends the script again after a lost connection. A request over its
-- lease still makes the write where its repetition has the key and has not written: else one that is always repeated too soon never would.
local function claim(receipt)
  local held = redis.call('GET', KEYS[receipt.key])
  if not held then return nil end
  if held == receipt.value then return 'ok' end
  local memory = cjson.decode(held)
  if memory.token == receipt.token then return nil end
  if memory.jobId or memory.fingerprint ~= receipt.fingerprint then return 'claim-lost' end
end

local function write(plan, record, events)
  local settled = plan.receipt and claim(plan.receipt)
  if settled then return settled end
  local key, log = KEYS[plan.record], KEYS[plan.log]
  local version = tonumber(redis.call('HGET', key, 'version') or '0')
  if version ~= plan.from then return 'conflict' end
  local refused = plan.guard and refusal(plan.guard)
  if refused then return refused end
  if plan.to == 0 then
    redis.call('DEL', key, log)
  else
    redis.call('HSET', key, 'version', plan.to, plan.field, record)
    if plan.from > 0 then redis.call('HDEL', key, plan.field == 'record' and 'packed' or 'record') end
  end
  for _, event in ipairs(events) do
    local entry = redis.call('XADD', KEYS[1], 'MAXLEN', '~', '10000', '*', 'event', event) .. ' ' .. event
    if redis.call('RPUSH', log, entry) > 10000 then redis.call('LPOP', log) end
    redis.call('PUBLISH', ARGV[1], entry)
  end
  for _, command in ipairs(plan.commands) do
    command[2] = KEYS[command[2]]
    if command[1] == 'PLACE' then place(command[2], command[3], command[4]) else redis.call(unpack(command)) end
  end
  local receipt = plan.receipt
  if receipt then redis.call('SET', KEYS[receipt.key], receipt.value, 'PX', receipt.ttl) end
  return 'ok'
end

local answers = {}
for i = 2, #ARGV, 3 do
  table.insert(answers, write(cjson.decode(ARGV[i]), ARGV[i + 1], cjson.decode(ARGV[i + 2])))
end
return answers
`;

/**
 * The entries of a job's log after an id, oldest first. KEYS: log. ARGV: the id's two numbers, and how many entries at most.
 * Each entry begins with its id, and ids rise: the place is found by halving.
 */
const READ_LOG = `
local time, number, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local low, high = 0, redis.call('LLEN', KEYS[1])
while low < high do
  local middle = math.floor((low + high) / 2)
  local t, n = string.match(redis.call('LINDEX', KEYS[1], middle), '^(%d+)-(%d+) ')
  t, n = tonumber(t), tonumber(n)
  if t > time or (t == time and n > number) then high = middle else low = middle + 1 end
end
return redis.call('LRANGE', KEYS[1], low, low + limit - 1)
`;

/** Redis' clock, of the server that has the key. */
const TIME = `return redis.call('TIME')`;

/** Scopes whose time has come, put back with their next time. KEYS: scopes. ARGV: now, next. */
const TAKE_DUE = `
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, scope in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], scope) end
return due
`;

/**
 * Postpones the next poll of a scope, unless it is due earlier than it was, others are pending, or there is a wait queue.
 * KEYS: scopes, pending, waiting, timed. ARGV: scope, time, due as it was, how many were pending.
 */
const POSTPONE_POLL = `
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) < tonumber(ARGV[3]) then return 0 end
if redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[4]) or redis.call('EXISTS', KEYS[3], KEYS[4]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
`;

/** Drops a scope with nothing left to track. KEYS: scopes, pending, waiting, timed. ARGV: scope. */
const DROP_IDLE = `
if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4]) > 0 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
`;

/**
 * Keeps the images that are pending, for the next poll. KEYS: pending, event hints. ARGV: a name for the poll unless it has
 * one, milliseconds that this is kept, image ids. Answers the poll's name and the images kept.
 */
const NOTICE = `
local known = {}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then known[#known + 1] = ARGV[i] end
end
if #known == 0 then return {} end
redis.call('HSETNX', KEYS[2], 'poll', ARGV[1])
for _, image in ipairs(known) do redis.call('HSET', KEYS[2], image, '') end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
table.insert(known, 1, redis.call('HGET', KEYS[2], 'poll'))
return known
`;

/** Takes the images that were kept, with what is known of those still pending; nil if none were. KEYS: event hints, pending. */
const TAKE_EVENT_HINTS = `
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

/**
 * The head of the wait queue, as long as there are both slots and calls: of both its parts, by arrival. KEYS: slots, waiting, timed,
 * full, full of time-based copies, limit, calls, wait queues.
 * ARGV: limit, burst, rate, scope.
 */
const NEXT_WAITING = `${BUCKET}${ROOM}
if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then
  redis.call('SREM', KEYS[8], ARGV[4])
  return {}
end
local most, burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = room_for(KEYS[1], KEYS[4], KEYS[6], KEYS[7], most, burst, rate)
if free <= 0 then return {} end
local one = redis.call('ZRANGE', KEYS[2], 0, free - 1, 'WITHSCORES')
local other = {}
if redis.call('EXISTS', KEYS[5]) == 0 then other = redis.call('ZRANGE', KEYS[3], 0, free - 1, 'WITHSCORES') end
local first, i, j = {}, 1, 1
while #first < free and (one[i] or other[j]) do
  if not other[j] or (one[i] and tonumber(one[i + 1]) <= tonumber(other[j + 1])) then
    first[#first + 1] = one[i]
    i = i + 2
  else
    first[#first + 1] = other[j]
    j = j + 2
  end
end
return first
`;

/** Keeps how many copies at once EC2 takes. KEYS: slots, limit. ARGV: the limit that EC2 told, or more than any; milliseconds. */
const LEARN_LIMIT = `
local left = math.max(1, redis.call('SCARD', KEYS[1]))
redis.call('SET', KEYS[2], string.format('%.0f', math.min(left, math.max(1, tonumber(ARGV[1])))), 'PX', ARGV[2])
`;

/** Milliseconds by Redis' clock. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** A worker's heartbeat. KEYS: workers. ARGV: id, milliseconds after which one without counts as gone. */
const BEAT = `${NOW}
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** How many workers run. KEYS: workers. ARGV: milliseconds after which one without a heartbeat counts as gone. */
const COUNT_WORKERS = `${NOW}
return redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[1]), '+inf')
`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    amiferryCommit(
      keys: number,
      ...args: (string | number)[]
    ): Result<('ok' | 'conflict' | 'not-first' | 'claim-lost' | string[])[], Context>;
    amiferryKeepAnswer(key: string, token: string, value: string, ttl: number): Result<number, Context>;
    amiferryDeleteExact(key: string, value: string): Result<number, Context>;
    amiferryReadLog(log: string, time: number, number: number, limit: number): Result<string[], Context>;
    amiferryTime(key: string): Result<[seconds: string, microseconds: string], Context>;
    amiferryTakeDue(scopes: string, now: number, next: number): Result<string[], Context>;
    amiferryPostponePoll(
      scopes: string,
      pending: string,
      waiting: string,
      timed: string,
      scope: string,
      time: number,
      due: number,
      count: number,
    ): Result<number, Context>;
    amiferryDropIdle(
      scopes: string,
      pending: string,
      waiting: string,
      timed: string,
      scope: string,
    ): Result<number, Context>;
    amiferryHint(
      pending: string,
      eventHints: string,
      poll: string,
      keep: number,
      ...imageIds: string[]
    ): Result<string[], Context>;
    amiferryTakeEventHints(eventHints: string, pending: string): Result<string[] | null, Context>;
    amiferryNextWaiting(
      slots: string,
      waiting: string,
      timed: string,
      full: string,
      fullTimed: string,
      copyLimit: string,
      calls: string,
      waitQueues: string,
      limit: number,
      burst: number,
      rate: number,
      scope: string,
    ): Result<string[], Context>;
    amiferryTakeCall(bucket: string, burst: number, rate: number, left: number): Result<number, Context>;
    amiferryLearnLimit(slots: string, limit: string, told: number, keep: number): Result<null, Context>;
    amiferryBeat(workers: string, id: string, alive: number): Result<null, Context>;
    amiferryCountWorkers(workers: string, alive: number): Result<number, Context>;
    amiferryRefusedCall(bucket: string, burst: number, rate: number): Result<number, Context>;
  }
}

/** Teaches a connection the store's scripts; ioredis sends them once and calls them by hash from then on. */
export function defineScripts(redis: RedisClient): void {
  redis.defineCommand('amiferryTime', { lua: TIME, numberOfKeys: 1 });
  redis.defineCommand('amiferryCommit', { lua: COMMIT });
  redis.defineCommand('amiferryKeepAnswer', { lua: KEEP_ANSWER, numberOfKeys: 1 });
  redis.defineCommand('amiferryDeleteExact', { lua: DELETE_EXACT, numberOfKeys: 1 });
  redis.defineCommand('amiferryReadLog', { lua: READ_LOG, numberOfKeys: 1 });
  redis.defineCommand('amiferryTakeDue', { lua: TAKE_DUE, numberOfKeys: 1 });
  redis.defineCommand('amiferryPostponePoll', { lua: POSTPONE_POLL, numberOfKeys: 4 });
  redis.defineCommand('amiferryDropIdle', { lua: DROP_IDLE, numberOfKeys: 4 });
  redis.defineCommand('amiferryHint', { lua: NOTICE, numberOfKeys: 2 });
  redis.defineCommand('amiferryTakeEventHints', { lua: TAKE_EVENT_HINTS, numberOfKeys: 2 });
  redis.defineCommand('amiferryNextWaiting', { lua: NEXT_WAITING, numberOfKeys: 8 });
  redis.defineCommand('amiferryTakeCall', { lua: TAKE_CALL, numberOfKeys: 1 });
  redis.defineCommand('amiferryLearnLimit', { lua: LEARN_LIMIT, numberOfKeys: 2 });
  redis.defineCommand('amiferryBeat', { lua: BEAT, numberOfKeys: 1 });
  redis.defineCommand('amiferryCountWorkers', { lua: COUNT_WORKERS, numberOfKeys: 1 });
  redis.defineCommand('amiferryRefusedCall', { lua: REFUSED_CALL, numberOfKeys: 1 });
}
