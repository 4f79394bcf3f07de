import LuaBridge
import Testing

/// Recipes that mean harm.
///
/// Each prints SAFE where the sandbox holds, and what it got hold of otherwise.
struct HostileTests {
    static let recipes: [(name: String, source: String)] = [
        (
            "bytecode in every way in",
            """
            local code = "\\27Lua" .. ("T\\0\\x19\\x93\\r\\n\\x1a\\n"):rep(4)
            local pieces = {code:sub(1, 1), code:sub(2)}
            local i = 0
            local function reader() i = i + 1; return pieces[i] end
            local got = load(code) or load(code, "=x", "b") or load(code, "=x", "bt", {}) or load(reader, "=x", "b")
            print(not got and string.dump == nil and "SAFE" or "bytecode")
            """
        ),
        (
            "loaders",
            """
            local hit
            for _, name in ipairs {"io", "os", "debug", "package", "string", "_G", "ffi", "a/b", "a.", ".a", "", "a\\0b", "Ä", "1a", "a b"} do
              local ok, value = pcall(require, name)
              if ok then hit = name end
            end
            for _, name in ipairs {"dofile", "loadfile", "loadstring", "module", "package", "debug", "collectgarbage", "warn"} do
              if rawget(_G, name) ~= nil then hit = name end
            end
            for name in pairs(io) do if name ~= "write" then hit = name end end
            for name in pairs(io.write()) do if name ~= "write" then hit = name end end
            for _, name in ipairs {"open", "popen", "lines", "read", "stdout", "stderr"} do if io[name] then hit = name end end
            print(hit or "SAFE")
            """
        ),
        (
            "the registry and the first table of globals",
            """
            local hit
            for _, f in pairs {load, require, print, pcall, getmetatable, string.format} do
              local env = load("return _ENV")()
              if env ~= _G then hit = "other globals" end
            end
            for name, value in pairs(_G) do
              if type(value) == "table" and rawget(value, "_LOADED") then hit = name end
            end
            print(hit or "SAFE")
            """
        ),
        (
            "metatables of host objects and modules",
            """
            local s, hit = lorawb.zeros(2), nil
            for _, v in ipairs {s, lorawb, lorawb.splits(), os, coroutine, ""} do
              local mt = getmetatable(v)
              if type(mt) == "table" then hit = type(v) end
              if pcall(setmetatable, v, {}) then hit = "set " .. type(v) end
            end
            for _, name in ipairs {"__gc", "__close", "__index", "__newindex", "__metatable", "__name", "__eq", "__len", "__add"} do
              local ok, value = pcall(function() return s[name] end)
              if ok and value ~= nil then hit = name end
            end
            print(hit or "SAFE")
            """
        ),
        (
            "methods with every wrong self",
            """
            local s, hit = lorawb.zeros(2), nil
            local wrong = {1, 1.5, "x", true, {}, print, coroutine.create(print), lorawb.token(3), lorawb,
              setmetatable({}, {__index = s, __name = "test.Slab"}), setmetatable({}, {__metatable = "test.Slab"}), lorawb.splits()}
            for _, name in ipairs {"numel", "add", "map", "free", "take", "fail"} do
              if pcall(s[name]) then hit = name end
              for _, value in ipairs(wrong) do if pcall(s[name], value, 1, 1) then hit = name end end
            end
            for _, value in ipairs(wrong) do
              if pcall(function() return s + value end) and type(value) ~= "number" then hit = "+" end
              if s == value then hit = "==" end
            end
            print(hit or s:numel() == 2 and #lorawb.token(3) == 3 and "SAFE" or "changed")
            """
        ),
        (
            "a table that says it is a slab",
            """
            local fake = setmetatable({}, {__name = "test.Slab", __index = function() return 1 end, __len = function() return 2^62 end})
            local ok, message = pcall(lorawb.zeros(1).add, lorawb.zeros(1), fake)
            print(not ok and message:find("got table") and "SAFE" or message)
            """
        ),
        (
            "freeing in a callback, twice, and in a close",
            """
            local s = lorawb.zeros(100)
            local ok = pcall(s.map, s, function() s:free(); s:free(); do local t <close> = s end return 1 end)
            local ok2 = pcall(s.numel, s)
            local r = lorawb.zeros(100)
            local ok3 = pcall(r.map, r, function() r:map(function() r:free() return 1 end) return 1 end)
            print(not ok and not ok2 and not ok3 and "SAFE" or "used after free")
            """
        ),
        (
            "the host's tables changed under its hands",
            """
            local t = setmetatable({1, 2, 3}, {__index = function() error("asked") end, __pairs = function() error("asked") end, __len = function() return 1e9 end})
            local back = lorawb.echo(t)
            local ok = pcall(lorawb.adapt, setmetatable({}, {__index = function() return "owned" end}))
            print(#back == 3 and ok and "SAFE" or "metamethods were asked")
            """
        ),
        (
            "everything taken away",
            """
            local zeros, print = lorawb.zeros, print
            setmetatable(_G, {__index = function() error("host looked") end, __newindex = function() error("host wrote") end})
            local G, next = _G, next
            for name in next, string do string[name] = nil end
            for name in next, table do table[name] = nil end
            for name in next, G do G[name] = nil end
            local s = zeros(2) + zeros(2)
            local ok = s.shape[1] == 2 and s:numel() == 2
            print(ok and "SAFE")
            """
        ),
        (
            "recursion",
            """
            local function lua(n) return 1 + lua(n + 1) end
            local function wrap(n) return coroutine.wrap(wrap)(n + 1) end
            local function resume(n) return assert(coroutine.resume(coroutine.create(resume), n + 1)) end
            local function gsub(s) return (s:gsub(".", gsub)) end
            local function host() return lorawb.call(host) end
            local function map() local s = lorawb.zeros(1); s:map(map) return s end
            local t = setmetatable({}, {}); getmetatable(t).__index = function(t, k) return t[k + 1] end
            local u = setmetatable({}, {__tostring = function(u) return tostring(u) end})
            local hit
            for name, f in pairs {lua = lua, wrap = wrap, resume = resume, gsub = gsub, host = host, map = map,
                index = function() return t[1] end, tostring = function() return tostring(u) end, pcall = function() local function p() return pcall(p) end assert(p()) end} do
              if name ~= "pcall" and pcall(f, 1) and name ~= "gsub" then hit = name else pcall(f, 1) end
            end
            if pcall(gsub, "a") then hit = "gsub" end
            print(hit or "SAFE")
            """
        ),
        (
            "chains of coroutines that close each other",
            """
            local inner
            for i = 1, 5000 do
              local previous = inner
              inner = coroutine.wrap(function()
                local x <close> = setmetatable({}, {__close = function() if previous then pcall(previous) end end})
                error("up")
              end)
            end
            pcall(inner)
            print("SAFE")
            """
        ),
        (
            "deep parsing",
            """
            for _, s in ipairs {("("):rep(1e5), ("{"):rep(1e5), "return " .. ("-"):rep(1e5) .. "1", ("do "):rep(1e5), "x=" .. ("f("):rep(1e5),
                ("return function() "):rep(1e4), "x = " .. ("a."):rep(1e5) .. "b", ("if x then "):rep(1e5), "return " .. ("{{},"):rep(1e5), ("local a;"):rep(300),
                "goto " .. ("x"):rep(1e6), "x = '" .. ("\\\\z "):rep(1e5)} do
              local f = load(s)
              if f then pcall(f) end
            end
            print("SAFE")
            """
        ),
        (
            "deep tables given to the host",
            """
            local deep = {}
            for i = 1, 1e5 do deep = {deep} end
            local cycle = {}; cycle[1] = {cycle}
            local wide = {1}; for i = 1, 60 do wide = {wide, wide} end
            print(not pcall(lorawb.echo, deep) and not pcall(lorawb.echo, cycle) and not pcall(lorawb.shape, cycle) and "SAFE" or "read")
            """
        ),
        (
            "numbers",
            """
            local hit
            for _, n in ipairs {0/0, 1/0, -1/0, 2^63, -2^63, 2^53 + 0.5, math.mininteger, math.maxinteger, -1, 1e308, 5e-324} do
              if n ~= -0.0 and pcall(lorawb.zeros, n) and not (n >= 0 and n < 1e9) then hit = n end
              if pcall(lorawb.zeros, n, n, n) then hit = n end
              pcall(lorawb.token, n); pcall(lorawb.adapt, {r = n, lora_alpha = n}); pcall(lorawb.shape, {n}); pcall(lorawb.shape, {{n}, {n}})
              pcall(function() return lorawb.zeros(2)[n] end)
              pcall(function() return lorawb.echo {[n] = 1} end)
              pcall(string.rep, "x", n); pcall(table.move, {}, n, n, n); pcall(table.unpack, {}, n, n)
            end
            if pcall(lorawb.zeros, 1 << 31, 1 << 31, 4) then hit = "product" end
            print(hit or "SAFE")
            """
        ),
        (
            "addresses",
            """
            local shown = {}
            for _, v in ipairs {print, {}, lorawb, lorawb.zeros(1), lorawb.token(1), coroutine.create(print), lorawb.zeros, os, setmetatable({}, {__name = "x"})} do
              shown[#shown + 1] = tostring(v)
              shown[#shown + 1] = string.format("%s %10s %-5s", v, v, v)
              for _, f in ipairs {"%p", "%5p", "%-20p", "a\\0%p", "%%%p"} do if pcall(string.format, f, v) then shown[#shown + 1] = "0xabcdefabc" end end
              shown[#shown + 1] = select(2, pcall(error, v)) == v and "" or "?"
              shown[#shown + 1] = tostring(select(2, pcall(function() return v < v end)))
              shown[#shown + 1] = tostring(select(2, pcall(function() return v .. "" end)))
              shown[#shown + 1] = tostring(select(2, pcall(string.rep, v)))
              shown[#shown + 1] = tostring(select(2, pcall(setmetatable, v, v)))
            end
            local a, b = math.randomseed()
            shown[#shown + 1] = string.format("%x %x", a or 0, b or 0)
            local all = table.concat(shown, " ")
            print(not all:lower():find("0x%x%x%x%x%x%x") and not all:find("%x%x%x%x%x%x%x%x%x") and "SAFE" or all)
            """
        ),
        (
            "error objects of all kinds",
            """
            for _, e in ipairs {setmetatable({}, {__tostring = function() error("again") end}), setmetatable({}, {__tostring = function() return {} end}),
                setmetatable({}, {__name = ("x"):rep(1e6)}), tostring, coroutine.create(print), lorawb.zeros(1), 0/0, ("\\0\\255"):rep(1000)} do
              pcall(lorawb.call, error, e); pcall(lorawb.call, lorawb.call, error, e); pcall(coroutine.wrap(error), e); xpcall(error, error, e); xpcall(error, lorawb.call, e)
            end
            pcall(error); xpcall(error, function(e) error(e) end, "x")
            print("SAFE")
            """
        ),
        (
            "the collector",
            """
            local hit
            if pcall(setmetatable, {}, {__gc = function() end}) then hit = "__gc" end
            local mt = {}; local t = setmetatable({}, mt); mt.__gc = function() hit = "late __gc" end; t = nil
            local weak = setmetatable({}, {__mode = "kv"})
            for i = 1, 20000 do weak[i] = lorawb.zeros(4); weak[lorawb.zeros(2)] = i; local s = lorawb.zeros(8) end
            for _, s in pairs(weak) do if type(s) == "userdata" and s:numel() ~= 4 then hit = "freed object" end end
            print(hit or "SAFE")
            """
        ),
        (
            "weak metatables at the cap",
            """
            local hog = {}
            pcall(function() for i = 1, 1e7 do hog[i] = ("x"):rep(1000) .. i end end)
            for r = 1, 200 do
              pcall(function()
              local t = setmetatable({}, setmetatable({__newindex = {}, __index = {}}, {__mode = "kv"}))
              pcall(function() for i = 1, 64 do t[i] = 1; t[{}] = {} end end)
              end)
            end
            hog = nil
            print("SAFE")
            """
        ),
        (
            "names that break messages",
            """
            local name = ("%s%n%d'\\n\\27[2J"):rep(100)
            pcall(function() return _G[name] end); pcall(function() return lorawb[name] end); pcall(function() return lorawb.zeros(1)[name] end)
            pcall(lorawb.adapt, {[name] = 1, ["\\255"] = 2}); pcall(require, name); pcall(load, "x", name); pcall(load("error('x')", name))
            pcall(load("lorawb.zeros('x')", "@" .. name)); pcall(function() lorawb.zeros(1)[{}] = 1 end); pcall(function() return lorawb[{}] end)
            print("SAFE")
            """
        ),
        (
            "many arguments and results",
            """
            local t = table.pack(table.unpack({}, 1, 200000))
            local hit
            if pcall(lorawb.zeros, table.unpack({}, 1, 200)) then hit = "zeros" end
            pcall(lorawb.echo, table.unpack({}, 1, 200000)); pcall(lorawb.call, table.unpack({type}, 1, 200000))
            pcall(coroutine.wrap(function(...) return ... end), table.unpack({}, 1, 200000))
            pcall(string.format, ("%s"):rep(1000), table.unpack({}, 1, 1000)); pcall(string.char, table.unpack({}, 1, 10000))
            print(hit or "SAFE")
            """
        ),
        (
            "packing",
            """
            local ok = {}
            ok[1] = pcall(string.unpack, "s8", "\\255\\255\\255\\255\\255\\255\\255\\127")
            ok[2] = pcall(string.pack, "i17", 1)
            ok[3] = pcall(string.unpack, "z", "abc", 1 << 62)
            ok[4] = pcall(string.unpack, "i8", "abc", math.mininteger)
            pcall(string.packsize, ("i16"):rep(200000) .. "!16"); pcall(utf8.char, math.maxinteger); pcall(utf8.codepoint, "x", math.mininteger, math.maxinteger)
            print(not ok[1] and not ok[2] and not ok[3] and not ok[4] and "SAFE" or "read outside")
            """
        ),
        (
            "a handle across a coroutine that dies",
            """
            local kept
            local co = coroutine.wrap(function() local s <close> = lorawb.zeros(4); kept = s; lorawb.keep(function() return s:numel() end); error("dead") end)
            pcall(co)
            print(not pcall(kept.numel, kept) and not pcall(co) and "SAFE" or "alive")
            """
        ),
    ]

    @Test(arguments: recipes.indices)
    func holds(_ index: Int) throws {
        let recipe = HostileTests.recipes[index]
        let world = try World(memory: 64 << 20, slabLimit: 256 << 20)
        #expect(world.output(recipe.source) == "SAFE\n", "\(recipe.name)")
        #expect(world.host.isRunning == false)
        let census = world.census
        world.kept = nil
        world.keptValue = .nil
        #expect(census.living >= 0)
    }

    @Test(arguments: recipes.indices)
    func leavesNothing(_ index: Int) throws {
        var world: World? = try World(memory: 64 << 20, slabLimit: 256 << 20)
        let census = try #require(world?.census)
        _ = world?.output(HostileTests.recipes[index].source)
        world = nil
        #expect(census.living == 0, "\(HostileTests.recipes[index].name)")
        #expect(census.bytes == 0)
    }
}
