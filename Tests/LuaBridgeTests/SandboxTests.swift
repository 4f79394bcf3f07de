import LuaBridge
import TestSupport
import Testing
import Words

/// What a recipe finds, and what it is told of what it does not find.
struct SandboxTests {
    @Test func globalsAreAnAllowList() throws {
        let world = try World()
        let printed = world.output(
            """
            local names = {}
            for name in next, _G do names[#names + 1] = name end
            table.sort(names)
            print(table.concat(names, " "))
            """)
        #expect(
            printed
                == "_G _VERSION assert coroutine error getmetatable io ipairs load lorawb math next os pairs pcall print "
                + "rawequal rawget rawlen rawset require select setmetatable string table tonumber tostring type utf8 xpcall\n"
        )
    }

    @Test(arguments: [
        ("os", "clock date time"), ("io", "write"),
        ("coroutine", "create isyieldable resume running status wrap yield"),
        ("string", "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper"),
        ("table", "concat insert move pack remove sort unpack"),
    ])
    func librariesAreAllowLists(_ library: String, _ expected: String) throws {
        let world = try World()
        let printed = world.output(
            """
            local names = {}
            for name in next, \(library) do names[#names + 1] = name end
            table.sort(names)
            print(table.concat(names, " "))
            """)
        #expect(printed == expected + "\n")
    }

    @Test(arguments: [
        ("\nprnt(1)", "recipe.lua:2: undefined global 'prnt'; did you mean 'print'?"),
        (
            "learning_rat = 1; learning_rate = 2; print(learnin_rate)",
            "recipe.lua:1: undefined global 'learnin_rate'; did you mean 'learning_rate'?"
        ),
        ("return qqqqqqqq", "recipe.lua:1: undefined global 'qqqqqqqq'"),
        (
            "io.open('x')",
            "recipe.lua:1: attempt to call a nil value (field 'open'); 'io.open' is not available to recipes; read and write files with lorawb.read_text and lorawb.save_text"
        ),
        (
            "io.stdout:write('x')",
            "recipe.lua:1: attempt to index a nil value (field 'stdout'); 'io.stdout' is not available to recipes; show text with io.write and print"
        ),
        (
            "io.write('x'):flush()",
            "recipe.lua:1: attempt to call a nil value (method 'flush'); 'file.flush' is not available to recipes; what is written is shown at once"
        ),
        ("io.write('a', nil)", "recipe.lua:1: bad argument #2 to 'write' (string expected, got nil)"),
        ("io.write({})", "recipe.lua:1: bad argument #1 to 'write' (string expected, got table)"),
        ("io.write(true)", "recipe.lua:1: bad argument #1 to 'write' (string expected, got boolean)"),
        ("io.write('a'):write('b', {})", "recipe.lua:1: bad argument #2 to 'write' (string expected, got table)"),
        ("debug.traceback()", "recipe.lua:1: 'debug' is not available to recipes; errors carry a traceback"),
        ("dofile('x')", "recipe.lua:1: 'dofile' is not available to recipes; use require"),
        ("collectgarbage()", "recipe.lua:1: 'collectgarbage' is not available to recipes; memory is managed"),
        ("package.path = ''", "recipe.lua:1: 'package' is not available to recipes; require finds"),
        (
            "os.execute('ls')",
            "recipe.lua:1: attempt to call a nil value (field 'execute'); 'os.execute' is not available to recipes; a recipe starts no programs"
        ),
        ("setmetatable({}, {__gc = print})", "recipe.lua:1: __gc is not available to recipes; use __close"),
        ("string.format('%p', {})", "recipe.lua:1: string.format: '%p' shows an address"),
        ("string.format('\\0%p', {})", "recipe.lua:1: string.format: '%p' shows an address"),
        ("os.date('%Ez')", "recipe.lua:1: bad argument #1 to 'date' (invalid conversion specifier '%Ez')"),
        ("require('../x')", "recipe.lua:1: require: '../x' is not a module name"),
        ("require('a..b')", "recipe.lua:1: require: 'a..b' is not a module name"),
        ("require('absent')", "recipe.lua:1: require: no module 'absent' beside the recipe"),
        (
            "coroutine.close(coroutine.create(print))",
            "recipe.lua:1: attempt to call a nil value (field 'close'); 'coroutine.close'"
        ),
        ("error({code = 2})", "recipe.lua:1: error object is a table"),
        (
            "error(setmetatable({}, {__tostring = function() return 'told' end}))",
            "recipe.lua:1: error object is a table: told"
        ),
        (
            "error(setmetatable({}, {__tostring = function() error('again') end}))",
            "recipe.lua:1: error object is a table"
        ),
        ("error(nil)", "recipe.lua:1: error object is nil"),
        ("error(12)", "recipe.lua:1: error object is a number: 12"),
        ("local function f()\n  error({})\nend\nf()", "recipe.lua:2: error object is a table"),
        ("coroutine.wrap(function() error(false) end)()", "recipe.lua:1: error object is a boolean: false"),
        ("lorawb.call(function()\n  error({})\nend)", "recipe.lua:2: error object is a table"),
    ])
    func tellsWhatToUse(_ source: String, _ expected: String) throws {
        let world = try World()
        let failure = try #require(world.failure(source))
        #expect(failure.message.hasPrefix(expected), "\(failure.message)")
    }

    @Test func assigningAGlobalDefinesIt() throws {
        let world = try World()
        #expect(
            world.output("x = 1; print(x); function f() return x end; print(f(), rawget(_G, 'y'))") == "1\n1\tnil\n")
        #expect(world.output("print(x)") == "1\n")
    }

    @Test(arguments: [
        ("print(tostring({}), tostring({}))", "table: 1\ttable: 2\n"),
        ("local t = {}; print(t, tostring(t) == tostring(t))", "table: 1\ttrue\n"),
        ("print(string.format('%s|%5s|%s|%d%%', {}, 'a', nil, 3))", "table: 1|    a|nil|3%\n"),
        ("print(print ~= nil and tostring(print):match('^function: %d+$') ~= nil)", "true\n"),
        ("print(tostring(coroutine.create(print)):match('^thread: %d+$') ~= nil)", "true\n"),
        ("print(tostring(lorawb.token(1)), lorawb)", "test.Token\tlorawb: 1\n"),
        ("print(1, 1.0, -0.0, 1e100, true, nil, 'x')", "1\t1.0\t-0.0\t1e+100\ttrue\tnil\tx\n"),
        ("io.write('a', 1, 1.5, 2.0):write('b'):write('c\\n'); io.write()", "a11.52bc\n"),
        (
            "local f = io.write('x'); print(rawequal(f, f:write('y')), io.open, next(io))",
            "xytrue\tnil\twrite\tfunction: 1\n"
        ),
        ("print(select('#', math.randomseed()), math.random() == math.random())", "0\tfalse\n"),
        ("print(load('return 1')(), load('return x', 'n', 't', {x = 2})())", "1\t2\n"),
        ("print(load('return 1 +'))", "nil\t(load):1: unexpected symbol near <eof>\n"),
        (
            "print(select(2, load('x x', '@recipe.lua')), select(2, load('x x', '=lorawb/x')))",
            "recipe.lua:1: syntax error near 'x'\t(load):1: syntax error near 'x'\n"
        ),
        ("local i = 0; print(load(function() i = i + 1; return ({'return ', '7'})[i] end)())", "7\n"),
        (
            "local t = {1, 2, 3}; table.insert(t, 1, 0); table.insert(t, 9); table.remove(t, 2); print(table.concat(t, ','), table.remove(t), table.remove({}))",
            "0,2,3,9\t9\tnil\n"
        ),
        (
            "local t = table.move({1, 2, 3, 4}, 1, 3, 2); print(table.concat(t, ','), table.concat(table.move({1, 2, 3}, 2, 3, 1, {}), ','))",
            "1,1,2,3\t2,3\n"
        ),
        (
            "print(pcall(table.insert, {1}, 5, 1))",
            "false\tbad argument #2 to 'table.insert' (position out of bounds)\n"
        ),
        ("print(pcall(table.insert, 1, 5))", "false\tbad argument #1 to 'table.insert' (table expected, got number)\n"),
        ("print(('x'):rep(3, ','), (''):rep(1e15) == '')", "x,x,x\ttrue\n"),
        (
            "print(os.time{year = 2020, month = 1, day = 1, hour = 12} ~= nil, type(os.clock()), os.date('%Y', 86400))",
            "true\tnumber\t1970\n"
        ),
        ("print(type(getmetatable('').__index), getmetatable(''))", "nil\tlocked\n"),
    ])
    func stockFunctionsKeepTheirWays(_ source: String, _ expected: String) throws {
        let world = try World()
        #expect(world.output(source) == expected)
    }

    @Test func randomNumbersRepeat() throws {
        let source = "print(math.random(1 << 60), math.random())"
        let printed = try (World().output(source), World().output(source))
        #expect(printed.0 == printed.1)
        let other = try LuaHost(limits: LuaLimits(seed: 1))
        var text = ""
        other.output = { text += $0.text }
        try other.run(LuaString(source), name: "=x")
        #expect(text != printed.0)
    }

    @Test func aFirstLineForTheShellIsSkipped() throws {
        let world = try World()
        #expect(world.output("#!/usr/bin/env lorawb\nprint(1)") == "1\n")
        #expect(world.output("\u{FEFF}#!/usr/bin/env lorawb\nprint(2)") == "2\n")
        #expect(world.failure("#!x\n\nerror('here')")?.message == "recipe.lua:3: here")
    }

    @Test func controlCharactersAreShownOnATerminal() {
        #expect(Shown.text("a\u{1B}[2J\tb\n\r\u{202E}") == "a\\u{1b}[2J\tb\n\\u{d}\\u{202e}")
        #expect(Shown.text("ordinary ünïcödé\n") == "ordinary ünïcödé\n")
    }

    @Test func everythingIsDocumented() throws {
        let world = try World()
        #expect(world.host.undocumented == [])
        try world.host.register(LuaFunctionDeclaration("poor", "") { _ in .nothing })
        #expect(world.host.undocumented == ["poor"])
        #expect(world.host.documentation.contains { $0.path == "test.Slab:numel" && $0.kind == .method })
    }

    /// Patterns are matched by our own code, which a stop reaches: it gives what Lua's own gives, errors included.
    @Test func patterns() throws {
        let host = try LuaHost()
        let cases = try String(contentsOfFile: Golden.root + "/lua/patterns.lua", encoding: .utf8)
        let compare = """
            local cases = (function() \(cases) end)()
            local function shown(...)
              local t = table.pack(...)
              for i = 1, t.n do
                t[i] = type(t[i]) == "string" and ("%q"):format((t[i]:gsub("^stdin:%d+: ", ""))):gsub("\\n", "n") or tostring(t[i])
              end
              return table.concat(t, " ")
            end
            local function all(text, pattern, place)
              local found = {}
              for a, b in string.gmatch(text, pattern, place) do
                found[#found + 1] = tostring(a) .. "|" .. tostring(b)
              end
              return table.concat(found, ",")
            end
            for _, case in ipairs(cases) do
              local name, text, pattern, extra, result = table.unpack(case, 1, 5)
              local got = shown(pcall(name == "gmatch" and all or string[name], text, pattern, extra))
              if got ~= result then
                error(("%s(%q, %q, %s) gave %s, Lua's gives %s"):format(name, text, pattern, extra, got, result))
              end
            end
            return #cases
            """
        #expect(try host.evaluate(LuaString("(function() \(compare) end)()")).map(\.text) == ["320"])
    }
}
