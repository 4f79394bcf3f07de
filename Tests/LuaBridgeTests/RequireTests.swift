import LuaBridge
import Testing

/// Modules: found by the host, run once, blamed where they are wrong.
struct RequireTests {
    @Test func aModuleRunsOnce() throws {
        let world = try World()
        world.modules["helpers"] = "print('loading', ...); return {answer = 42}"
        #expect(
            world.output("print(require('helpers').answer, require('helpers') == require('helpers'))")
                == "loading\thelpers\n42\ttrue\n")
    }

    @Test func aModuleWithoutAValueIsTrue() throws {
        let world = try World()
        world.modules["quiet"] = "x = 1"
        #expect(world.output("print(require('quiet'), require('quiet'), x)") == "true\ttrue\t1\n")
    }

    @Test func aCircleIsAnError() throws {
        let world = try World()
        world.modules["a"] = "\nreturn require('b')"
        world.modules["b"] = "return require('a')"
        let message = try #require(world.failure("require('a')")).message
        #expect(
            message == "b.lua:1: require: module 'a' is still being loaded; it requires itself, perhaps through another"
        )
        world.modules["b"] = "return 5"
        #expect(world.output("print(require('a'))") == "5\n")
    }

    @Test func errorsNameTheModulesLine() throws {
        let world = try World()
        world.modules["bad"] = "x x"
        #expect(world.failure("require('bad')")?.message == "bad.lua:1: syntax error near 'x'")
        world.modules["worse"] = "\n\nlorawb.zeros('x')"
        let failure = try #require(world.failure("\nrequire('worse')"))
        #expect(failure.message == "worse.lua:3: bad argument #1 'size' to 'zeros' (integer expected, got string 'x')")
        #expect(failure.traceback == ["worse.lua:3: in main chunk", "recipe.lua:2: in main chunk"])
    }

    @Test func libraryFramesAreNotBlamed() throws {
        let world = try World()
        world.modules["lorawb.helpers"] = "return {make = function(n)\n  local s = lorawb.zeros(n)\n  return s\nend}"
        let failure = try #require(
            world.failure("local h = require('lorawb.helpers')\n\nlocal s = h.make('x')\nreturn s"))
        #expect(failure.message.hasPrefix("recipe.lua:3: bad argument #1"), "\(failure.message)")
        #expect(failure.traceback == ["recipe.lua:3: in main chunk"])
        world.host.showAllFrames(true)
        let full = try #require(world.failure("local h = require('lorawb.helpers')\n\nlocal s = h.make('x')\nreturn s"))
        #expect(full.traceback.contains { $0.hasPrefix("lorawb/helpers:2: in ") }, "\(full.traceback)")
    }

    @Test func bytecodeIsNoModule() throws {
        let world = try World()
        world.modules["binary"] = "\u{1B}Lua"
        #expect(world.failure("require('binary')")?.message.contains("attempt to load a binary chunk") == true)
        #expect(world.failure("\u{1B}Lua")?.kind == .syntax)
    }

    @Test func theHostRequiresToo() throws {
        let world = try World()
        world.modules["helpers"] = "return {answer = 42}"
        #expect(try world.host.require("helpers").value().asTable?["answer"].asInteger == 42)
        #expect(throws: LuaError.self) { try world.host.require("absent") }
        try world.host.setField("extra", of: "lorawb", .reference(world.host.require("helpers")))
        #expect(world.output("print(lorawb.extra == require('helpers'))") == "true\n")
    }
}
