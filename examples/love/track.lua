--- What one player sees of another: positions that come in messages, played back a moment later and smoothed, as games
--- do. If messages came too late, the circle would stand still and then jump, and this would notice.

local Track = {}
Track.__index = Track

-- How far behind the messages play is shown, in seconds. A gap that is longer can be seen.
Track.DELAY = 0.25

-- Points of the trail, one for each frame.
local TRAIL = 150

-- Between points of the same curve; for the rounding of floats.
local TOLERANCE = 1.001

--- `speed_max`: pixels per second that the shown player can have.
function Track.new(speed_max)
    return setmetatable({
        speed_max = speed_max,
        samples = {}, -- { time, x, y }, oldest first
        trail = {}, -- { x, y, node }, oldest first
        clock = nil, -- the time that is shown, in that player's own play
        jumps = 0, -- frames with a larger step than the speed allows
        starved = 0, -- frames for which no message had come yet
        step_max = 0, -- largest step, as a part of what the speed allows
        slack = math.huge, -- least time that messages were ahead of what was shown
    }, Track)
end

--- A message says where the player was at this time of theirs.
function Track:hear(time, x, y)
    self.samples[#self.samples + 1] = { time = time, x = x, y = y }
    self.clock = self.clock or time - Track.DELAY
end

-- Where the player was at the shown time.
local function position(self)
    local samples = self.samples
    while #samples >= 2 and samples[2].time <= self.clock do
        table.remove(samples, 1)
    end
    local a, b = samples[1], samples[2]
    if not b or self.clock <= a.time then
        return a.x, a.y
    end
    local part = (self.clock - a.time) / (b.time - a.time)
    return a.x + part * (b.x - a.x), a.y + part * (b.y - a.y)
end

local function judge_step(self, x, y, seconds)
    local step = math.sqrt((x - self.x) ^ 2 + (y - self.y) ^ 2) / (self.speed_max * seconds)
    self.step_max = math.max(self.step_max, step)
    if step > TOLERANCE then
        self.jumps = self.jumps + 1
    end
end

--- Goes on by a frame of so many seconds. `node`: which one serves the player now.
function Track:advance(seconds, node)
    if not self.clock then
        return
    end
    self.clock = self.clock + seconds
    local ahead = self.samples[#self.samples].time - self.clock
    self.slack = math.min(self.slack, ahead)
    if ahead < 0 then
        self.starved = self.starved + 1
    end
    local x, y = position(self)
    if self.x then
        judge_step(self, x, y, seconds)
    end
    self.x, self.y = x, y
    self.trail[#self.trail + 1] = { x = x, y = y, node = node }
    if #self.trail > TRAIL then
        table.remove(self.trail, 1)
    end
end

return Track
