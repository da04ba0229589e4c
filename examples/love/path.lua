--- Where players wander: a smooth curve, and how fast it can be at most.

local Path = {}
Path.__index = Path

-- An ellipse around (x, y), with a smaller wave on it so that it does not look like clockwork.
local WAVE, WAVE_TURNS = 0.12, 3

--- `radius_x`, `radius_y` in pixels, `turn` in radians per second, `phase` in radians.
function Path.new(x, y, radius_x, radius_y, turn, phase)
    return setmetatable(
        { x = x, y = y, radius_x = radius_x, radius_y = radius_y, turn = turn, phase = phase },
        Path
    )
end

--- Where it is at this time, in seconds.
function Path:at(time)
    local angle = self.turn * time + self.phase
    local radius = 1 + WAVE * math.sin(WAVE_TURNS * angle)
    return self.x + self.radius_x * radius * math.cos(angle), self.y + self.radius_y * radius * math.sin(angle)
end

--- A bound that the speed never exceeds, in pixels per second: of both terms of the derivative.
function Path:speed_max()
    local radius = math.max(self.radius_x, self.radius_y)
    return math.abs(self.turn) * radius * (1 + WAVE + WAVE * WAVE_TURNS)
end

return Path
