import LuaSyntax
import Testing

/// What the tree says of names, ranges and values.
@Suite struct TreeTests {
    private func tree(_ text: String) throws -> SyntaxTree { try SyntaxTree(Array(text.utf8)) }

    @Test func positionsCountCharacters() throws {
        let source = SourceText(Array("é = 1\r\nb = 'ö'; c = 2\n".utf8))
        func place(_ offset: Int) -> String {
            let position = source.position(of: offset)
            return "\(position.line):\(position.column)"
        }
        #expect(place(0) == "1:1")
        #expect(place(3) == "1:3")
        #expect(place(8) == "2:1")
        #expect(place(18) == "2:10")
        #expect(place(99) == "3:1")
    }

    @Test func theFirstLineMayBeAShellsAndAMarkIsNoText() throws {
        #expect(try tree("#!/usr/bin/env lorawb\nx = 1").globals.map(\.name.text) == ["x"])
        #expect(try tree("\u{FEFF}x = 1").globals.map(\.name.text) == ["x"])
        #expect(throws: SyntaxError.self) { try tree(" # x") }
        do { _ = try tree("#!x\ny =") } catch let error as SyntaxError { #expect(error.line == 2) }
    }

    @Test func namesAreResolved() throws {
        let tree = try tree("local a = 1\nlocal function f(b) a = b; c = a end\nlocal a = a\nprint(a, f)")
        #expect(tree.variables.map(\.name.text) == ["a", "f", "b", "a"])
        #expect(tree.variables[0].assigned.count == 1)
        #expect(tree.variables[0].uses.count == 3)
        #expect(tree.variables[3].uses.count == 1)
        #expect(
            tree.globals.map { "\($0.name.text) \($0.isAssigned) \($0.function)" } == ["c true 1", "print false 0"])
        #expect(!tree.namesEnvironment)
        #expect(try self.tree("local _ENV = {}; x = 1").namesEnvironment)
        #expect(try self.tree("return _ENV.x").namesEnvironment)
    }

    @Test func rangesAreThoseOfTheText() throws {
        let text = "local m = lorawb.load_model(\"x\", { task = 1 })  -- c\nm:add { r = 4 }"
        let tree = try tree(text)
        let shown = tree.expressionIDs.map { tree.source.text(tree[$0].range) }
        #expect(
            shown == [
                "lorawb", "lorawb.load_model", "\"x\"", "1", "{ task = 1 }", "lorawb.load_model(\"x\", { task = 1 })",
                "m", "4",
                "{ r = 4 }", "m:add { r = 4 }",
            ])
    }

    @Test func literalsHaveLuasValues() throws {
        func values(_ text: String) throws -> [Expression.Kind] {
            let tree = try tree("return \(text)")
            return tree.expressionIDs.map { tree[$0].kind }
        }
        func shown(_ text: String) throws -> [String] {
            try values(text).map {
                switch $0 {
                case .integer(let value): "\(value)"
                case .number(let value): "\(value)"
                case .string(let bytes): "'\(bytes.map { String($0) }.joined(separator: " "))'"
                default: "?"
                }
            }
        }
        // As `lua5.4 -e 'print(...)'` gives them.
        #expect(
            try shown("1, 0xff, 0xffffffffffffffff, 9223372036854775807, 9223372036854775808") == [
                "1", "255", "-1", "9223372036854775807", "9.223372036854776e+18",
            ])
        #expect(try shown("1., .5, 3e2, 0x.8, 0x1p4, 0xA.8p1") == ["1.0", "0.5", "300.0", "0.5", "16.0", "21.0"])
        #expect(
            try shown(#"'\65\x42\z   C\u{20AC}\u{7FFFFFFF}'"#) == ["'65 66 67 226 130 172 253 191 191 191 191 191'"])
        #expect(try shown("[[\na\r\nb]], [=[]]]=]") == ["'97 10 98'", "'93 93'"])
    }
}
