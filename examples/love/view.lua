--- Draws the game: a colour for each node, a circle for each player, and where the circle has been.

local view = {}

local BACKGROUND = { 0.055, 0.067, 0.094 }
local TEXT, DIM = { 0.90, 0.92, 0.96 }, { 0.52, 0.56, 0.64 }

-- By the number at the end of a node's name; further nodes begin again.
local COLOURS = {
    { 1.00, 0.70, 0.28 },
    { 0.33, 0.76, 1.00 },
    { 0.46, 0.89, 0.48 },
    { 0.98, 0.48, 0.72 },
    { 0.73, 0.58, 1.00 },
    { 0.95, 0.90, 0.45 },
}

local RADIUS = 9

-- Points of the trail for each line that is drawn.
local POINTS = 3

local fonts

--- The colour of a node, by its name.
function view.colour(node)
    local number = tonumber(node:match("(%d+)$")) or #node
    return COLOURS[(number - 1) % #COLOURS + 1]
end

function view.load()
    love.graphics.setBackgroundColor(BACKGROUND)
    love.graphics.setLineStyle("smooth")
    fonts = { title = love.graphics.newFont(17), text = love.graphics.newFont(13), small = love.graphics.newFont(10) }
end

local function set_colour(colour, alpha)
    love.graphics.setColor(colour[1], colour[2], colour[3], alpha)
end

-- The colour, so far out of the background. Not by transparency, which would show where lines overlap.
local function set_faded(colour, part)
    local faded = {}
    for i, dark in ipairs(BACKGROUND) do
        faded[i] = dark + part * (colour[i] - dark)
    end
    set_colour(faded, 1)
end

-- Its smooth outline hides the steps of what it fills.
local function draw_disc(x, y, radius)
    love.graphics.circle("fill", x, y, radius - 0.5)
    love.graphics.setLineWidth(1)
    love.graphics.circle("line", x, y, radius - 0.5)
end

-- Fades towards its end. Where the node changed there is a dot.
local function draw_trail(trail)
    for i = POINTS + 1 + (#trail - 1) % POINTS, #trail, POINTS do
        local from, to = trail[i - POINTS], trail[i]
        local fresh = i / #trail
        set_faded(view.colour(from.node), 0.30 + 0.55 * fresh)
        love.graphics.setLineWidth(1 + 4 * fresh)
        love.graphics.line(from.x, from.y, to.x, to.y)
    end
    for i = 2, #trail do
        if trail[i].node ~= trail[i - 1].node then
            set_colour(TEXT, 1)
            draw_disc(trail[i].x, trail[i].y, 4)
        end
    end
end

-- Those who are in a room together are connected.
local function draw_room(player)
    local from, to = player.track, player:viewer().track
    if #player.team > 1 and from.x and to.x then
        love.graphics.setLineWidth(1)
        set_colour(DIM, 0.30)
        love.graphics.line(from.x, from.y, to.x, to.y)
    end
end

local function draw_player(player)
    local track = player.track
    if not track.x then
        return
    end
    local colour = view.colour(player.node)
    for glow = 3, 1, -1 do
        set_colour(colour, 0.10)
        love.graphics.circle("fill", track.x, track.y, RADIUS + 4 * glow)
    end
    set_colour(colour, 1)
    draw_disc(track.x, track.y, RADIUS)
    love.graphics.setFont(fonts.small)
    set_colour(DIM, 1)
    love.graphics.print(player.place, track.x + RADIUS + 5, track.y - RADIUS - 8)
end

local function draw_legend(nodes)
    local x = 20
    for _, node in ipairs(nodes) do
        set_colour(view.colour(node.name), 1)
        if node.offline then
            love.graphics.setLineWidth(2)
            love.graphics.circle("line", x + 6, 52, 5)
        else
            draw_disc(x + 6, 52, 6)
        end
        love.graphics.setFont(fonts.text)
        set_colour(node.offline and DIM or TEXT, 1)
        local said = ("%s: %d players%s"):format(node.name, node.players, node.offline and ", scaled in" or "")
        love.graphics.print(said, x + 19, 44)
        x = x + 19 + fonts.text:getWidth(said) + 28
    end
end

local function draw_caption(game)
    local said = ("frame %d    %d moves    %d messages heard    %d lost    %d repeated    %d jumps"):format(
        game.frame, game:sum("moves"), game:sum("heard"), game:sum("skipped"), game:sum("repeated"),
        game:sum("jumps", function(player) return player.track end)
    )
    love.graphics.setFont(fonts.text)
    set_colour(TEXT, 1)
    love.graphics.print(said, 20, 420)
end

function view.draw(game)
    love.graphics.setFont(fonts.title)
    set_colour(TEXT, 1)
    local title = game.playing and "%d players, as others see them" or "Waiting for %d players"
    love.graphics.print(title:format(#game.players), 20, 14)
    draw_legend(game:nodes_in_order())
    for _, player in ipairs(game.players) do
        draw_trail(player.track.trail)
    end
    for _, player in ipairs(game.players) do
        draw_room(player)
    end
    for _, player in ipairs(game.players) do
        draw_player(player)
    end
    draw_caption(game)
end

return view
