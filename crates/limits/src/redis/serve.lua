-- Who gets the next slot: the last part of each operation on a budget.
--
-- Only the asking process is served. A slot that is due to a waiter of another process is reserved for it, and that process
-- is woken unless it was told to ask by now. A process that stopped beating has no waiters.

local CLASS = 1e15
local budget, policy = request.key, request.policy
local base = prefix .. 'b:' .. budget
local state, waiting, on_their_way = base .. ':s', base .. ':w', base .. ':f'
local everyone_paced = is_unsure(policy)
local facts = {}
for index, value in ipairs(redis.call('HGETALL', state)) do
    if index % 2 == 1 then
        facts.name = value
    else
        facts['=' .. facts.name] = value
    end
end

local living = {}
local function is_alive(process)
    if living[process] == nil then
        local until_ = redis.call('ZSCORE', prefix .. 'processes', process)
        living[process] = process == request.process or (until_ and tonumber(until_) > now) or false
    end
    return living[process]
end

local function is_paced(kind, class)
    return kind ~= '@auth' and (everyone_paced or (policy.pacing and class > 0))
end

local function blocked(name)
    return tonumber(facts['=' .. name] or '0')
end

local n_in_flight, n_reserved_flights = nil, 0
local function flights()
    if not n_in_flight then
        redis.call('ZREMRANGEBYSCORE', on_their_way, '-inf', text(now))
        n_in_flight = redis.call('ZCARD', on_their_way)
    end
    return n_in_flight
end

-- When the budget's own limits let a waiter go.
local function own_opening(kind, class)
    local paced = is_paced(kind, class)
    local at = math.max(now, open_at, kind == '' and 0 or blocked('blocked:' .. kind))
    if kind ~= '@auth' then
        at = math.max(at, blocked('blocked'))
        local too_many = flights() + n_reserved_flights - math.max(policy.in_flight, 1)
        if too_many >= 0 then
            local first = redis.call('ZRANGE', on_their_way, too_many, too_many, 'WITHSCORES')
            at = math.max(at, tonumber(first[2] or now + SECOND))
        end
    end
    for _, window in ipairs(windows_of(budget, policy, kind)) do
        at = math.max(at, opening(window, paced))
    end
    return at
end

-- Budgets that only this host's limit holds back, with their claims: 'class:score:process:told'.
local function claims(host)
    local name = prefix .. 'h:' .. host .. ':r'
    local found = {}
    local flat = redis.call('HGETALL', name)
    for index = 1, #flat, 2 do
        local class, score, process, told = string.match(flat[index + 1], '^(%d+):(%d+):(%x+):(%d+)$')
        if tonumber(told) + SECOND < now or not is_alive(process) then
            redis.call('HDEL', name, flat[index])
        elseif flat[index] ~= budget then
            found[#found + 1] = { budget = flat[index], class = tonumber(class), score = tonumber(score),
                process = process, told = tonumber(told) }
        end
    end
    return found
end

local function claim(host, budget_of, class, score, process, told)
    local name = prefix .. 'h:' .. host .. ':r'
    redis.call('HSET', name, budget_of, string.format('%d:%.0f:%s:%.0f', class, score, process, told))
    keep(name, now + 10 * SECOND)
end

local function wake(process, budget_of)
    redis.call('PUBLISH', prefix .. 'wake:' .. process, budget_of)
end

local function is_before(one, other)
    for index = 1, 4 do
        if one[index] ~= other[index] then
            return one[index] < other[index]
        end
    end
    return false
end

-- When the host lets the budget's waiter go: those below their fair share first, then the higher class, then who holds less,
-- then who came first.
local function host_opening(host, class, score, paced, process)
    local window = window_of_host(policy, host)
    if not window then
        return now
    end
    local at = opening(window, paced)
    local others = claims(host)
    if #others == 0 then
        if at > now then
            claim(host, budget, class, score, process, at)
        end
        return at
    end
    local n_active = redis.call('HLEN', window.shares)
    local shares = {}
    local function share(of)
        shares[of] = shares[of] or tonumber(redis.call('HGET', window.shares, of) or '0')
        return shares[of]
    end
    if share(budget) == 0 then
        n_active = n_active + 1
    end
    for _, other in ipairs(others) do
        if share(other.budget) == 0 then
            n_active = n_active + 1
        end
    end
    local fair = math.max(math.floor(window.limit / n_active), 1)
    local function rank(of, its_class, its_score)
        return { share(of) >= fair and 1 or 0, its_class, share(of), its_score }
    end
    local ours, n_better = rank(budget, class, score), 0
    for _, other in ipairs(others) do
        if is_before(rank(other.budget, other.class, other.score), ours) then
            n_better = n_better + 1
            if at <= now and other.told > now + 1000 then
                wake(other.process, other.budget)
                claim(host, other.budget, other.class, other.score, other.process, now)
            end
        end
    end
    local n_free = paced and 1 or window.limit - window.held - window.reserved
    if at > now or n_better >= n_free then
        at = math.max(at, now) + math.max(n_better * window.pace, n_better > 0 and 1000 or 0)
        claim(host, budget, class, score, process, at)
    end
    return at
