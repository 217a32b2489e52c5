-- The counting rule: a slot is a member of a sorted set whose score says when it is free: one window after the answer, and
-- before the answer one window after the time-out, should the caller die.

local store = redis.call('HMGET', KEYS[1], 'id', 'closed_at', 'unsure_from', 'open_at')
if store[1] ~= request.store then
    return cjson.encode({ lost = true })
end
local unsure_from = math.max(tonumber(store[2] or -DAY), tonumber(store[3] or -DAY))
local open_at = tonumber(store[4] or 0)

-- Whose slots nobody knows any more: then all classes keep their distance for one window.
local function is_unsure(policy)
    return unsure_from + policy.ceiling.span > now
end

local opened = {}

-- Reads a window and frees what is due. `counter` counts what was freed, `shares` who holds how many.
local function open(name, limit, counter, shares)
    local window = opened[name]
    if window then
        return window
    end
    window = { name = name, limit = math.max(limit.limit, 1), span = limit.span, shares = shares, reserved = 0, ahead = 0 }
    window.pace = window.span / window.limit
    if shares then
        for _, slot in ipairs(redis.call('ZRANGEBYSCORE', name, '-inf', text(now))) do
            local budget = string.sub(slot, 1, 64)
            if redis.call('HINCRBY', shares, budget, -1) <= 0 then
                redis.call('HDEL', shares, budget)
            end
        end
    end
    local n_freed = redis.call('ZREMRANGEBYSCORE', name, '-inf', text(now))
    if counter and n_freed > 0 then
        redis.call('HINCRBY', counter, 'freed', n_freed)
    end
    window.held = redis.call('ZCARD', name)
    window.paced_from = tonumber(redis.call('GET', name .. ':pace') or '0')
    opened[name] = window
    return window
end

local function hold(window, slot, free_at)
    local n_added = redis.call('ZADD', window.name, text(free_at), slot)
    window.held = window.held + n_added
    keep(window.name, free_at)
    if window.shares then
        if n_added == 1 then
            redis.call('HINCRBY', window.shares, string.sub(slot, 1, 64), 1)
        end
        keep(window.shares, free_at)
    end
end

local function free(window, slot)
    if redis.call('ZREM', window.name, slot) == 0 then
        return
    end
    window.held = window.held - 1
    if window.shares and redis.call('HINCRBY', window.shares, string.sub(slot, 1, 64), -1) <= 0 then
        redis.call('HDEL', window.shares, string.sub(slot, 1, 64))
    end
end

-- When a slot can be taken. `paced` callers also keep their distance from each other.
local function opening(window, paced)
    local at = now
    local too_many = window.held + window.reserved - window.limit
    if too_many >= 0 then
        local slot = redis.call('ZRANGE', window.name, too_many, too_many, 'WITHSCORES')
        at = tonumber(slot[2] or now + window.span)
    end
    if paced then
        at = math.max(at, window.paced_from + window.ahead * window.pace)
    end
    return math.max(at, now)
end

-- The distance at which what is free now, and what comes back, lasts until the next slots come back: see `window.rs`.
local function stretched_pace(window, on_their_way)
    local n_free = math.max(window.limit - window.held, 0)
    local usable = math.max(math.ceil(n_free / 2), math.min(n_free, 4))
    local sent = {}
    for _, slot in ipairs(redis.call('ZRANGE', on_their_way, 0, -1)) do
        sent[slot] = true
    end
    local pace = window.pace
    for before = 0, window.held - 1, math.floor(window.held / 64) + 1 do
        local slot = redis.call('ZRANGE', window.name, before, before, 'WITHSCORES')
        if slot[1] and not sent[slot[1]] and usable + before > 0 then
            pace = math.max(pace, (tonumber(slot[2]) - now) / (usable + before))
        end
    end
    return pace
end

-- Moves on when the next paced caller may go. Three that were late for want of a slot are made up for, but not a pause.
local function keep_distance(window, pace)
    local from = window.paced_from + pace
    if from + 3 * window.pace <= now then
        from = now + pace
    end
    window.paced_from = from
    redis.call('SET', window.name .. ':pace', text(from), 'PX',
        text(math.ceil((from + 3 * window.pace - now) / 1000) + 1000))
end

-- The windows that a request counts in, besides its host's: `kind` is '@auth', a path's template or ''.
local function windows_of(budget, policy, kind)
    local base = prefix .. 'b:' .. budget
    if kind == '@auth' then
        return { open(base .. ':a', policy.authentication) }
    end
    local windows = { open(base .. ':c', policy.ceiling, base .. ':s') }
    for _, path in ipairs(policy.paths) do
        if path.template == kind then
            windows[#windows + 1] = open(base .. ':p:' .. kind .. ':' .. text(path.span), path)
        end
    end
    return windows
end

local function window_of_host(policy, host)
    local base = prefix .. 'h:' .. host
    return policy.address and open(base .. ':c', policy.address, nil, base .. ':n')
end

-- Holds a slot in all its windows, each until its own span after `from`.
local function hold_everywhere(budget, policy, slot, from)
    for _, window in ipairs(windows_of(budget, policy, slot.kind)) do
        hold(window, slot.id, from + window.span)
    end
    local host = window_of_host(policy, slot.host)
    if host then
        hold(host, budget .. ' ' .. slot.id, from + host.span)
    end
end
