-- Lists the live claims on resources.
--
-- KEYS  1 live  2.. claims, one zset a resource
-- ARGV  1 from (s)  2 to (s)
-- Answers a flat list: index of the resource from 0, start, end, session or "".
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for i = 2, #KEYS do
  local met = redis.call('ZRANGEBYSCORE', KEYS[i], tonumber(ARGV[1]) - 86400, '(' .. ARGV[2], 'WITHSCORES')
  for j = 1, #met, 2 do
    local sep = string.find(met[j], '|', 1, true)
    local score = redis.call('ZSCORE', KEYS[1], string.sub(met[j], 1, sep - 1))
    local second = string.find(met[j], '|', sep + 1, true)
    local ends = tonumber(string.sub(met[j], sep + 1, second and second - 1))
    if score and tonumber(score) > now and ends > tonumber(ARGV[1]) then
      found[#found + 1] = i - 2
      found[#found + 1] = tonumber(met[j + 1])
      found[#found + 1] = ends
      found[#found + 1] = second and string.match(met[j], '^[^|]*', second + 1) or ''
    end
  end
end
return found
