--- Players in LÖVE who are moved from node to node while they play, coloured by the node that serves them.
---
---     love examples/love [--udp] [--classic] [--delay MS] [--trial FRAMES PICTURE] TOKEN TOKEN ...
---
--- README.md says where tokens come from. --classic: players disconnect, move and reconnect, to see the difference.
--- --delay: as if the server were so far away. --trial: the game judges itself, see trial.lua.

-- LÖVE would show an error in its window and wait for somebody to close it, but nobody may be there.
function love.errorhandler(what)
    print(debug.traceback(tostring(what), 2))
    return function() return 1 end
end

package.path = love.filesystem.getSource() .. "/../../bindings/lua/?.lua;" .. package.path
io.stdout:setvbuf("line")

local sterna = require("sterna")
local Game = require("game")
local Trial = require("trial")
local view = require("view")

local game, trial
local due = 0 -- the time at which the next frame begins
local began, sterna_took -- of the frame before
local now = love.timer.getTime

local function parse(arguments)
    local tokens, options, i = {}, {}, 1
    local trial_frames, picture
    while arguments[i] do
        if arguments[i] == "--udp" then
            options.transport = sterna.C.STERNA_TRANSPORT_UDP
        elseif arguments[i] == "--classic" then
            options.move_mode = sterna.C.STERNA_MOVE_CLASSIC
        elseif arguments[i] == "--delay" then
            options.simulator_delay_ms = tonumber(arguments[i + 1])
            i = i + 1
        elseif arguments[i] == "--trial" then
            trial_frames, picture = tonumber(arguments[i + 1]), arguments[i + 2]
            i = i + 2
        else
            tokens[#tokens + 1] = arguments[i]
        end
        i = i + 1
    end
    return tokens, options, trial_frames, picture
end

function love.load(arguments)
    local tokens, options, trial_frames, picture = parse(arguments)
    if #tokens < 6 then
        print("usage: love examples/love [--udp] [--classic] [--delay MS] [--trial FRAMES PICTURE] TOKEN TOKEN ...")
        print("six tokens or more")
        return love.event.quit(2)
    end
    view.load()
    game = Game.new(tokens, options)
    trial = trial_frames and Trial.new(game, trial_frames, picture)
end

-- Sixty frames a second, also where the screen does not keep the pace.
local function keep_pace()
    if due > now() then
        love.timer.sleep(due - now())
    end
    due = math.max(due + Game.STEP, now())
end

function love.update()
    if not game then
        return
    end
    if trial and began then
        trial:step(now() - began, sterna_took)
    end
    keep_pace()
    began = now()
    game:step()
    sterna_took = now() - began
end

function love.draw()
    if game then
        view.draw(game)
    end
end

function love.quit()
    for _, player in ipairs(game and game.players or {}) do
        player.client:destroy()
    end
end
