-- Counts one more within a window, unless the limit is reached.
--
-- KEYS  1 counter
-- ARGV  1 limit  2 window ms, from the first that counts
-- Answers what is left after this one, or -1 where nothing was taken.
local n = tonumber(redis.call('GET', KEYS[1]) or '0')
if n >= tonumber(ARGV[1]) then return -1 end
redis.call('INCR', KEYS[1])
if n == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return tonumber(ARGV[1]) - n - 1
