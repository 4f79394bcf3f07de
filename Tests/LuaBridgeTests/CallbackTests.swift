import LuaBridge
import Testing

/// Lua functions called from host functions, in each other and in coroutines.
struct CallbackTests {
    @Test(arguments: [
        (
            "pcall in a callback in pcall",
            "print(pcall(lorawb.call, function() return pcall(lorawb.call, function() error('in', 0) end) end))",
            "true\tfalse\tin\n"
        ),
        (
            "an error object keeps its identity",
            "local e = {}; local ok, got = pcall(lorawb.call, function() error(e) end); print(ok, got == e)",
            "false\ttrue\n"
        ),
        (
            "through two host calls",
            "local e = {}; local ok, got = pcall(lorawb.call, lorawb.call, function() error(e) end); print(ok, got == e)",
            "false\ttrue\n"
        ),
        (
            "the message is unchanged", "print(pcall(lorawb.call, function()\n error('deep') end))",
            "false\trecipe.lua:2: deep\n"
        ),
        (
            "a host error in a callback", "print(pcall(lorawb.call, function()\n\n lorawb.zeros('x') end))",
            "false\trecipe.lua:3: bad argument #1 'size' to 'zeros' (integer expected, got string 'x')\n"
        ),
        (
            "a callback is called in a coroutine",
            "local f = coroutine.wrap(function() return lorawb.call(coroutine.running) ~= coroutine.create(print) end); print(f())",
            "true\n"
        ),
        (
            "a coroutine in a callback",
            "print(lorawb.call(function() local f = coroutine.wrap(function(a) local b = coroutine.yield(a + 1); return b * 2 end); return f(1), f(5) end))",
            "2\t10\n"
        ),
        (
            "yielding across the host",
            "local co = coroutine.create(function() lorawb.call(coroutine.yield) end); print(coroutine.resume(co))",
            "false\tattempt to yield across a C-call boundary\n"
        ),
        (
            "pcall yields",
            "local co = coroutine.wrap(function() return pcall(function() coroutine.yield(1); error('e', 0) end) end); print(co()); print(co())",
            "1\nfalse\te\n"
        ),
        (
            "xpcall yields and handles",
            "local co = coroutine.wrap(function() return xpcall(function(a) coroutine.yield(a); error('e', 0) end, function(m) return m .. '!' end, 7) end); print(co()); print(co())",
            "7\nfalse\te!\n"
        ),
        (
            "host calls in a coroutine",
            "local co = coroutine.wrap(function() local s = lorawb.zeros(2); coroutine.yield(s); return s[1] end); print(co(), co())",
            "Slab[2]\t0.0\n"
        ),
        (
            "map",
            "local s = lorawb.zeros(3); local i = 0; s:map(function(x) i = i + 1; return x + i end); print(s[1], s[3])",
            "1.0\t3.0\n"
        ),
        (
            "a function as a method of a script's object",
            "local o = {}; function o:f() return self == o end; print(lorawb.call(o.f, o) == false)", "true\n"
        ),
        (
            "an iterator of the host's",
            "local n = 0; for i in lorawb.counter() do n = n + i; if i == 4 then break end end; print(n)", "10\n"
        ),
        ("many values", "print(select('#', lorawb.echo(table.unpack({}, 1, 5000))))", "5000\n"),
    ])
    func works(_ name: String, _ source: String, _ expected: String) throws {
        let world = try World()
        #expect(world.output(source) == expected)
    }

    @Test(arguments: [
        "local s = lorawb.zeros(1000); s:map(function() s:free(); return 1 end)",
        "local s = lorawb.zeros(1000); s:map(function() local t <close> = s; return 1 end)",
        "local s = lorawb.zeros(2); s:map(function() s:free(); s = nil; for i = 1, 100 do lorawb.zeros(100) end; return 1 end)",
    ])
    func aCallbackMayFreeWhatIsInUse(_ source: String) throws {
        let world = try World()
        #expect(world.failure(source)?.message == "recipe.lua:1: map: the slab was freed")
    }

