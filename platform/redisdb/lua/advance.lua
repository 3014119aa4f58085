-- Replaces a record by its successor if it is still the expected one, and
-- gives it and its companion the same end of life.
--
-- KEYS  1 live  2 record  3 once  4 companion (":none" at the end: left out)  5.. keys to delete
-- ARGV  1 id  2 expected record  3 new record  4 ttl ms, 0 keeps the end of life
--       5 companion  6 once value  7 once ttl ms
-- Answers {word, end of life in ms}.
local function named(key) return string.sub(key, -5) ~= ':none' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if named(KEYS[3]) then
  local used = redis.call('GET', KEYS[3])
  if used and used ~= ARGV[6] then return {'mismatch', 0} end
end
local current = redis.call('GET', KEYS[2])
if not current then return {'gone', 0} end
if current ~= ARGV[2] then return {'changed', 0} end

local death = now + tonumber(ARGV[4])
if ARGV[4] == '0' then death = redis.call('PEXPIRETIME', KEYS[2]) end
if #KEYS > 4 then redis.call('DEL', unpack(KEYS, 5)) end
redis.call('SET', KEYS[2], ARGV[3], 'PXAT', death)
-- Only what still lives: a reservation that was forgotten is not revived.
redis.call('ZADD', KEYS[1], 'XX', death, ARGV[1])
redis.call('EXPIRE', KEYS[1], 7200)
if named(KEYS[4]) then redis.call('SET', KEYS[4], ARGV[5], 'PXAT', death) end
if named(KEYS[3]) then redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[7]) end
return {'ok', death}
