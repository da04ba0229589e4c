--- Sterna for LuaJIT: moves live players from one game server to another while they play.
--
--     local sterna = require("sterna")
--     local client = assert(sterna.new())
--     client:on("push", function(event) print(event:data_string()) end)
--     client:on("offline", function() client:send_migrate() end)
--     assert(client:connect(token_from_the_backend))
--     -- once per frame:
--     client:update()
--     client:rsend(2, 7, payload)
--
-- include/sterna.h says of each function and event what it means; here it has the same name, without `sterna_client_`
-- or `sterna_`. What is not wrapped, such as the properties of rooms, is to be called by `sterna.C` on `client.handle`.
--
-- A call gives true, or what it asks for; or nil, a text and a `SternaResult` number. 64-bit numbers are cdata, which
-- `==` compares by value, but which are not good as keys of tables.
--
-- Events are polled, and Lua functions called from Lua. The library's own callbacks are left alone: LuaJIT has few of
-- them, and code that it has compiled must not run into one.

local ffi = require("ffi")

ffi.cdef(require("sterna_cdef"))

-- STERNA_LIBRARY: a path, where the system's search for libraries does not find it.
local C = ffi.load(os.getenv("STERNA_LIBRARY") or "sterna")
if C.sterna_abi_version() ~= C.STERNA_ABI_VERSION then
    local version = ffi.string(C.sterna_version())
    error("this is Sterna " .. version .. ", which does not fit sterna_cdef.lua: use that of this library")
end

local sterna = { C = C }

-- Names of events by their numbers: [12] = "push".
local event_names = {}
for name, number in require("sterna_cdef"):gmatch("STERNA_EVENT_([%u_]+) = (%d+)") do
    event_names[tonumber(number)] = name:lower()
end

-- Beside the fields of a SternaEvent. A handler that keeps something of an event keeps these: the event itself is valid
-- only until the handler returns.
local Event = {}
Event.__index = Event

--- The payload.
function Event:data_string()
    return ffi.string(self.data, self.length)
end

--- What there is to say: a node's name, a reason, a user id.
function Event:text_string()
    return ffi.string(self.text)
end

ffi.metatype("SternaEvent", Event)

local Client = {}
Client.__index = Client

--- The library's version, like "0.1.0".
function sterna.version()
    return ffi.string(C.sterna_version())
end

--- What a result's number means.
function sterna.explain(result)
    return ffi.string(C.sterna_result_string(tonumber(result)))
end

local function checked(result, value)
    if result == C.STERNA_OK then
        return value == nil and true or value
    end
    return nil, ffi.string(C.sterna_last_error()), tonumber(result)
end

-- A struct with the initial values, and those of `options` by the names of its fields.
local function configured(struct, init, options)
    local config = ffi.new(struct)
    assert(checked(init(config, ffi.sizeof(struct))))
    for field, value in pairs(options or {}) do
        config[field] = value
    end
    return config
end

--- Creates a client. `options`: fields of SternaClientConfig, such as `{ transport = sterna.C.STERNA_TRANSPORT_UDP }`.
function sterna.new(options)
    local config = configured("SternaClientConfig", C.sterna_client_config_init, options)
    local out = ffi.new("SternaClient *[1]")
    local created, why, result = checked(C.sterna_client_create(config, out))
    if not created then
        return nil, why, result
    end
    -- A client that is forgotten is destroyed with the garbage.
    return setmetatable({ handle = ffi.gc(out[0], C.sterna_client_destroy), handlers = {} }, Client)
end

--- Ends the session if there is one, and releases the client. Further calls are answered with an error, or do nothing.
function Client:destroy()
    if self.handle then
        C.sterna_client_destroy(ffi.gc(self.handle, nil))
        self.handle = nil
    end
end

--- Has `handler(event)` called, inside `update`, for events of this name: "connected", "push", "room_message", ...
-- Events that have no handler are dropped.
function Client:on(name, handler)
    for number, known in pairs(event_names) do
        if known == name then
            self.handlers[number] = handler
            return
        end
    end
    error("there is no event `" .. tostring(name) .. "`", 2)
