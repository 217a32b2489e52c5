-- What every operation begins with: its request, the one clock, and how keys are named and kept.
--
-- Times are microseconds. Numbers become text by text() alone: Lua's own conversion loses digits. No key stays for ever.

local request = cjson.decode(ARGV[1])
local prefix = string.sub(KEYS[1], 1, -6)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local SECOND = 1000000
local HOUR = 3600 * SECOND
local DAY = 24 * HOUR

local function text(number)
    return string.format('%.0f', number)
end

-- Lets a key live until `at` at least, and a little longer.
local function keep(name, at)
    local milliseconds = math.ceil((at - now) / 1000) + 1000
    if redis.call('PTTL', name) < milliseconds then
        redis.call('PEXPIRE', name, text(milliseconds))
    end
end
