import Foundation
import LuaBridge
import Testing

/// Stopping scripts, whatever they do.
@Suite(.serialized)
struct InterruptTests {
    static let loops: [(name: String, source: String)] = [
        ("plain", "while true do end"),
        ("pcall", "local function spin() while true do end end while true do pcall(spin); pcall(pcall, spin) end"),
        (
            "recursive pcall",
            "local function f() pcall(function() while true do end end); return pcall(f) end while true do f() end"
        ),
        ("handler", "while true do xpcall(function() while true do end end, function() while true do end end) end"),
        ("handler of an error", "while true do xpcall(error, function() while true do end end) end"),
        ("coroutine", "coroutine.wrap(function() while true do end end)()"),
        ("resume", "while true do coroutine.resume(coroutine.create(function() while true do end end)) end"),
        (
            "yielding",
            "local f = coroutine.wrap(function() while true do coroutine.yield() end end) while true do f() end"
        ),
        (
            "nested coroutines",
            "local function nest(n) if n == 0 then while true do end end coroutine.wrap(nest)(n - 1) end nest(20)"
        ),
        (
            "close",
            "while true do pcall(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x') end) end"
        ),
        (
            "close in a coroutine",
            "while true do pcall(coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x') end)) end"
        ),
        ("comparison", "table.sort({3, 2, 1}, function() while true do end end)"),
        ("index", "local t = setmetatable({}, {__index = function() while true do end end}) return t.x"),
        ("load", "while true do load(function() while true do end end) end"),
        ("gsub", "('x'):gsub('x', function() while true do end end)"),
        ("callback", "lorawb.call(function() while true do end end)"),
        ("callback in pcall", "while true do pcall(lorawb.call, function() while true do end end) end"),
        ("callback that fails", "while true do pcall(lorawb.call, error) end"),
        ("callback in a coroutine", "coroutine.wrap(function() lorawb.call(function() while true do end end) end)()"),
        ("host loop", "lorawb.spin()"),
        ("host loop in pcall", "while true do pcall(lorawb.spin) end"),
        ("error object", "error(setmetatable({}, {__tostring = function() while true do end end}))"),
        ("move", "table.move({}, 1, 1e15, 2, {})"),
        ("insert", "table.insert(setmetatable({}, {__len = function() return 1e15 // 1 | 0 end}), 1, 1)"),
        ("match", "('a'):rep(100000):match('.-.-.-.-b')"),
        ("find", "('a'):rep(100000):find('a*a*a*a*b')"),
        ("gmatch", "for _ in ('a'):rep(100000):gmatch('.-.-.-b') do end"),
        ("gsub of a pattern", "('a'):rep(100000):gsub('a-a-a-b', '')"),
        ("balance", "('('):rep(1000000):find('%b()')"),
        (
            "sort",
            "local t = {} for i = 1, 600000 do t[i] = i * 7919 % 599999 end while true do table.sort(table.move(t, 1, #t, 1, {})) end"
        ),
        ("goto", "::again:: goto again"),
        ("tail call", "local function f() return f() end f()"),
        ("require", "require('forever')"),
        (
            "to-be-closed at the stop",
            "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end"
        ),
        ("growing strings", "while true do local s = ('x'):rep(1000) .. tostring(os.clock()) end"),
    ]

