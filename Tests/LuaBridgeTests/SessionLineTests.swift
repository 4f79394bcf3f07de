import LuaBridge
import Testing

/// Local variables of a session.
struct SessionLineTests {
    private func last(_ lines: [String]) throws -> [String] {
        let world = try World()
        var values: [String] = []
        for line in lines { values = try world.host.evaluate(LuaString(line)).map(\.text) }
        return values
    }

    @Test(arguments: [
        (["local x = 5", "x"], ["5"]), (["local x", "x"], ["nil"]), (["local a, b = 1", "a, b"], ["1", "nil"]),
        // The variable is one for all functions that were made with it.
        (["local n = 0; function up() n = n + 1 end", "up() up()", "n"], ["2"]),
        (["local n = 1; function get() return n end", "n = 7", "get()"], ["7"]),
        // A new declaration is a new variable.
        (["local n = 1; function get() return n end", "local n = 2", "get(), n"], ["1", "2"]),
        (["local n = 1", "local n = n + 1", "n"], ["2"]), (["local print = print", "print == _G.print"], ["true"]),
        (["local function fact(n) return n < 2 and 1 or n * fact(n - 1) end", "fact(5)"], ["120"]),
        (["local x <const>, y = 1, 2", "y = 3", "x + y"], ["4"]),
        // Nothing but the top level is touched.
        (["local x = 1", "do local x = 2 end", "for x = 3, 4 do local x = 5 end", "x"], ["1"]),
        (["local f = function() local inner = 3 return inner end", "f()"], ["3"]),
        (
            [
                "local x = 1 if x then local x = 2 end while x do local x = 3 break end repeat local x = 4 until true",
                "x",
            ], ["1"]
        ),
        (["local s, t = 'local a = 1', [[\nlocal b = 2]] --[==[ local c ]==]", "#s, #t"], ["11", "11"]),
        (["local a\n=\n1", "a"], ["1"]), (["local a (print or type)('x')", "a"], ["nil"]),
        (["local a <const>\n, b\n= 1, 2", "a + b"], ["3"]), (["local x = 1 local y = x + 1 return y"], ["2"]),
        (["local _, second = 1, 2", "second"], ["2"]), (["local x = 1", "= x"], ["1"]),
        (["local goto_ = 1 goto done ::done::", "goto_"], ["1"]),
        // So it is within one entry.
        (["local n = 1; function get() return n end local n = n + 1; n = n * 5", "get(), n"], ["1", "10"]),
        (["local function f() return 1 end local g = f local function f() return 2 end return f(), g()"], ["2", "1"]),
        (["local n <const> = 1 local n = 2 n = 3 local n = n + 1", "n"], ["4"]),
        (["local n = 1 do return n end local n = 2"], ["1"]),
        (["local n, m = 1, 2 local m, n = n, m", "n, m"], ["2", "1"]),
        (["local n = 1 goto on ::on:: local n = 2", "n"], ["2"]),
        // What failed declared what it came to.
        (["local x = 1", "pcall(error)", "x"], ["1"]),
    ])
    func localsLiveOn(_ lines: [String], _ expected: [String]) throws { #expect(try last(lines) == expected) }

    @Test(arguments: [
        (["local c <const> = 1", "c = 2"], "assign to const variable 'c'"),
        (["do local x = 1 end", "x"], "undefined global 'x'"),
        (["local x = error('no')"], "no"), (["x"], "undefined global 'x'"),
        (["local f <close> = nil", "f"], "undefined global 'f'"), (["local x = "], "<eof>"),
        (["local x = 1\nlocal x = 2\nlocal x = error('no')"], "stdin:3: no"),
        (["x_ = 1 local x = 1 local x = ", "x_"], "undefined global 'x_'"),
        (["load('return 1')()", "end"], "near"), (["local x = 1 end do"], "near 'end'"),
    ])
    func whatFails(_ lines: [String], _ message: String) throws {
        let world = try World()
        for line in lines.dropLast() { _ = try? world.host.evaluate(LuaString(line)) }
        #expect {
            _ = try world.host.evaluate(LuaString(lines.last ?? ""))
        } throws: { ($0 as? LuaFailure)?.message.contains(message) == true }
    }

    @Test func aFailedLineKeepsWhatItCameTo() throws {
        let world = try World()
        _ = try? world.host.evaluate("local a = 1 local b = error('no')")
        #expect(try world.host.evaluate("a").map(\.text) == ["1"])
        #expect(throws: LuaFailure.self) { try world.host.evaluate("b") }
        _ = try? world.host.evaluate("local a = error('again')")
        #expect(try world.host.evaluate("a").map(\.text) == ["1"])
    }

    @Test func errorsKeepTheirLine() throws {
        let world = try World()
        _ = try world.host.evaluate("local x = 1")
        #expect {
            _ = try world.host.evaluate("local y = x\nlocal z = y\nerror('here')")
        } throws: { ($0 as? LuaFailure)?.message == "stdin:3: here" }
    }

    @Test func aFileIsNoExpression() throws {
        let world = try World()
        #expect(
            try world.host.evaluate("local kept = 4\nreturn kept", name: "@f.lua", isFile: true).map(\.text) == ["4"])
        #expect(try world.host.evaluate("kept").map(\.text) == ["4"])
        #expect(throws: LuaFailure.self) { try world.host.evaluate("1 + 1", name: "@f.lua", isFile: true) }
    }

    @Test func hundredsOfLocalsAreFine() throws {
        let world = try World()
        for i in 1...400 { _ = try world.host.evaluate(LuaString("local v\(i) = \(i)")) }
        #expect(try world.host.evaluate("v1 + v400").map(\.text) == ["401"])
        #expect(world.host.locals?.listing(items: 0, fields: 1000)?.fieldCount == 400)
    }

    @Test func aTextIsBoundedInTime() throws {
        let world = try World()
        let spin = "setmetatable({}, { __tostring = function() while true do pcall(error) end end })"
        let value = try #require(try world.host.evaluate(LuaString(spin)).first?.value)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(value.text(within: 0.1) == "(its __tostring takes too long)") }
        #expect(time < .seconds(1))
        #expect(try world.host.evaluate("1").map(\.text) == ["1"])
    }

    @Test func looksRunNothing() throws {
        let world = try World()
        let hostile = """
            return setmetatable({ 1, 2, x = { y = 1 } }, { __index = error, __pairs = error, __len = error, __name = "mine",
              __metatable = "locked" })
            """
        let value = try #require(try world.host.evaluate(LuaString(hostile)).first?.value)
        guard case .table(let table)? = value.look()?.kind else {
            Issue.record("no table")
            return
        }
        #expect(table.length == 2 && table.name == "mine" && !table.hasText)
        let listing = try #require(value.listing(items: 1, fields: 5))
        #expect(listing.items.count == 1 && listing.fieldCount == 1)
    }
}
