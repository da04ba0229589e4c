--- The game as its own judge, for a test that scales a node in while it plays: says when to begin, plays on until those
--- of that node have moved, takes a picture, and tells what it has seen. Exits with 0 if all is well.

local Game = require("game")
local view = require("view")

local Trial = {}
Trial.__index = Trial

-- Frames of play before a node is to be scaled in, and after the last move: both shall be seen on the picture.
local BEFORE, AFTER = 100, 70

-- So many frames before its move a player is near, and still of the other colour.
local SHORTLY = 10

-- Past so many frames, or frames of waiting, what is missing will not come any more.
local FRAMES_MAX, WAIT_MAX = 3600, 3600

--- `frames`: plays at least so many; `picture`: the path of a PNG.
function Trial.new(game, frames, picture)
    return setmetatable({
        game = game,
        frames = frames,
        picture = picture,
        waited = 0, -- frames without play
        first = nil, -- at the beginning, by place: the player's node
        moved = {}, -- by place
        picture_at = nil, -- a frame
        taken = false, -- the picture
        work = {}, -- what a frame took, in milliseconds
        sterna = {}, -- of it the calls of the library, and the handlers of its events
    }, Trial)
end

-- How many of them are at a node that goes offline, and how many were at the beginning.
local function to_move(self)
    local left, all = 0, 0
    for place, node in ipairs(self.first) do
        if self.game.nodes[node].offline then
            all = all + 1
            left = left + (self.moved[place] and 0 or 1)
        end
    end
    return left, all
end

local function note_moves(self)
    for place, player in ipairs(self.game.players) do
        if player.moves > 0 and not self.moved[place] then
            self.moved[place] = true
            print(("moved player-%d %s %s in frame %d"):format(place, self.first[place], player.node, self.game.frame))
        end
    end
end

local function begin(self)
    self.first = {}
    for place, player in ipairs(self.game.players) do
        self.first[place] = player.node
        print(("at player-%d %s"):format(place, player.node))
    end
    print("ready")
end

local function percentile(values, part)
    local sorted = { unpack(values) }
    table.sort(sorted)
    return sorted[math.max(1, math.ceil(part * #sorted))]
end

local function print_times(name, values)
    print(("%s: p50 %.2f ms, p99 %.2f ms, max %.2f ms, %d frames"):format(
        name, percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1), #values))
end

local function print_spot(what, place, node, spot)
    local red, green, blue = unpack(view.colour(node))
    print(("%s player-%d %s %d %d %d %.0f %.0f"):format(what, place, node,
        red * 255 + 0.5, green * 255 + 0.5, blue * 255 + 0.5, spot.x, spot.y))
end

-- Where the circles are, and where they were before their move, for those who look at the picture.
local function describe(self)
    for place, player in ipairs(self.game.players) do
        print_spot("circle", place, player.node, player.track)
        local trail = player.track.trail
        for i = #trail, 2, -1 do
            if trail[i].node ~= trail[i - 1].node then
                local before = trail[math.max(1, i - SHORTLY)]
                print_spot("trail", place, before.node, before)
            end
        end
    end
end

local function take_picture(self)
    describe(self)
    love.graphics.captureScreenshot(function(image)
        local file = assert(io.open(self.picture, "wb"))
        file:write(image:encode("png"):getString())
        file:close()
        self.taken = true
    end)
end

local function worst(game, field, pick)
    local value
    for _, player in ipairs(game.players) do
        value = value and pick(value, player.track[field]) or player.track[field]
    end
    return value
end

local function verdict(self, failure)
    local game = self.game
    local track = function(player) return player.track end
    local lost, repeated, jumps = game:missing() + game:sum("skipped"), game:sum("repeated"), game:sum("jumps", track)
    local starved, moves = game:sum("starved", track), game:sum("moves")
    failure = failure or game:trouble()
    if not failure and (lost > 0 or repeated > 0 or jumps > 0 or starved > 0) then
        failure = "play was disturbed"
    end
    print_times("a frame's work", self.work)
    print_times("of it Sterna", self.sterna)
    print(("largest step %.0f%% of what the speed allows"):format(100 * worst(game, "step_max", math.max)))
    print(("messages were at least %.0f ms ahead of what was shown"):format(1000 * worst(game, "slack", math.min)))
    print(("result: %s; frames %d, moves %d, sent %d, heard %d, lost %d, repeated %d, jumps %d, starved %d"):format(
        failure or "well", game.frame, moves, game:sum("sent"), game:sum("heard"), lost, repeated, jumps, starved))
    love.event.quit(failure and 1 or 0)
end

--- After each frame. `work` and `sterna`: what it took, in seconds.
function Trial:step(work, sterna)
    local game = self.game
    if game:trouble() then
        return verdict(self)
    end
    if not game.playing or not game.talking then
        self.waited = self.waited + 1
        if not game.playing and self.waited > WAIT_MAX then
            return verdict(self, "not everybody has come")
        elseif not game.talking and (game:missing() == 0 or self.waited > WAIT_MAX) then
            return verdict(self)
        end
        return
    end
    self.work[#self.work + 1], self.sterna[#self.sterna + 1] = work * 1000, sterna * 1000
    if not self.first then
        return game.frame >= BEFORE and begin(self)
    end
    note_moves(self)
    local left, all = to_move(self)
    if not self.picture_at and all > 0 and left == 0 then
        self.picture_at = game.frame + AFTER
    end
    if game.frame == self.picture_at then
        take_picture(self)
    elseif self.taken and game.frame >= self.frames then
        game.talking, self.waited = false, 0
    elseif game.frame > FRAMES_MAX then
        verdict(self, ("%d of %d have not moved"):format(left, all))
    end
end

return Trial
