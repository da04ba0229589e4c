--- The game: teams of three players, each in a room, and three who play alone. All of them go on playing while the
--- nodes that serve them come and go.

local Path = require("path")
local Player = require("player")

local Game = {}
Game.__index = Game

-- A frame is so much play, in seconds, however long it takes: a slow machine plays slowly, and nobody jumps.
Game.STEP = 1 / 60

-- A position is said in every third frame.
local FRAMES_BETWEEN_MESSAGES = 3

local TEAM, ALONE = 3, 3

-- The team's members run around the same spot; those who are alone run around all of them.
local function path_of(place, teams)
    local team, member = math.floor((place - 1) / TEAM), (place - 1) % TEAM
    local phase = member * 2 * math.pi / TEAM
    if team < teams then
        local direction = team % 2 == 0 and 1 or -1
        return Path.new(800 * (team + 0.5) / teams, 235, 78, 78, 0.75 * direction, phase + team)
    end
    return Path.new(400, 235, 340, 135, 0.4, phase + 0.5)
end

--- `tokens`: one connect token for each player; `options`: fields of SternaClientConfig.
function Game.new(tokens, options)
    local game = setmetatable({
        players = {},
        nodes = {}, -- by name: { name, offline }
        playing = false, -- everybody is there
        talking = true, -- positions are said
        frame = 0, -- of play
    }, Game)
    local teams = math.floor((#tokens - ALONE) / TEAM)
    local team = {}
    for place = 1, #tokens do
        if #team == TEAM or place > teams * TEAM then
            team = {}
        end
        game.players[place] = Player.new(place, path_of(place, teams), team)
    end
    for place, player in ipairs(game.players) do
        player:connect(game, tokens[place], options)
    end
    return game
end

--- This node serves one of the players now. So nodes are known that somebody has been at.
function Game:arrived(node)
    self.nodes[node] = { name = node, offline = false }
end

--- One of the players has heard that this node goes offline.
function Game:offline(node)
    self.nodes[node].offline = true
end

-- Play begins when everybody is where they play: what is said before is not for all.
local function begin_when_ready(self)
    for _, player in ipairs(self.players) do
        if not player:is_ready() then
            return
        end
    end
    self.playing = true
    for _, player in ipairs(self.players) do
        player.moves = 0
    end
end

--- One frame.
function Game:step()
    for _, player in ipairs(self.players) do
        player:update()
    end
    if not self.playing then
        return begin_when_ready(self)
    end
    self.frame = self.frame + 1
    for _, player in ipairs(self.players) do
        if self.talking and (self.frame + player.place) % FRAMES_BETWEEN_MESSAGES == 0 then
            player:say_position(self.frame * Game.STEP)
        end
        player.track:advance(Game.STEP, player.node)
    end
end

--- The sum of a field over the players; `of` gives something of the player instead of the player.
function Game:sum(field, of)
    local sum = 0
    for _, player in ipairs(self.players) do
        sum = sum + (of and of(player) or player)[field]
    end
    return sum
end

--- Messages that were said and not heard yet, by all who should.
function Game:missing()
    local missing = 0
    for _, player in ipairs(self.players) do
        missing = missing + player:missing()
    end
    return missing
end

--- What went wrong first, or nil.
function Game:trouble()
    for _, player in ipairs(self.players) do
        if player.trouble then
            return ("player-%d: %s"):format(player.place, player.trouble)
        end
    end
end

--- Nodes that somebody has been at, in order, each with how many it serves now.
function Game:nodes_in_order()
    local list = {}
    for _, node in pairs(self.nodes) do
        node.players = 0
        list[#list + 1] = node
    end
    for _, player in ipairs(self.players) do
        if player.node then
            local node = self.nodes[player.node]
            node.players = node.players + 1
        end
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
end

return Game
