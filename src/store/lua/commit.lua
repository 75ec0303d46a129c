-- The script behind every write of a record. It makes several writes one after the other. They are independent: a refused write
-- does not affect the others.
--
-- KEYS: the events of all jobs, then every other key that the writes name by position.
-- ARGV: the feed's channel, which gets what the job's log gets; then three for each write:
--   its plan (JSON):
--     record, log   key positions
--     field         that of the record
--     from          the version it expects, 0: the record must not exist
--     to            the new version, 0: delete the record
--     commands      [command, key position, args…]
--     guard         where there is one, either slots and calls: {limit, burst, rate, wanted: [{slots, waiting, timed, full, full_timed,
--                   limit, calls: key positions, member, is_timed}]}, or the first place in a wait queue: {queue: key position, member},
--                   or a webhook delivery as it was read: {deliveries: key position, n, text}
--     receipt       what is kept of a request with an Idempotency-Key, where there is one: {key: position, token, fingerprint, value,
--                   ttl}. The write is made once, and not where the key is another request's
--   the record (records.ts)
--   the events (JSON array of JSON texts)
-- Answers for each write `ok`, `conflict` (another write came first), `not-first`, `claim-lost` (another request holds the key), or an
-- array of the members for which no slot or no call is free.

-- include: bucket
-- include: room

-- Where the places of withdrawals begin: WITHDRAWALS of scripts.ts.
local WITHDRAWALS = 4503599627370496

-- Adds a member to a wait queue: withdrawals first, then the change that has begun (0), then the others (from 1). The order is that
-- of the writes, and no clock affects it. A withdrawal's place also says where the queue ended when the withdrawal was added.
local function place(queue, class, member)
  local top = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
  local withdrawn = redis.call('ZREVRANGEBYSCORE', queue, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local last = math.max(0, tonumber(top or 0), withdrawn and tonumber(withdrawn) + WITHDRAWALS or 0)
  local score = class == 'withdrawal' and last - WITHDRAWALS or last + 1
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
  -- Time-based copies that wait for throughput do not block the other copies.
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
  if guard.deliveries then
    return redis.call('HGET', KEYS[guard.deliveries], guard.n) ~= guard.text and 'conflict' or nil
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

-- ioredis sends a script again after a lost connection: then the write with this receipt may have been made already. A request
-- that outlives its lease still makes its write, where its repetition has the key and has not written. Otherwise a request that
-- is always repeated too soon would never be made.
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
