import Foundation
import LuaBridge
import Memory
import Testing

/// Memory: what errors leave behind, the cap, what the collector cannot see.
@Suite(.serialized)
struct MemoryTests {
    /// Resident bytes of this process.
    static func resident() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }

    /// Results that did not fit leave nothing behind for those of the next call.
    @Test func resultsThatDoNotFitAreForgotten() throws {
        let host = try LuaHost()
        try host.setGlobal(
            "many",
            .callable(
                LuaCallable("many") { _ in .values([LuaValue](repeating: .string("left over"), count: 1_100_000)) }))
        try host.setGlobal("one", .callable(LuaCallable("one") { _ in .integer(1) }))
        #expect(try host.evaluate("pcall(many)").map(\.text).first == "false")
        #expect(try host.evaluate("(pcall(many)), one()").map(\.text) == ["false", "1"])
    }

    @Test(arguments: [
        "pcall(s.fail, s)", "pcall(s.add, s, wrong)", "pcall(function() return s + wrong end)",
        "pcall(lorawb.zeros, 'x')", "pcall(lorawb.call, function() s:fail() end)",
        "pcall(lorawb.call, error, {})", "pcall(coroutine.wrap(function() s:fail() end))",
        "pcall(s.map, s, function() s:fail() end)",
        "pcall(lorawb.adapt, {callback = function() end, x = 1})",
    ])
    func errorsLeaveNothing(_ call: String) throws {
        let world = try World()
        let loop = "local s, wrong = lorawb.zeros(2), lorawb.zeros(3); for i = 1, N do \(call) end"
        try world.run("N = 2000; \(loop)")
        world.host.collectGarbage()
        let lua = world.host.memoryInUse
        try world.run("N = 10000; \(loop)")
        world.host.collectGarbage()
        #expect(world.census.living == 0)
        #expect(world.host.memoryInUse < lua + 65536)
    }

    /// In a process of its own, where nothing else takes memory.
    @Test func aHundredThousandErrorsLeaveNothing() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let world = try World()
            let loop = "local s = lorawb.zeros(2); for i = 1, N do pcall(s.fail, s) end"
            try world.run("N = 10000; \(loop)")
            let before = MemoryTests.resident()
            try world.run("N = 100000; \(loop)")
            world.host.collectGarbage()
            guard world.census.living == 0 else { exit(1) }
            // 100,000 leaks of an object with its 4 KiB would be 400 MB; the allocator's own ways stay far below this.
            exit(MemoryTests.resident() < before + (8 << 20) ? 7 : 2)
        }
    }

    @Test func closingFreesWhatTheScriptHolds() throws {
        var world: World? = try World()
        let census = try #require(world?.census)
        try world?.run("keep = {}; for i = 1, 1000 do keep[i] = lorawb.zeros(10) end; lorawb.keep(keep)")
        #expect(census.living == 1000)
        world = nil
        #expect(census.living == 0)
        #expect(census.bytes == 0)
    }

    /// A function that the host gives goes with its last use, those of modules with the state.
    @Test func givenFunctionsAreReleased() throws {
        final class Held {}
        weak var given: Held?
        weak var declared: Held?
        var host: LuaHost? = try LuaHost()
        func fill() throws {
            let (a, b) = (Held(), Held())
            (given, declared) = (a, b)
            try host?.setGlobal("given", .callable(LuaCallable("given") { _ in .boolean(type(of: a) == Held.self) }))
            try host?.register(
                LuaModule(
                    "m", "A module.",
                    functions: [
                        LuaFunctionDeclaration("f", "Does something.") { _ in .boolean(type(of: b) == Held.self) }
                    ]))
        }
        try fill()
        #expect(try host?.evaluate("given() and require('m').f()").map(\.text) == ["true"])
        #expect(given != nil && declared != nil)
        try host?.setGlobal("given", .nil)
        host?.collectGarbage()
        #expect(given == nil)
        host = nil
        #expect(declared == nil)
    }

    @Test func aFunctionMayOutliveItsHost() throws {
        var world: World? = try World()
        try world?.run("lorawb.keep(function() return 1 end)")
        let function = try #require(world?.kept)
        #expect(try function.call().first?.asInteger == 1)
        world = nil
        #expect(throws: LuaFault.self) { try function.call() }
    }

    @Test func keptFunctionsAreReleased() throws {
        let world = try World()
        try world.run("for i = 1, 100000 do local s = lorawb.zeros(1); lorawb.keep(function() return s end) end")
        world.host.collectGarbage()
        #expect(world.census.living <= 1)
        world.kept = nil
        try world.run("x = 1; lorawb.keep({})")
        world.host.collectGarbage()
        #expect(world.census.living == 0)
    }

    @Test func theCapIsAnErrorThatCanBeCaught() throws {
        let world = try World(memory: 8 << 20)
        let source = """
            local ok, message = pcall(function() local t = {}; for i = 1, 1e9 do t[i] = {i} end end)
            print(ok, message)
            local ok, message = pcall(function() local s = "x"; while true do s = s .. s end end)
            print(ok, message)
            print(pcall(string.rep, "x", 1 << 40))
            """
        #expect(world.output(source) == String(repeating: "false\tnot enough memory\n", count: 3))
        world.host.collectGarbage()
        #expect(world.host.memoryInUse < 1 << 20)
        let failure = world.failure("t = {}; for i = 1, 1e9 do t[i] = {i} end")
        #expect(failure?.kind == .memoryLimit)
        #expect(world.failure("t = nil") == nil)
    }

    @Test func objectsAreNotLostAtTheCap() throws {
        let world = try World(memory: 4 << 20)
        let source = """
            local hog = {}
            pcall(function() for i = 1, 1e7 do hog[i] = ("x"):rep(1000) .. i end end)
            for i = 1, 2000 do pcall(lorawb.zeros, 8); pcall(lorawb.echo, {lorawb.zeros(2), ("y"):rep(100000)}) end
            """
        _ = world.failure(source)
        world.host.collectGarbage()
        #expect(world.census.living == 0)
    }

    @Test func oneCallFarBeyondTheCapExits() async {
        await #expect(processExitsWith: .exitCode(125)) {
            let world = try World(memory: 8 << 20)
            _ = world.failure("local big = ('a'):rep(1 << 20); big:gsub('a', ('b'):rep(1 << 12))")
            exit(1)
        }
    }

    /// The limit is one of the whole process.
    @Test func garbageIsCollectedBeforeMemoryIsRefused() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let world = try World()
            let collector = world.host.collector
            MemoryBudget.begin(limit: 64 << 20, .init(check: {}, collect: { collector.collect() }))
            try world.run("for i = 1, 2000 do local s = lorawb.zeros(1 << 17) end")
            guard world.census.peak <= 64 << 20 else { exit(1) }
            let failure = world.failure("keep = {}; for i = 1, 2000 do keep[i] = lorawb.zeros(1 << 17) end")
            guard failure?.kind == .memoryLimit,
                failure?.message.hasPrefix("recipe.lua:1: zeros: memory limit: 1 MiB more on top of ") == true
            else {
                print(failure?.message ?? "")
                exit(2)
            }
            try world.run("keep = nil; local s = lorawb.zeros(1 << 17)")
            exit(7)
        }
    }

    /// Lua's own values are refused where others have taken the memory, though Lua's own limit is far.
    @Test func luaSharesTheLimit() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let world = try World()
            MemoryBudget.begin(limit: 64 << 20, nil)
            try world.run("keep = {}; for i = 1, 40 do keep[i] = lorawb.zeros(1 << 17) end")
            let source = "t = {}; for i = 1, 1e9 do t[i] = {i} end"
            guard world.failure(source)?.kind == .memoryLimit, world.host.memoryInUse < 40 << 20 else { exit(1) }
            let text = "s = 'x'; while true do s = s .. s end"
            guard world.failure("t = nil; " + text)?.kind == .memoryLimit else { exit(2) }
            exit(7)
        }
    }
}
