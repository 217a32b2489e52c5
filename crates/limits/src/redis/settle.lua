-- Slots come back: unsent ones at once, answered ones one window after the answer.

for _, slot in ipairs(request.slots) do
    if slot.settled == nil then
        for _, window in ipairs(windows_of(budget, policy, slot.kind)) do
            free(window, slot.id)
        end
        local host = window_of_host(policy, slot.host)
        if host then
            free(host, budget .. ' ' .. slot.id)
        end
    else
        hold_everywhere(budget, policy, slot, now + slot.settled)
    end
    redis.call('ZREM', on_their_way, slot.id)
end
for _, slot in ipairs(request.slots) do
    tell_claimants(slot.host)
end
return serve()
