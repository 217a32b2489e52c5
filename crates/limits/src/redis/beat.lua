-- A process says that it lives, and learns who else does and whether this is the store it knows.
--
-- A store may lack slots when it is empty, when its server is another than before (one that was started again reads an older snapshot, a
-- replica that took over may lag), and when a process could not reach it for a while and took its share meanwhile. Then it is closed until
-- everybody who may hold slots has entered them. Who has not by the end of the grace died with its slots untold: then the store is unsure
-- for one window of each budget.

local processes, awaited = prefix .. 'processes', prefix .. 'awaited'
local id, server, open_at, closed_at = unpack(redis.call('HMGET', KEYS[1], 'id', 'server', 'open_at', 'closed_at'))
local info = redis.pcall('INFO', 'server')
local here = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
redis.call('ZREMRANGEBYSCORE', processes, '-inf', text(now))

local function close(missing)
    if closed_at and tonumber(open_at) <= now then
        redis.call('HSET', KEYS[1], 'unsure_from', closed_at)
        redis.call('DEL', awaited)
        closed_at = nil
    end
    closed_at, open_at = closed_at or text(now), text(now + request.grace)
    redis.call('HSET', KEYS[1], 'closed_at', closed_at, 'open_at', open_at)
    for _, process in ipairs(missing) do
        redis.call('SADD', awaited, process)
    end
    keep(awaited, tonumber(open_at))
end

-- Those of whom nothing was heard since the asking process could not reach the store.
local function unheard()
    local missing = {}
    for _, process in ipairs(request.living) do
        local until_ = redis.call('ZSCORE', processes, process)
        if process ~= request.process and (not until_ or tonumber(until_) - request.life <= now - request.away) then
            missing[#missing + 1] = process
        end
    end
    return missing
end

if not id or (server and server ~= here) then
    id = request.proposal
    redis.call('HSET', KEYS[1], 'id', id)
    redis.call('DEL', processes)
    -- Nobody has this name: who knows of no other can't tell whether there were any.
    close(#request.peers > 0 and request.peers or { '?' })
elseif request.away then
    local missing = unheard()
    if #missing > 0 then
        close(missing)
    end
end
redis.call('HSET', KEYS[1], 'server', here)
keep(KEYS[1], now + DAY + HOUR)
if id == request.store then
    redis.call('ZADD', processes, text(now + request.life), request.process)
    keep(processes, now + request.life)
    redis.call('SREM', awaited, request.process)
end
if closed_at and tonumber(open_at) > now and redis.call('SCARD', awaited) == 0 then
    redis.call('HSET', KEYS[1], 'open_at', text(now))
    redis.call('HDEL', KEYS[1], 'closed_at')
end
local living = redis.call('ZRANGE', processes, 0, -1)
return cjson.encode({ store = id, living = #living > 0 and living or nil })
