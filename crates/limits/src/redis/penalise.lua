-- The vendor refused: nothing is sent for so long, on one kind of request or at all. A store that forgot it is told again.

local name = request.kind == '' and 'blocked' or 'blocked:' .. request.kind
local until_ = text(math.max(now + request.wait, blocked(name)))
redis.call('HSET', state, name, until_)
facts['=' .. name] = until_
if not request.again then
    redis.call('HSET', state, 'refused_at', text(now))
    facts['=refused_at'] = text(now)
end
keep(state, tonumber(until_))
return serve()