    @Test func closedHandlesAreDead() throws {
        let world = try World()
        let source = """
            local keep
            do local s <close> = lorawb.zeros(8); keep = s end
            print(pcall(keep.numel, keep))
            print(pcall(function() return keep + 1 end))
            print(pcall(lorawb.zeros(8).add, lorawb.zeros(8), keep))
            print(pcall(function() return keep.shape end))
            do local again <close> = keep end
            print(keep == keep, keep == lorawb.zeros(8))
            """
        #expect(
            world.output(source) == """
                false\trecipe.lua:3: numel: the test.Slab was closed
                false\trecipe.lua:4: bad argument #1 to 'add' (the test.Slab was closed)
                false\trecipe.lua:5: bad argument #1 'other' to 'add' (the test.Slab was closed)
                false\trecipe.lua:6: shape: the test.Slab was closed
                true\tfalse

                """)
        #expect(world.census.bytes == 0 || world.census.living > 0)
    }

    @Test func freeingKeepsTheHandle() throws {
        let world = try World()
        #expect(
            world.output("local s = lorawb.zeros(8); s:free(); print(s, pcall(s.numel, s)); s:free()").hasPrefix(
                "Slab[0]\tfalse\t"))
        #expect(world.census.bytes == 0)
    }

    @Test func functionsAreCalledBetweenRuns() throws {
        let world = try World()
        try world.run(
            "local n = 0; lorawb.keep(function(a) n = n + a; if n > 10 then error('too much') end return n, {n} end)")
        let function = try #require(world.kept)
        #expect(try function.call([.integer(4)]).first?.asInteger == 4)
        let results = try function.call([.number(1.5)])
        #expect(results.first?.asNumber == 5.5)
        #expect(results.last?.asTable?[1].asNumber == 5.5)
        #expect {
            try function.call([.integer(9)])
        } throws: { ($0 as? LuaError)?.failure.message == "recipe.lua:1: too much" }
        let stopper = Stopper(world.host, after: 0.02)
        try world.run("lorawb.keep(function() while true do end end)")
        #expect { try world.kept?.call() } throws: { ($0 as? LuaError)?.failure.kind == .interrupted }
        stopper.finish()
        #expect(world.output("print(1)") == "1\n")
    }

    @Test func tracebacksReachThroughHostCallsAndCoroutines() throws {
        let world = try World()
        let source = """
            local function inner() lorawb.zeros("x") end
            local function outer()
              lorawb.call(inner)
            end
            coroutine.wrap(function()
              outer()
            end)()
            """
        let failure = try #require(world.failure(source))
        #expect(failure.message.hasPrefix("recipe.lua:1: bad argument #1"))
        #expect(
            failure.traceback == [
                "recipe.lua:1: in function <recipe.lua:1>", "recipe.lua:3: in upvalue 'outer'",
                "recipe.lua:6: in function <recipe.lua:5>",
                "recipe.lua:5: in main chunk",
            ], "\(failure.traceback)")
        #expect(failure.value != nil)
    }

    @Test(arguments: [
        ("local function f() return 1 + f() end f()", "stack overflow"),
        ("local function f() return lorawb.call(f) end f()", "nested more than 50 deep"),
        (
            "local t = setmetatable({}, {}); getmetatable(t).__index = function(t, k) return t[k] end; return t.x",
            "stack overflow"
        ),
        ("local function f() return coroutine.wrap(f)() end f()", "C stack overflow"),
        ("local function f() local s = ('x'):gsub('x', f) end f()", "stack overflow"),
    ])
    func recursionEndsWithAnError(_ source: String, _ expected: String) throws {
        let world = try World()
        let failure = try #require(world.failure(source))
        #expect(failure.kind == .error)
        #expect(failure.message.contains(expected), "\(failure.message)")
        #expect(failure.traceback.count <= 21)
        #expect(world.output("print(1)") == "1\n")
    }

    @Test(arguments: [
        ("pcall(lorawb.zeros, 'x')", "recipe.lua:2: "), ("coroutine.wrap(lorawb.zeros)('x')", "recipe.lua:2: "),
        ("pcall(pcall, lorawb.zeros, 'x')", "recipe.lua:2: "), ("lorawb.call(lorawb.zeros, 'x')", "recipe.lua:2: "),
    ])
    func positionsAreFoundWithoutAFrameOfTheScript(_ call: String, _ expected: String) throws {
        let world = try World()
        let printed = world.output("local function tell(...) print((select(select('#', ...), ...))) end\ntell(\(call))")
        #expect(printed.contains(expected), "\(printed)")
    }

    @Test func valuesAreRead() throws {
        let world = try World()
        try world.run(
            "lorawb.keep({1, 2, 3, x = 1.5, [0] = 'zero', [-1] = true, [2.5] = 'f', [true] = 'b', b = {c = {}}})")
        let table = try #require(world.keptValue.asTable)
        #expect(table.integers() == nil)
        #expect(table.count == 3)
        #expect(table.fields.map(\.key.description) == ["-1", "0", "2.5", "b", "x", "true"])
        #expect(table[0].asString == "zero")
        #expect(table["x"].asNumber == 1.5)
        #expect(table["b"].asTable?["c"].asTable?.isEmpty == true)
        try world.run("lorawb.keep({{1, 2, 3}, {4}, {}})")
        #expect(world.keptValue.asTable?.integerLists() == [[1, 2, 3], [4], []])
        try world.run("lorawb.keep({1.0, 2, 3})")
        #expect(world.keptValue.asTable?.integers() == [1, 2, 3])
        #expect(world.keptValue.asTable?.numbers() == [1, 2, 3])
        try world.run("lorawb.keep({1.5, 2})")
        #expect(world.keptValue.asTable?.integers() == nil)
        try world.run("lorawb.keep({'a', 'b'})")
        #expect(world.keptValue.asTable?.strings() == ["a", "b"])
        try world.run("lorawb.keep({1, nil, 3})")
        #expect(world.keptValue.asTable?.integers() == nil)
    }

    @Test func aLargeTableIsReadFlat() throws {
        let world = try World()
        try world.run(
            "local t = {}; for i = 1, 1000 do local r = {}; for j = 1, 512 do r[j] = i * j end t[i] = r end; lorawb.keep(t)"
        )
        let lists = try #require(world.keptValue.asTable?.integerLists())
        #expect(lists.count == 1000)
        #expect(lists[999][511] == 512_000)
    }

    @Test func aTableThatHoldsAnotherManyTimesIsRefused() throws {
        let world = try World(memory: 16 << 20)
        let message = try #require(world.failure("local t = {1, 'x'}; for i = 1, 40 do t = {t, t} end; lorawb.keep(t)"))
            .message
        #expect(message == "recipe.lua:1: keep: the table is too large to be read")
    }

    @Test func anotherThreadIsRefused() throws {
        let world = try World()
        try world.run("lorawb.keep(function() return 1 end)")
        let function = try #require(world.kept)
        nonisolated(unsafe) var refused = false
        try world.host.register(
            LuaFunctionDeclaration("elsewhere", "Calls the kept function on another thread.") { _ in
                onAnotherThread { refused = (try? function.call()) == nil }
                return .nothing
            })
        try world.run("elsewhere()")
        #expect(refused)
        onAnotherThread { refused = (try? function.call()) == nil }
        #expect(!refused)
    }
}