end

--- Gives all events that have come to their handlers. To be called once per frame.
function Client:update()
    local ok, why, result = checked(C.sterna_client_update(self.handle))
    while self.handle do -- a handler may have destroyed it
        local event = C.sterna_client_poll_event(self.handle)
        if event == nil then
            break
        end
        local handler = self.handlers[tonumber(event.event_type)]
        if handler then
            handler(event)
        end
    end
    return ok, why, result
end

-- Those that take what C takes, and give nothing but their result.
for _, name in ipairs({ "client_connect", "client_disconnect", "client_send_migrate", "client_flush" }) do
    Client[name:gsub("client_", "")] = function(self, ...)
        return checked(C["sterna_" .. name](self.handle, ...))
    end
end

-- Those that send: ver, cmd, payload. The payload is a string of bytes.
for _, name in ipairs({ "client_send", "client_rsend", "room_broadcast", "room_relay" }) do
    Client[name:gsub("client_", "")] = function(self, ver, cmd, payload)
        return checked(C["sterna_" .. name](self.handle, ver, cmd, payload, #payload))
    end
end

-- Calls a function that ends in `timeout_ms, out_request_id`, and gives the request's number, by which its event
-- `response` or `room_result` is known.
local function request(call, self, timeout_ms, ...)
    local out = ffi.new("uint64_t[1]")
    local count = select("#", ...)
    local arguments = { ... }
    arguments[count + 1], arguments[count + 2] = timeout_ms or 0, out
    local accepted, why, result = checked(call(self.handle, unpack(arguments, 1, count + 2)))
    if not accepted then
        return nil, why, result
    end
    return out[0]
end

--- Asks the server; event `response` follows.
function Client:request(ver, cmd, payload, timeout_ms)
    return request(C.sterna_client_request, self, timeout_ms, ver, cmd, payload, #payload)
end

--- Makes a room and joins it. `options`: fields of SternaRoomConfig. Like the next ones: event `room_result` follows.
function Client:room_create(options, timeout_ms)
    local config = configured("SternaRoomConfig", C.sterna_room_config_init, options)
    return request(C.sterna_room_create, self, timeout_ms, config)
end

function Client:room_join(room_id, timeout_ms)
    return request(C.sterna_room_join, self, timeout_ms, room_id)
end

function Client:room_leave(timeout_ms)
    return request(C.sterna_room_leave, self, timeout_ms)
end

--- Moves the room to another node; its owner may.
function Client:room_send_migrate(timeout_ms)
    return request(C.sterna_room_send_migrate, self, timeout_ms)
end

--- Sets a key of the room's synchronised state.
function Client:room_sync(key, data)
    return checked(C.sterna_room_sync(self.handle, key, data, #data))
end

-- The room as of the latest event; 0 if there is none.
for _, name in ipairs({ "room_id", "room_me", "room_owner", "room_member_count" }) do
    Client[name] = function(self)
        return C["sterna_" .. name](self.handle)
    end
end

--- The room's members: a list of `{ member = number, user = "id" }`.
function Client:room_members()
    local capacity = self:room_member_count()
    local found, count = ffi.new("SternaRoomMember[?]", capacity), ffi.new("uint32_t[1]")
    local ok, why, result = checked(C.sterna_room_members(self.handle, found, capacity, count))
    if not ok then
        return nil, why, result
    end
    local members = {}
    for i = 0, math.min(capacity, count[0]) - 1 do
        members[i + 1] = { member = found[i].member, user = ffi.string(found[i].user) }
    end
    return members
end

--- Where the client stands: a `SternaState` number.
function Client:state()
    return tonumber(C.sterna_client_state(self.handle))
end

--- A SternaStats.
function Client:stats()
    local stats = ffi.new("SternaStats")
    return checked(C.sterna_client_stats(self.handle, stats, ffi.sizeof(stats)), stats)
end

return sterna
