-- The vendor says that less is left than we think: the difference is held for a window, but a tenth of the ceiling is left.
-- Slots freed since the request left were perhaps still counted by the vendor: no reason to doubt our count.

local ceiling = windows_of(budget, policy, '')[1]
local freed = tonumber(redis.call('HGET', state, 'freed') or '0')
local ours = ceiling.limit - ceiling.held - math.max(freed - request.freed_at_take, 0)
local floor = math.ceil(ceiling.limit / 10)
for _ = math.max(request.remaining, floor) + 1, ours do
    hold(ceiling, 'vendor:' .. redis.call('HINCRBY', state, 'n_corrections', 1), now + ceiling.span)
end
return serve()
