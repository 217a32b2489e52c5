-- A process tells a new or emptied store, or one that it could not reach, which slots it holds. Idempotent.

for _, slot in ipairs(request.slots) do
    hold_everywhere(slot.key, slot.policy, slot, now + slot.settled)
    local on_their_way = prefix .. 'b:' .. slot.key .. ':f'
    if slot.in_flight then
        redis.call('ZADD', on_their_way, text(now + slot.settled), slot.id)
        keep(on_their_way, now + slot.settled)
    else
        redis.call('ZREM', on_their_way, slot.id)
    end
end
return cjson.encode({ lost = false })
