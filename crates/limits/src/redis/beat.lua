-- A process says that it lives, and learns how many do and whether this is the store it knows.
--
-- A store that was emptied opens when all processes that were alive have entered their slots, or after a while: then one of
-- them died with its slots untold, and the store is unsure for one window.

local processes = prefix .. 'processes'
redis.call('ZREMRANGEBYSCORE', processes, '-inf', text(now))
local id = redis.call('HGET', KEYS[1], 'id')
if not id then
    id = request.proposal
    local expected = request.expected
    local open_at = expected > 1 and now + request.grace or now
    redis.call('HSET', KEYS[1], 'id', id, 'created_at', text(now), 'open_at', text(open_at),
        'expected', text(expected), 'complete', expected == 1 and '1' or '0')
end
keep(KEYS[1], now + DAY + HOUR)
if id == request.store then
    redis.call('ZADD', processes, text(now + request.life), request.process)
    keep(processes, now + request.life)
end
local n_processes = redis.call('ZCARD', processes)
local open_at, expected = unpack(redis.call('HMGET', KEYS[1], 'open_at', 'expected'))
if tonumber(open_at) > now and n_processes >= tonumber(expected) then
    redis.call('HSET', KEYS[1], 'open_at', text(now), 'complete', '1')
end
return cjson.encode({ store = id, n_processes = n_processes })
