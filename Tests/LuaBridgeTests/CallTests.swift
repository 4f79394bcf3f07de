import LuaBridge
import Testing

/// Calls of host functions: values there and back, methods, operators, the words of errors.
struct CallTests {
    @Test(arguments: [
        ("print(lorawb.zeros(2, 3):numel())", "6\n"),
        ("print(lorawb.echo(1, 1.0, 'a', true, nil, false))", "1\t1.0\ta\ttrue\tnil\tfalse\n"),
        ("print(lorawb.zeros(2) + lorawb.zeros(2))", "Slab[2]\n"),
        ("local s = 1 + lorawb.zeros(2); print(s[1], s[2], (s + 2)[1], (-s)[2])", "1.0\t1.0\t3.0\t-1.0\n"),
        ("local s = lorawb.zeros(4); print(#s, s(1, nil), s.shape[1])", "4\t2\t4\n"),
        ("local s = lorawb.zeros(1); s.label = 'x'; print(s.label)", "x\n"),
        ("local s = lorawb.zeros(1); print(s == s, s == lorawb.zeros(1), s ~= 1)", "true\tfalse\ttrue\n"),
        ("local a, b = lorawb.echo(lorawb.zeros(1)); local t = lorawb.zeros(1); print(lorawb.echo(t) == t)", "true\n"),
        ("print(lorawb.zeros(1):take(3.0), lorawb.zeros(1):take(3, 'x'))", "3\t3\tx\n"),
        ("local c = lorawb.counter(); c(); print(c(), c())", "2\t3\n"),
        ("print(lorawb.call(function(a, b) return b, a end, 1, 'x'))", "x\t1\n"),
        ("print(table.concat(lorawb.splits():names(), ','), #lorawb.splits().train)", "dev,train\t3\n"),
        ("local t = lorawb.echo({1, 2, 3}); print(#t, t[3], math.type(t[1]))", "3\t3\tinteger\n"),
        (
            "local t = lorawb.echo({1.5, 2, x = {y = {true}}, [0] = 'zero'}); print(#t, t[2], t.x.y[1], t[0])",
            "2\t2\ttrue\tzero\n"
        ),
        ("local f = function() end; print(lorawb.echo(f) == f, lorawb.echo({f})[1] == f)", "true\ttrue\n"),
        ("print(lorawb.echo('\\0\\255x'):byte(1, -1))", "0\t255\t120\n"),
        (
            "print(lorawb.version, lorawb.run_dir, lorawb.nn.linear(), require('lorawb.nn') == lorawb.nn)",
            "0.1\truns/1\t1\ttrue\n"
        ),
        ("local k, s = lorawb.shape({{1, 2, 3}, {4, 5, 6}}); print(k, s[1], s[2])", "integers\t2\t3\n"),
        ("local k, s = lorawb.shape({{{1, 2.5}}}); print(k, #s, s[3])", "numbers\t3\t2\n"),
        ("print(getmetatable(lorawb.zeros(1)), getmetatable(lorawb))", "test.Slab\tlorawb\n"),
    ])
    func gives(_ source: String, _ expected: String) throws {
        let world = try World()
        #expect(world.output(source) == expected)
        #expect(world.failure("x = 1") == nil)
    }

