-- LÖVE without a window, and so without a screen.
function love.conf(t)
    t.identity = "sterna-binding"
    for module in pairs(t.modules) do
        t.modules[module] = module == "event" or module == "timer" or module == "filesystem" or module == "data"
    end
    t.window = nil
end