    @Test(arguments: loops.indices)
    func stops(_ index: Int) throws {
        let world = try World()
        world.modules["forever"] = "while true do end"
        for reason in [LuaInterrupt.Reason.interrupt, .timeLimit] {
            let stopper = Stopper(world.host, after: 0.02, reason: reason)
            let start = Date()
            let failure = world.failure(InterruptTests.loops[index].source)
            stopper.finish()
            #expect(
                failure?.kind == (reason == .interrupt ? .interrupted : .timeLimit),
                "\(InterruptTests.loops[index].name): \(failure?.message ?? "ended")")
            #expect(failure?.message == (reason == .interrupt ? "interrupted" : "time limit"))
            #expect(Date().timeIntervalSince(start) < 5)
            #expect(world.output("print(pcall(error, 'fine'))") == "false\tfine\n")
        }
    }

    @Test func aStopIsNotCaught() throws {
        let world = try World()
        let stopper = Stopper(world.host, after: 0.02)
        let failure = world.failure(
            "caught = 0; pcall(function() while true do end end); caught = 1; while true do end")
        stopper.finish()
        #expect(failure?.kind == .interrupted)
        #expect(world.output("print(caught)") == "0\n")
    }

    @Test func swallowingAStopInTheHostDoesNotHelp() throws {
        let world = try World()
        try world.host.register(
            LuaFunctionDeclaration(
                "swallow", "Calls a function and hides its errors.",
                parameters: [LuaParameter("f", .function("fun()"), "The function.")]
            ) { call in
                for _ in 0..<3 { _ = try? call.function(1).call() }
                return .integer(1)
            })
        let stopper = Stopper(world.host, after: 0.02)
        let failure = world.failure("swallow(function() while true do end end); done = true")
        stopper.finish()
        #expect(failure?.kind == .interrupted)
        #expect(world.output("print(rawget(_G, 'done'))") == "nil\n")
    }

    @Test func aSignalStopsAndIsForgotten() async {
        await #expect(processExitsWith: .exitCode(7)) {
            LuaInterrupt.install()
            let world = try World()
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 0.1)
                kill(getpid(), SIGINT)
            }
            guard world.failure("pcall(function() while true do end end) while true do end")?.kind == .interrupted
            else { exit(1) }
            guard LuaInterrupt.isPending, LuaInterrupt.pending == .interrupt else { exit(2) }
            guard world.failure("while true do end")?.kind == .interrupted else { exit(3) }
            LuaInterrupt.clear()
            guard !LuaInterrupt.isPending, world.output("print(1)") == "1\n" else { exit(4) }
            exit(7)
        }
    }

    /// Two at once are one.
    @Test func aTerminationStopsAndIsForgotten() async {
        await #expect(processExitsWith: .exitCode(7)) {
            LuaInterrupt.install()
            let world = try World()
            LuaInterrupt.handlingTermination {
                guard !LuaInterrupt.isPending else { exit(2) }
                Thread.detachNewThread {
                    Thread.sleep(forTimeInterval: 0.1)
                    for _ in 0..<2 {
                        kill(getpid(), SIGTERM)
                        Thread.sleep(forTimeInterval: 0.01)
                    }
                }
                guard world.failure("pcall(function() while true do end end) while true do end")?.kind == .interrupted
                else { exit(3) }
                Thread.sleep(forTimeInterval: 0.2)
                guard LuaInterrupt.pending == .termination else { exit(4) }
                LuaInterrupt.clear()
                guard !LuaInterrupt.isPending, world.output("print(1)") == "1\n" else { exit(5) }
                exit(7)
            }
        }
    }

    @Test func aLaterTerminationExits() async {
        await #expect(processExitsWith: .exitCode(143)) {
            LuaInterrupt.install()
            let world = try World()
            LuaInterrupt.handlingTermination {
                Thread.detachNewThread {
                    for pause in [0.1, 1.2] {
                        Thread.sleep(forTimeInterval: pause)
                        kill(getpid(), SIGTERM)
                    }
                }
                _ = world.failure("lorawb.stall()")
                exit(1)
            }
        }
    }

    /// Outside it ends the process as if there were no handler.
    @Test func aTerminationAfterwardsEndsTheProcess() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            LuaInterrupt.handlingTermination {}
            Thread.detachNewThread { kill(getpid(), SIGTERM) }
            sleep(5)
            exit(1)
        }
    }

    @Test func aSecondSignalExits() async {
        await #expect(processExitsWith: .exitCode(130)) {
            LuaInterrupt.install()
            let world = try World()
            Thread.detachNewThread {
                for _ in 0..<2 {
                    Thread.sleep(forTimeInterval: 0.6)
                    kill(getpid(), SIGINT)
                }
            }
            _ = world.failure("lorawb.stall()")
            exit(1)
        }
    }

    @Test func theTimeLimitStopsAndThenExits() async {
        await #expect(processExitsWith: .exitCode(7)) {
            LuaInterrupt.install()
            let world = try World()
            LuaInterrupt.setTimeLimit(seconds: 0.1, grace: 5)
            guard world.failure("while true do end")?.kind == .timeLimit else { exit(1) }
            LuaInterrupt.setTimeLimit(seconds: nil)
            exit(7)
        }
        await #expect(processExitsWith: .exitCode(124)) {
            LuaInterrupt.install()
            let world = try World()
            LuaInterrupt.setTimeLimit(seconds: 0.1, grace: 0.1)
            _ = world.failure("lorawb.stall()")
            exit(1)
        }
    }

    @Test func aRequestReachesHostsOnOtherThreads() async {
        await #expect(processExitsWith: .exitCode(7)) {
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 0.1)
                LuaInterrupt.request(.timeLimit)
            }
            let world = try World()
            guard world.failure("lorawb.call(function() while true do end end)")?.kind == .timeLimit else { exit(1) }
            exit(7)
        }
    }
}