    @Test(arguments: [
        ("\nlorawb.zeros('2')", "recipe.lua:2: bad argument #1 'size' to 'zeros' (integer expected, got string '2')"),
        (
            "lorawb.zeros(2.5)",
            "recipe.lua:1: bad argument #1 'size' to 'zeros' (number 2.5 has no integer representation)"
        ),
        ("lorawb.zeros(2):add(lorawb.zeros(3))", "recipe.lua:1: add: shapes [2] and [3] do not match"),
        ("return lorawb.zeros(2) + lorawb.zeros(3)", "recipe.lua:1: add: shapes [2] and [3] do not match"),
        ("lorawb.zeros(2):add()", "recipe.lua:1: bad argument #1 'other' to 'add' (test.Slab expected, got no value)"),
        (
            "lorawb.zeros(2):add(lorawb.token(1))",
            "recipe.lua:1: bad argument #1 'other' to 'add' (test.Slab expected, got test.Token)"
        ),
        (
            "lorawb.zeros(2).numel()",
            "recipe.lua:1: calling 'numel' on bad self (test.Slab expected, got no value); a method is called with a colon: x:numel()"
        ),
        (
            "lorawb.zeros(2).numel({})",
            "recipe.lua:1: calling 'numel' on bad self (test.Slab expected, got table); a method is called with a colon: x:numel()"
        ),
        (
            "lorawb.zeros(2).numel(lorawb.token(1))",
            "recipe.lua:1: calling 'numel' on bad self (test.Slab expected, got test.Token); a method is called with a colon: x:numel()"
        ),
        ("lorawb.zeros(2):take()", "recipe.lua:1: bad argument #1 'n' to 'take' (integer expected, got no value)"),
        ("lorawb.zeros(2):take(1, 2)", "recipe.lua:1: bad argument #2 's' to 'take' (string expected, got 2)"),
        (
            "lorawb.zeros(2):take(1, '\\255')",
            "recipe.lua:1: bad argument #2 's' to 'take' (text expected, got bytes that are not UTF-8)"
        ),
        (
            "local s = lorawb.zeros(2); print(s.shap)",
            "recipe.lua:1: test.Slab has no field 'shap'; did you mean 'shape'?"
        ),
        ("local s = lorawb.zeros(2); print(s[3])", "recipe.lua:1: index: no element 3"),
        ("print(lorawb.token(1).numbr)", "recipe.lua:1: test.Token has no field 'numbr'; did you mean 'number'?"),
        ("lorawb.token(1).number = 2", "recipe.lua:1: field 'number' of test.Token cannot be set"),
        (
            "lorawb.zeros(1).lable = 2",
            "recipe.lua:1: test.Slab has no field 'lable' that can be set; did you mean 'label'?"
        ),
        ("lorawb.zeros(1).label = 2", "recipe.lua:1: bad argument #1 'label' to 'label' (string expected, got 2)"),
        ("lorawb.zeroes(1)", "recipe.lua:1: lorawb has no 'zeroes'; did you mean 'zeros'?"),
        ("lorawb.shape({{1}, {1, 2}})", "recipe.lua:1: shape: [2] has 2 entries where its neighbours have 1"),
        ("lorawb.shape({1, {2}})", "recipe.lua:1: shape: [2] is a list where its neighbours are numbers"),
        ("lorawb.shape({{2}, 1})", "recipe.lua:1: shape: [2] is a number where its neighbours are lists"),
        ("local t = {}; t.x = t; lorawb.echo(t)", "recipe.lua:1: echo: the table contains itself"),
        (
            "lorawb.echo({[{}] = 1})",
            "recipe.lua:1: echo: a key of the table is a table; use strings, numbers or booleans"
        ),
        ("print(#5)", "recipe.lua:1: attempt to get length of a number value"),
        ("string.rep(lorawb.zeros(1), 2)", "recipe.lua:1: bad argument #1 to 'rep' (string expected, got test.Slab)"),
        ("string.format('%d', 'x')", "recipe.lua:1: bad argument #2 to 'format' (number expected, got string)"),
    ])
    func fails(_ source: String, _ expected: String) throws {
        let world = try World()
        let failure = try #require(world.failure(source))
        #expect(failure.message.hasPrefix(expected), "\(failure.message)")
        #expect(failure.kind == .error)
    }

    /// A table that is a copy is read like any other, by the script and by the host, and cannot be written.
    @Test func frozenTables() throws {
        let host = try LuaHost()
        let fields: [(key: String, value: LuaValue)] = [("a", .integer(1)), ("b", .strings(["x"])), ("c", .nil)]
        try host.setGlobal("t", .table(LuaTable(strict: "the copy", fields, .frozen(instead: "change the other"))))
        try host.setGlobal(
            "count",
            .callable(
                LuaCallable("count") { call in
                    let table = try call.table(1)
                    return .values([.integer(table.fields.count), table["a"], .integer(table["b"].asTable?.count ?? 0)])
                }))
        #expect(try host.evaluate("t.a, t.b[1], t.c, #t").map(\.text) == ["1", "x", "nil", "0"])
        #expect(try host.evaluate("count(t)").map(\.text) == ["2", "1", "1"])
        let walked = """
            (function()
              local keys = {}
              for key in pairs(t) do keys[#keys + 1] = key end
              for key in next, t do keys[#keys + 1] = key end
              table.sort(keys)
              return table.concat(keys, " ")
            end)()
            """
        #expect(try host.evaluate(LuaString(walked)).map(\.text) == ["a a b b"])
        for write in ["t.a = 2", "t.d = 2", "t.c = 2", "t[1] = 2"] {
            let field = write.contains("[") ? "1" : String(write.dropFirst(2).prefix(1))
            let failed = try host.evaluate(LuaString("select(2, pcall(load('\(write)')))")).map(\.text)
            #expect(
                failed.first?.hasSuffix("the copy cannot be changed ('\(field)'); change the other") ?? false,
                "\(failed)")
        }
        #expect(throws: LuaFailure.self) { try host.evaluate("t.aa") }
        #expect(try host.evaluate("t.a").map(\.text) == ["1"])
        try host.setGlobal("u", .table(LuaTable(strict: "the values", fields, .closed)))
        let changed = "(function() u.a = 5 return u.a, select(2, pcall(function() u.aa = 5 end)) end)()"
        #expect(
            try host.evaluate(LuaString(changed)).map(\.text)
                == ["5", "stdin:1: the values has no field 'aa'; did you mean 'a'?"])
    }
}
