import LuaBridge
import Testing

/// Interactive lines.
struct EvaluateTests {
    @Test func anExpressionGivesItsValues() throws {
        let world = try World()
        #expect(try world.host.evaluate("1 + 1, 'x', nil").map(\.text) == ["2", "x", "nil"])
        #expect(try world.host.evaluate("_ + 1").map(\.text) == ["3"])
        #expect(try world.host.evaluate("=_").map(\.text) == ["3"])
        #expect(try world.host.evaluate("lorawb.zeros(3)").map(\.text) == ["Slab[3]"])
        #expect(try world.host.evaluate("_G").count == 1)
    }

    @Test func aStatementGivesNothing() throws {
        let world = try World()
        #expect(try world.host.evaluate("x = 5").isEmpty)
        #expect(try world.host.evaluate("x").map(\.text) == ["5"])
        #expect(try world.host.evaluate("for i = 1, 3 do x = x + i end").isEmpty)
        #expect(try world.host.evaluate("x").map(\.text) == ["11"])
        #expect(try world.host.evaluate("").isEmpty)
    }

    @Test(arguments: [
        ("for i = 1, 3 do", LuaFailure.Kind.incomplete), ("x = {", .incomplete), ("1 +", .incomplete),
        ("f(", .incomplete),
        ("x = = 1", .syntax), ("for for", .syntax), ("error('x')", .error), ("local s = [[abc", .incomplete),
    ])
    func linesFail(_ line: String, _ kind: LuaFailure.Kind) throws {
        let world = try World()
        #expect {
            _ = try world.host.evaluate(LuaString(line))
        } throws: { error in
            (error as? LuaFailure)?.kind == kind
        }
        #expect(try world.host.evaluate("1").map(\.text) == ["1"])
    }

    @Test func aHostileTextDoesNotEndTheSession() throws {
        let world = try World()
        let line = "setmetatable({}, {__tostring = function() error('no') end})"
        #expect(try world.host.evaluate(LuaString(line)).map(\.text) == ["stdin:1: no"])
        let spin = "setmetatable({}, {__tostring = function() while true do end end})"
        let stopper = Stopper(world.host, after: 0.05)
        #expect(try world.host.evaluate(LuaString(spin)).map(\.text) == ["interrupted"])
        stopper.finish()
        #expect(try world.host.evaluate("1").map(\.text) == ["1"])
    }
}
