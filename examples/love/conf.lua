function love.conf(t)
    t.identity = "sterna-love"
    t.version = "11.4"
    t.window.title = "Sterna: players who are moved while they play"
    t.window.width, t.window.height = 800, 450
    t.window.vsync = 0 -- main.lua keeps the pace, so that each frame is the same piece of play
    for _, unused in ipairs({ "audio", "sound", "physics", "joystick", "touch", "video", "thread" }) do
        t.modules[unused] = false
    end
end
