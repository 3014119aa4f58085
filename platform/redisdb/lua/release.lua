-- Ends a reservation: its claims, found dead when next met, count no more.
--
-- KEYS  1 live  2 keep (":none" at the end: left out)  3.. keys to delete
-- ARGV  1 id  2 value to keep  3 ttl ms  4 channel ("" for none)  5 message
redis.call('ZREM', KEYS[1], ARGV[1])
if #KEYS > 2 then redis.call('DEL', unpack(KEYS, 3)) end
if string.sub(KEYS[2], -5) ~= ':none' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