end

local function take(slot, class, timeout)
    local paced = is_paced(slot.kind, class)
    hold_everywhere(budget, policy, slot, now + timeout)
    if slot.kind ~= '@auth' then
        flights()
        redis.call('ZADD', on_their_way, text(now + timeout), slot.id)
        n_in_flight = n_in_flight + 1
        keep(on_their_way, now + timeout)
    end
    if paced then
        for index, window in ipairs(windows_of(budget, policy, slot.kind)) do
            keep_distance(window, index == 1 and stretched_pace(window, on_their_way) or window.pace)
        end
    end
    local host = window_of_host(policy, slot.host)
    if host and paced then
        keep_distance(host, host.pace)
    end
end

-- Leaves room for a waiter of another process that can go now.
local function reserve(kind, class, host)
    local paced = is_paced(kind, class) and 1 or 0
    local windows = { unpack(windows_of(budget, policy, kind)) }
    windows[#windows + 1] = window_of_host(policy, host) or nil
    for _, window in ipairs(windows) do
        window.reserved = window.reserved + 1
        window.ahead = window.ahead + paced
    end
    if kind ~= '@auth' then
        n_reserved_flights = n_reserved_flights + 1
    end
end

-- The earliest time at which a waiter with so many others before it can go: a lower bound.
local function earliest(waiter)
    local at = math.max(now, open_at, waiter.kind == '' and 0 or blocked('blocked:' .. waiter.kind))
    if waiter.kind ~= '@auth' then
        at = math.max(at, blocked('blocked'))
    end
    local paced = is_paced(waiter.kind, waiter.class)
    local windows = { unpack(windows_of(budget, policy, waiter.kind)) }
    local n_own = #windows
    windows[n_own + 1] = window_of_host(policy, waiter.host) or nil
    for index, window in ipairs(windows) do
        local before, before_paced = waiter.ahead, waiter.ahead_paced
        if index > n_own then
            before, before_paced = 0, 0
        elseif index > 1 then
            before, before_paced = waiter.ahead_in_lane, waiter.ahead_in_lane
        end
        local too_many = before - math.max(window.limit - window.held, 0)
        if too_many >= 0 then
            local last = math.min(too_many, window.held - 1)
            local slot = redis.call('ZRANGE', window.name, last, last, 'WITHSCORES')
            local free_at = tonumber(slot[2] or now)
            -- Who is on the way for others, or to log in, is not known: their answers may come now.
            local may_be_sent = index > n_own or waiter.kind == '@auth'
            if slot[1] and (may_be_sent or redis.call('ZSCORE', on_their_way, slot[1])) then
                free_at = math.min(free_at, now + window.span)
            end
            at = math.max(at, free_at)
        end
        if paced then
            at = math.max(at, window.paced_from + before_paced * window.pace)
        end
    end
    return at
end

-- Serves the waiters in order and answers with what this process has to know.
local function serve()
    local answer = { granted = {}, refused = {}, waiting = { 0, 0, 0, 0, 0 } }
    local joined, queue, at_by_process, lanes = {}, {}, {}, {}
    for _, member in ipairs(request.leaves or {}) do
        redis.call('ZREM', waiting, member)
    end
    for _, join in ipairs(request.joins or {}) do
        joined[join.member] = join
        redis.call('ZADD', waiting, 'NX', text(join.class * CLASS + (now - 1.7e15)), join.member)
    end
    local ahead = { ['@auth'] = { 0, 0 }, other = { 0, 0 } }
    local flat = redis.call('ZRANGE', waiting, 0, 1023, 'WITHSCORES')
    for index = 1, #flat, 2 do
        local member, score = flat[index], tonumber(flat[index + 1])
        local process, number, kind, host, timeout = string.match(member, '^(%x+):(%d+)\n(.-)\n(.-)\n(%d+)$')
        if not is_alive(process) then
            redis.call('ZREM', waiting, member)
            redis.call('HDEL', state, 'told:' .. process)
        else
            local class, lane = math.floor(score / CLASS), kind .. '\n' .. host
            local line = ahead[kind] or ahead.other
            local place = lanes[lane] or { waiting = 0 }
            lanes[lane] = place
            local at = place.closed or own_opening(kind, class)
            if at <= now then
                at = host_opening(host, class, score, is_paced(kind, class), process)
            end
            local is_served = at <= now and process == request.process
            if is_served then
                local slot = { id = process .. ':' .. number, kind = kind, host = host }
                take(slot, class, tonumber(timeout))
                redis.call('ZREM', waiting, member)
                redis.call('HDEL', prefix .. 'h:' .. host .. ':r', budget)
                joined[member] = nil
                answer.granted[#answer.granted + 1] = { tonumber(number), tonumber(redis.call('HGET', state, 'freed') or '0') }
            else
                if at <= now then
                    reserve(kind, class, host)
                else
                    place.closed = at
                end
                queue[#queue + 1] = { member = member, number = tonumber(number), kind = kind, class = class, host = host,
                    ahead = line[1], ahead_paced = line[2], ahead_in_lane = place.waiting }
                line[1], place.waiting = line[1] + 1, place.waiting + 1
                line[2] = line[2] + (is_paced(kind, class) and 1 or 0)
                at_by_process[process] = math.min(at_by_process[process] or at, at)
                answer.waiting[class + 1] = answer.waiting[class + 1] + 1
            end
        end
    end
    local n_ours = 0
    for _, waiter in ipairs(queue) do
        local join = joined[waiter.member]
        local at = join and earliest(waiter)
        if join and (join.patience == 0 or at > now + join.patience) then
            redis.call('ZREM', waiting, waiter.member)
            answer.refused[#answer.refused + 1] = { waiter.number, math.ceil(at - now) }
            answer.waiting[waiter.class + 1] = answer.waiting[waiter.class + 1] - 1
        elseif string.sub(waiter.member, 1, #request.process) == request.process then
            n_ours = n_ours + 1
        end
    end
    for process, at in pairs(at_by_process) do
        local told = tonumber(facts['=told:' .. process] or '0')
        if process ~= request.process and told > at + 1000 then
            wake(process, budget)
            redis.call('HSET', state, 'told:' .. process, text(at))
        end
    end
    if n_ours > 0 then
        local at = at_by_process[request.process]
        redis.call('HSET', state, 'told:' .. request.process, text(at))
        answer.next = math.max(math.ceil(at - now), 0)
    else
        redis.call('HDEL', state, 'told:' .. request.process)
    end
    answer.ours = #flat < 2048 and n_ours or nil
    keep(waiting, now + 10 * SECOND)
    keep(state, math.max(now + HOUR, blocked('blocked')))
    local ceiling = windows_of(budget, policy, '')[1]
    answer.held, answer.in_flight = ceiling.held, flights()
    -- For the time when nobody can ask here any more.
    answer.windows = {}
    for name, window in pairs(opened) do
        local is_own = string.sub(name, 1, #base) == base
        answer.windows[string.sub(name, is_own and #base + 2 or #prefix + 1)] = window.held
    end
    answer.blocked = math.max(math.ceil(blocked('blocked') - now), 0)
    local refused_at = blocked('refused_at')
    answer.refused_ago = refused_at > 0 and math.floor(now - refused_at) or nil
    answer.unsure = everyone_paced and math.ceil(unsure_from + policy.ceiling.span - now) or nil
    answer.granted = #answer.granted > 0 and answer.granted or nil
    answer.refused = #answer.refused > 0 and answer.refused or nil
    return cjson.encode(answer)
end

-- Tells budgets waiting for a host that it opens earlier than they were told.
local function tell_claimants(host)
    local window = window_of_host(policy, host)
    if not window then
        return
    end
    local at = opening(window, false)
    for _, other in ipairs(claims(host)) do
        local since = math.max(at, opening(window, other.class > 0 and policy.pacing))
        if other.told > since + window.pace + 1000 then
            wake(other.process, other.budget)
            claim(host, other.budget, other.class, other.score, other.process, since)
        end
    end
end
