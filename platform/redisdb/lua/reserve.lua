-- Takes stretches of time out of sale, all or none.
--
-- KEYS  1 live    zset of reservation ids, score: end of life in ms
--       2 record  the owner's sealed record
--       3 once    what an idempotency key was first used for
--       4 browser 5 network   sets of reservation ids, for the caps
--       6.. claims, one zset a resource: member "<id>|<ends>", score: start (s)
-- ARGV  1 id  2 sealed record  3 ttl ms  4 once value  5 once ttl ms
--       6 browser cap  7 network free  8 network cap  9 "1" with a proof of work
--       then a claim each: start, end, capacity, day start, day end, day cap
-- Answers {word, record or "", end of life in ms}.
local live, record, once = KEYS[1], KEYS[2], KEYS[3]
local id, ttl = ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local used = redis.call('GET', once)
if used and used ~= ARGV[4] then return {'mismatch', '', 0} end
local own = redis.call('GET', record)
if own then return {'same', own, redis.call('PEXPIRETIME', record)} end

redis.call('ZREMRANGEBYSCORE', live, '-inf', now)

local function count(set)
  local n = 0
  for _, member in ipairs(redis.call('SMEMBERS', set)) do
    if redis.call('ZSCORE', live, member) then n = n + 1 else redis.call('SREM', set, member) end
  end
  return n
end

local full
for i = 1, #KEYS - 5 do
  local set, at = KEYS[5 + i], 9 + (i - 1) * 6
  local starts, ends, capacity = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local dayStarts, dayEnds = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  -- Nothing occupies a resource longer than a day.
  local met = redis.call('ZRANGEBYSCORE', set, math.min(starts - 86400, dayStarts), '(' .. math.max(ends, dayEnds), 'WITHSCORES')
  local near, ids = {}, {} -- what overlaps or lies in the day
  for j = 1, #met, 2 do
    local member, begins = met[j], tonumber(met[j + 1])
    local sep = string.find(member, '|', 1, true)
    local till = tonumber(string.sub(member, sep + 1))
    local overlaps, today = begins < ends and till > starts, begins >= dayStarts and begins < dayEnds
    if overlaps or today then
      ids[#ids + 1] = string.sub(member, 1, sep - 1)
      near[#ids] = {member, begins, till, overlaps, today}
    end
  end
  local lives = {}
  if #ids > 0 then lives = redis.call('ZMSCORE', live, unpack(ids)) end
  local edges, day = {}, 0
  for j, claim in ipairs(near) do
    if not lives[j] then
      redis.call('ZREM', set, claim[1])
    else
      if claim[4] then
        edges[#edges + 1] = {math.max(claim[2], starts), 1}
        edges[#edges + 1] = {claim[3], -1}
      end
      if claim[5] then day = day + 1 end
    end
  end
  table.sort(edges, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
  local depth = 0
  for _, edge in ipairs(edges) do
    depth = depth + edge[2]
    if depth >= capacity then return {'taken', '', 0} end
  end
  full = full or day >= tonumber(ARGV[at + 6])
end
-- Said only now: of a slot that is taken, that is what matters.
if full then return {'day', '', 0} end
if count(KEYS[4]) >= tonumber(ARGV[6]) then return {'browser', '', 0} end
local crowd = count(KEYS[5])
if crowd >= tonumber(ARGV[8]) then return {'network', '', 0} end
if crowd >= tonumber(ARGV[7]) and ARGV[9] ~= '1' then return {'proof', '', 0} end

local death = now + ttl
redis.call('SET', record, ARGV[2], 'PXAT', death)
redis.call('SET', once, ARGV[4], 'PX', ARGV[5])
redis.call('ZADD', live, death, id)
for i = 1, #KEYS - 5 do
  local set, at = KEYS[5 + i], 9 + (i - 1) * 6
  redis.call('ZADD', set, ARGV[at + 1], id .. '|' .. ARGV[at + 2])
  redis.call('EXPIRE', set, 7200)
end
-- Two hours outlive the longest life that a reservation can be given.
redis.call('EXPIRE', live, 7200)
for i = 4, 5 do
  redis.call('SADD', KEYS[i], id)
  redis.call('EXPIRE', KEYS[i], 7200)
end
return {'held', ARGV[2], death}
