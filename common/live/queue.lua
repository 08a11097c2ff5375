#!lua name=zhitongche
-- The live order queue's changes, each atomic (common/live/live.h). Keys of every function, all of one squad:
--   1 offers   zset  assignment -> deadline less boost, ms
--   2 notbefore zset assignment -> not before, ms
--   3 versions hash  assignment -> order's version, and "position"
--   4 details  hash  assignment -> "order deadline_ms"
-- Redis hands numbers to Lua as text; ids and instants are below 2^53, so a double holds them exactly.

local DONE, GAP = 0, 1

-- What is there may be of another type, were the key written by somebody else: then there is no position.
local function position_of(versions)
    local value = redis.pcall('HGET', versions, 'position')
    return type(value) == 'string' and tonumber(value) or 0
end

local function add(keys, assignment, order, version, deadline, score, not_before)
    redis.call('ZADD', keys[1], score, assignment)
    redis.call('ZADD', keys[2], not_before, assignment)
    redis.call('HSET', keys[3], assignment, version)
    redis.call('HSET', keys[4], assignment, order .. ' ' .. deadline)
end

-- previous, position, "add" or "remove", assignment, order, version, deadline, score, not before
local function apply(keys, args)
    local stored = position_of(keys[3])
    if stored >= tonumber(args[2]) then
        return DONE
    end
    if stored ~= tonumber(args[1]) then
        return GAP
    end
    local assignment = args[4]
    if args[3] == 'add' then
        add(keys, assignment, args[5], args[6], args[7], args[8], args[9])
    else
        redis.call('ZREM', keys[1], assignment)
        redis.call('ZREM', keys[2], assignment)
        redis.call('HDEL', keys[3], assignment)
        redis.call('HDEL', keys[4], assignment)
    end
    redis.call('HSET', keys[3], 'position', args[2])
    return DONE
end

-- position, then for each offer one "assignment order version deadline score not_before"
local function rebuild(keys, args)
    if position_of(keys[3]) > tonumber(args[1]) then
        return DONE
    end
    redis.call('DEL', keys[1], keys[2], keys[3], keys[4])
    for i = 2, #args do
        local field = {}
        for word in string.gmatch(args[i], '%S+') do
            field[#field + 1] = word
        end
        add(keys, field[1], field[2], field[3], field[4], field[5], field[6])
    end
    redis.call('HSET', keys[3], 'position', args[1])
    return DONE
end

-- now, limit: the position, then six texts for each offer, most pressing first
local function peek(keys, args)
    local now, limit = tonumber(args[1]), tonumber(args[2])
    local found = { tostring(redis.call('HGET', keys[3], 'position') or '0') }
    local from, left = 0, limit
    while left > 0 do
        local page = redis.call('ZRANGE', keys[1], from, from + limit - 1, 'WITHSCORES')
        for i = 1, #page, 2 do
            local assignment = page[i]
            local not_before = redis.call('ZSCORE', keys[2], assignment)
            if left > 0 and not_before and tonumber(not_before) <= now then
                local order, deadline = string.match(redis.call('HGET', keys[4], assignment) or '0 0', '(%d+) (%-?%d+)')
                for _, word in ipairs({ assignment, order, redis.call('HGET', keys[3], assignment) or '0',
                                        deadline, page[i + 1], not_before }) do
                    found[#found + 1] = word
                end
                left = left - 1
            end
        end
        if #page < 2 * limit then
            break
        end
        from = from + limit
    end
    return found
end

redis.register_function('ztc_queue_apply', apply)
redis.register_function('ztc_queue_rebuild', rebuild)
redis.register_function{ function_name = 'ztc_queue_peek', callback = peek, flags = { 'no-writes' } }
