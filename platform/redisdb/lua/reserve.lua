-- Takes stretches of time out of sale, all or none.
--
-- KEYS  1 live    zset of reservation ids, score: end of life in ms
--       2 record  the owner's sealed record
--       3 once    what an idempotency key was first used for
--       4 browser 5 network   ids of reservations with a space behind each, for the caps
--       6.. claims, one zset a resource: member "<id>|<ends>", in a session
--           "<id>|<ends>|<session>|<seat>", score: start (s)
-- ARGV  1 id  2 sealed record  3 ttl ms  4 once value  5 once ttl ms
--       6 browser cap  7 network free  8 network cap  9 "1" with a proof of work
--       then a claim each: start, end, capacity, day start, day end, day cap, session or "",
--       and of a session which seat it is to this owner, and how many are left
-- Answers {word, record or "", end of life in ms}.
local live, record, once, browser, network = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, ttl = ARGV[1], tonumber(ARGV[3])
local find, sub = string.find, string.sub
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local stands = redis.call('MGET', once, record, browser, network)
if stands[1] and stands[1] ~= ARGV[4] then return {'mismatch', '', 0} end
if stands[2] then return {'same', stands[2], redis.call('PEXPIRETIME', record)} end

-- Whatever is not, or no longer, among the living counts for nothing.
redis.call('ZREMRANGEBYSCORE', live, '-inf', now)

local full
for i = 6, #KEYS do
  local set, at = KEYS[i], 9 + (i - 6) * 9
  local starts, ends, capacity = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local dayStarts, dayEnds, session = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), ARGV[at + 7]
  -- Nothing occupies a resource longer than a day.
  local met = redis.call('ZRANGEBYSCORE', set, math.min(starts - 86400, dayStarts), '(' .. math.max(ends, dayEnds), 'WITHSCORES')
  -- What overlaps or lies in the day: whose it is, where it stands in met, when
  -- it ends and of which session it is.
  local ids, near, ending, shared, n = {}, {}, {}, {}, 0
  for j = 1, #met, 2 do
    local member, begins = met[j], tonumber(met[j + 1])
    local sep = find(member, '|', 1, true)
    local second = find(member, '|', sep + 1, true)
    local till = tonumber(sub(member, sep + 1, second and second - 1))
    if begins >= dayStarts and begins < dayEnds or begins < ends and till > starts then
      n = n + 1
      ids[n], near[n], ending[n] = sub(member, 1, sep - 1), j, till
      shared[n] = second and sub(member, second + 1, find(member, '|', second + 1, true) - 1) or ''
    end
  end
  local lives = n > 0 and redis.call('ZMSCORE', live, unpack(ids))
  local edges, day, counted, together = {}, 0, {}, 0
  for k = 1, n do
    local member, begins = met[near[k]], tonumber(met[near[k] + 1])
    if not lives[k] then
      redis.call('ZREM', set, member)
    else
      -- Who shares a session takes up one place together, and none from it.
      if session ~= '' and shared[k] == session then together = together + 1 end
      local first = shared[k] == '' or shared[k] ~= session and not counted[shared[k]]
      if first and begins < ends and ending[k] > starts then
        counted[shared[k]] = true
        edges[#edges + 1] = {math.max(begins, starts), 1}
        edges[#edges + 1] = {ending[k], -1}
      end
      if begins >= dayStarts and begins < dayEnds then day = day + 1 end
    end
  end
  if session ~= '' and together >= tonumber(ARGV[at + 9]) then return {'taken', '', 0} end
  if #edges > 0 then
    table.sort(edges, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
    local depth = 0
    for _, edge in ipairs(edges) do
      depth = depth + edge[2]
      if depth >= capacity then return {'taken', '', 0} end
    end
  end
  full = full or day >= tonumber(ARGV[at + 6])
end
-- Said only now: of a slot that is taken, that is what matters.
if full then return {'day', '', 0} end

-- living is what of a list lives, and how many they are.
local function living(list)
  local rest, n = '', 0
  if list then
    local ids = {}
    for one in string.gmatch(list, '%S+') do ids[#ids + 1] = one end
    for i, score in ipairs(redis.call('ZMSCORE', live, unpack(ids))) do
      if score then rest, n = rest .. ids[i] .. ' ', n + 1 end
    end
  end
  return rest, n
end
local byBrowser, own = living(stands[3])
if own >= tonumber(ARGV[6]) then return {'browser', '', 0} end
local byNetwork, crowd = living(stands[4])
if crowd >= tonumber(ARGV[8]) then return {'network', '', 0} end
if crowd >= tonumber(ARGV[7]) and ARGV[9] ~= '1' then return {'proof', '', 0} end

-- Two hours outlive the longest life that a reservation can be given.
local death, forget = now + ttl, 7200
redis.call('SET', record, ARGV[2], 'PXAT', death)
redis.call('SET', once, ARGV[4], 'PX', ARGV[5])
redis.call('SET', browser, byBrowser .. id .. ' ', 'EX', forget)
redis.call('SET', network, byNetwork .. id .. ' ', 'EX', forget)
redis.call('ZADD', live, death, id)
redis.call('EXPIRE', live, forget)
for i = 6, #KEYS do
  local at = 9 + (i - 6) * 9
  local member = id .. '|' .. ARGV[at + 2]
  if ARGV[at + 7] ~= '' then member = member .. '|' .. ARGV[at + 7] .. '|' .. ARGV[at + 8] end
  redis.call('ZADD', KEYS[i], ARGV[at + 1], member)
  redis.call('EXPIRE', KEYS[i], forget)
end
return {'held', ARGV[2], death}
