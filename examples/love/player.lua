--- A player: a client of Sterna, what it says, and what it hears. A game has one of them; this one has all that it
--- shows, in one process, so that one program can look at all sides.

local sterna = require("sterna")
local Track = require("track")

local Player = {}
Player.__index = Player

-- What the server's built-in application understands; in rooms any command will do.
local VER, CMD_ECHO = 2, 1

-- Place, number of the message, time of the player's own play, x, y.
local MESSAGE = ">BI4ddd"

-- A room's move waits for its slowest member.
local MIGRATE_MS = 30000

--- `team`: the list of those who share a room with the player, itself as well; the first one makes the room. A team of
--- one plays without a room, and hears what the server echoes.
function Player.new(place, path, team)
    local player = setmetatable({
        place = place,
        path = path,
        team = team,
        track = Track.new(path:speed_max()),
        node = nil, -- the name of the one that serves the player
        asked = false, -- for the room
        inside = false,
        moves = 0, -- from node to node, since play began
        sent = 0, -- messages, which is also the next one's number
        due = {}, -- by place of the speaker: the number that is expected next
        heard = 0, -- messages, of everybody
        skipped = 0, -- of them that were missing when a later one came
        repeated = 0, -- or came after a later one
        trouble = nil, -- what should not have happened
    }, Player)
    team[#team + 1] = player
    return player
end

-- Keeps the first thing that went wrong.
local function trouble(self, what)
    self.trouble = self.trouble or what
    print(("player-%d: %s"):format(self.place, what))
end

local function moved_to(self, node)
    if node ~= self.node then
        print(("player-%d: %s, was at %s"):format(self.place, node, self.node or "none"))
        self.node, self.moves = node, self.moves + 1
        self.game:arrived(node)
    end
end

-- The node will stop. A real game may wait for the end of the round before it answers.
local function answer_offline(self, event)
    self.game:offline(self.node)
    local ok, why = true, nil
    if event.in_room == 0 then
        ok, why = self.client:send_migrate()
    elseif self.client:room_me() == self.client:room_owner() then
        ok, why = self.client:room_send_migrate(MIGRATE_MS)
    end -- the others in the room have nothing to do
    if not ok then
        print(("player-%d: cannot migrate: %s"):format(self.place, why))
    end
end

-- A position, of this player or of another one in the room.
local function hear(self, payload)
    local place, number, time, x, y = love.data.unpack(MESSAGE, payload)
    local due = self.due[place] or 0
    self.heard = self.heard + 1
    if number < due then
        self.repeated = self.repeated + 1
        return
    end
    self.skipped = self.skipped + number - due
    self.due[place] = number + 1
    local speaker = self.game.players[place]
    if speaker:viewer() == self then
        speaker.track:hear(time, x, y)
    end
end

local function listen(self)
    local client = self.client
    client:on("connected", function(event) moved_to(self, event:text_string()) end)
    client:on("migrated", function(event) moved_to(self, event:text_string()) end)
    client:on("reconnected", function(event) moved_to(self, event:text_string()) end)
    client:on("took_over", function(event)
        moved_to(self, event:text_string())
        if event.lost_from ~= event.lost_to then
            trouble(self, "a node crashed, and messages are gone")
        end
    end)
    client:on("offline", function(event) answer_offline(self, event) end)
    client:on("push", function(event) hear(self, event:data_string()) end)
    client:on("room_message", function(event) hear(self, event:data_string()) end)
    client:on("room_entered", function() self.inside = true end)
    client:on("room_result", function(event)
        if event.status ~= sterna.C.STERNA_OK then
            print(("player-%d: refused: %s"):format(self.place, sterna.explain(event.status)))
            self.asked = self.inside -- a join is tried again, a move is the server's business then
        end
    end)
    client:on("room_exited", function(event) trouble(self, "not in the room any more: " .. event:text_string()) end)
    client:on("room_member_left", function(event) trouble(self, event:text_string() .. " has left") end)
    client:on("connect_failed", function(event) trouble(self, "not connected: " .. event:text_string()) end)
    client:on("disconnected", function(event) trouble(self, "disconnected: " .. event:text_string()) end)
    client:on("log", function(event) print(("player-%d: sterna: %s"):format(self.place, event:text_string())) end)
end

--- Begins to connect. `options`: fields of SternaClientConfig.
function Player:connect(game, token, options)
    self.game = game
    self.client = assert(sterna.new(options))
    listen(self)
    assert(self.client:connect(token))
end

--- Who is shown what this player does: another one in the room, or who is alone.
function Player:viewer()
    for index, mate in ipairs(self.team) do
        if mate == self then
            return self.team[index % #self.team + 1]
        end
    end
end

-- The first of the team makes the room, the others join it as soon as there is one.
local function enter_room(self)
    if self.asked or not self.node then
        return
    end
    local first = self.team[1]
    if first == self then
        self.asked = self.client:room_create({ members_max = #self.team }) ~= nil
    elseif first.inside then
        self.asked = self.client:room_join(first.client:room_id()) ~= nil
    end
end

--- Whether it is where it plays.
function Player:is_ready()
    return self.node ~= nil and (#self.team == 1 or self.inside)
end

--- Takes what has come. Once per frame.
function Player:update()
    self.client:update()
    if #self.team > 1 and not self.inside then
        enter_room(self)
    end
end

--- Tells the team where it is now.
function Player:say_position(time)
    local x, y = self.path:at(time)
    local payload = love.data.pack("string", MESSAGE, self.place, self.sent, time, x, y)
    local say = #self.team > 1 and self.client.room_broadcast or self.client.rsend
    local ok, why, result = say(self.client, VER, CMD_ECHO, payload)
    if ok then
        self.sent = self.sent + 1
    elseif result ~= sterna.C.STERNA_ERROR_QUEUE_FULL then -- then the next message will do
        trouble(self, "not sent: " .. why)
    end
end

--- How many messages of the team it has not heard yet.
function Player:missing()
    local missing = 0
    for _, mate in ipairs(self.team) do
        missing = missing + mate.sent - (self.due[mate.place] or 0)
    end
    return missing
end

return Player
