--- The binding for LuaJIT, function by function: what it gives, and what it says when something is wrong.
---
---     love tests/lua DEAD_TOKEN TOKEN TOKEN
---
--- The first token is of a cluster that does not run, the others are of two users. Exits with 0 if all is well.

function love.errorhandler(what)
    print(debug.traceback(tostring(what), 2))
    return function() return 1 end
end

package.path = love.filesystem.getSource() .. "/../../bindings/lua/?.lua;" .. package.path

local sterna = require("sterna")
local C = sterna.C

local DEADLINE_S = 20

-- Frames of these clients, until something is so.
local function wait(what, is_so, ...)
    local deadline = love.timer.getTime() + DEADLINE_S
    while not is_so() do
        assert(love.timer.getTime() < deadline, "waited in vain: " .. what)
        for _, client in ipairs({ ... }) do
            assert(client:update())
        end
        love.timer.sleep(0.001)
    end
end

local function assert_refused(expected, value, why, result)
    assert(value == nil and type(why) == "string" and #why > 10, tostring(why))
    assert(result == C["STERNA_ERROR_" .. expected], ("%s instead of %s: %s"):format(result, expected, why))
end

local function what_is_wrong_is_said()
    local client = assert(sterna.new())
    assert(sterna.version():match("^%d+%.%d+%.%d+$"))
    assert(sterna.explain(C.STERNA_ERROR_QUEUE_FULL):find("queue is full"))
    assert_refused("TOKEN_MALFORMED", client:connect("no token"))
    assert_refused("NOT_CONNECTED", client:rsend(2, 1, "hello"))
    assert_refused("NOT_CONNECTED", client:request(2, 1, "hello"))
    assert_refused("NOT_CONNECTED", client:room_create({ members_max = 3 }))
    assert(not pcall(client.on, client, "no_such_event", print))
    assert(not pcall(sterna.new, { no_such_field = 1 }))
    assert(client:state() == C.STERNA_STATE_IDLE and client:room_id() == 0 and #client:room_members() == 0)
    client:destroy()
    client:destroy()
    assert_refused("NULL_ARGUMENT", client:update())
end

local function a_handler_may_destroy_its_client(dead_token)
    local client, why = assert(sterna.new({ transport = C.STERNA_TRANSPORT_TCP }))
    client:on("connect_failed", function(event)
        why = event:text_string()
        assert(tonumber(event.status) == C.STERNA_ERROR_UNREACHABLE, why)
        client:destroy()
    end)
    assert(client:connect(dead_token))
    wait("a client that finds nobody", function() return why or not client:update() end)
    assert(why:find("can be reached"), why)
end

local function forgotten_clients_go_with_the_garbage()
    for _ = 1, 200 do
        assert(sterna.new())
    end
    collectgarbage()
    collectgarbage() -- the first one called the finalisers
end

local function connected(token, options)
    local client, node = assert(sterna.new(options))
    client:on("connected", function(event) node = event:text_string() end)
    assert(client:connect(token))
    wait("a connection", function() return node end, client)
    assert(node:find("^node%-") and client:state() == C.STERNA_STATE_CONNECTED)
    return client
end

local function a_request_has_its_response(client)
    local bytes, request = "\0\1\255 bytes", nil
    local answer
    client:on("response", function(event)
        assert(event.request_id == request and event.ver == 2 and event.cmd == 1)
        answer = event:data_string()
    end)
    request = assert(client:request(2, 1, bytes))
    wait("a response", function() return answer end, client)
    assert(answer == bytes)
end

local function all_that_can_be_sent_comes(client)
    local heard = {}
    client:on("push", function(event) heard[#heard + 1] = event:data_string() end)
    assert(client:rsend(2, 1, "reliable") and client:send(2, 1, "") and client:flush())
    wait("two echoes", function() return #heard == 2 end, client)
    table.sort(heard) -- the unreliable one may overtake
    assert(heard[1] == "" and heard[2] == "reliable")
    assert(client:stats().messages_sent == 3 and client:stats().moves == 0)
    assert_refused("RESERVED_VERSION", client:rsend(1, 1, "reserved"))
    assert_refused("NOT_OFFLINE", client:send_migrate())
end

local function a_room_is_heard_by_its_members(first, second)
    local heard, results, joined = {}, 0, nil
    for _, client in ipairs({ first, second }) do
        client:on("room_result", function(event)
            assert(event.status == C.STERNA_OK, sterna.explain(event.status))
            results = results + 1
        end)
        client:on("room_message", function(event)
            heard[#heard + 1] = event:text_string() .. ": " .. event:data_string()
        end)
    end
    first:on("room_member_joined", function(event) joined = event:text_string() end)
    second:on("room_sync", function(event) heard[#heard + 1] = event:text_string() .. "=" .. event:data_string() end)
    assert(first:room_create({ members_max = 2 }))
    wait("a room", function() return results == 1 end, first, second)
    assert(second:room_join(first:room_id()))
    wait("a guest", function() return results == 2 and joined end, first, second)

    local members = second:room_members()
    assert(#members == 2 and members[2].user == joined and members[2].member == second:room_me())
    assert(first:room_owner() == first:room_me() and second:room_owner() == first:room_me())
    assert(first:room_broadcast(2, 1, "to all") and first:room_relay(2, 1, "to the others"))
    assert(first:room_sync("key", "value"))
    wait("what was said", function() return #heard == 4 end, first, second)
    table.sort(heard)
    local said = members[1].user .. ": to all"
    assert(heard[1] == "key=value" and heard[2] == said and heard[3] == said, table.concat(heard, ", "))
    assert(heard[4] == members[1].user .. ": to the others")

    assert_refused("IN_ROOM", first:send_migrate())
    assert(second:room_leave())
    wait("one who leaves", function() return results == 3 and first:room_member_count() == 1 end, first, second)
    assert_refused("NOT_IN_ROOM", second:room_relay(2, 1, "to nobody"))
end

function love.load(arguments)
    what_is_wrong_is_said()
    a_handler_may_destroy_its_client(arguments[1])
    forgotten_clients_go_with_the_garbage()
    local first = connected(arguments[2])
    local second = connected(arguments[3], { transport = C.STERNA_TRANSPORT_UDP })
    a_request_has_its_response(first)
    all_that_can_be_sent_comes(first)
    a_room_is_heard_by_its_members(first, second)
    local over
    first:on("disconnected", function(event) over = tonumber(event.status) end)
    assert(first:disconnect())
    wait("the end", function() return over end, first, second)
    assert(over == C.STERNA_OK)
    print("the binding is well")
    love.event.quit(0)
end
