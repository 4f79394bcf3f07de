import Foundation
import LuaBridge
import Testing

@testable import Workbench

/// What a check knows, and what it takes.
struct CheckingTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    @Test("every call that is given a path is known to read or write it")
    func callsWithFiles() throws {
        let named = try Reference.documentation().filter { item in
            (item.kind == .function || item.kind == .method) && item.signature.parameters.first?.name == "path"
        }
        let paths = Set(named.map(\.path))
        #expect(paths.count > 15)
        #expect(paths.subtracting(RecipeChecker.callsWithFiles) == [])
        #expect(RecipeChecker.callsWithFiles.subtracting(paths) == ["lorawb.find_model"])
    }

    @Test("a recipe of 500 lines takes well under 50 ms")
    func time() throws {
        let known = KnownNames(try Reference.host())
        let sst2 = try String(contentsOfFile: Self.root + "/stdlib/recipes/sst2.lua", encoding: .utf8)
        var text = sst2
        while text.split(separator: "\n", omittingEmptySubsequences: false).count < 500 { text += "do\n\(sst2)\nend\n" }
        let permissions = Permissions(base: Self.root)
        let place = RecipeChecker.Place(file: "r.lua", permissions: permissions) { _ in false }
        var times: [Double] = []
        for _ in 0..<5 {
            let start = clock()
            _ = try RecipeCheck.findings(Array(text.utf8), known, place)
            times.append(Double(clock() - start) / Double(CLOCKS_PER_SEC))
        }
        // Measured: 12 ms in a debug build with -O; the fastest, since other tests run beside it.
        #expect(try #require(times.min()) < 0.05, "\(times)")
    }

    @Test("types are read as they are documented")
    func documentedTypes() throws {
        let known = KnownNames(try Reference.host())
        func type(_ text: String) -> CheckedType { CheckedType(documented: text, known) }
        #expect(type("lorawb.Tensor?") == .either([.object("lorawb.Tensor", fields: nil), .nil]))
        #expect(type("lorawb.DatasetDict") == .object("lorawb.DatasetDict", fields: []))
        #expect(type("integer[][]") == .list(.list(.number(nil))))
        #expect(type("table<string, lorawb.Tensor>") == .someTable)
        #expect(
            type("fun(): string?, lorawb.Parameter?")
                == .iterator([.either([.text(nil), .nil]), .either([.object("lorawb.Parameter", fields: nil), .nil])]))
        #expect(
            CheckedType.parameters(
                "fun(model: lorawb.Model|lorawb.nn.Module, inputs: table): lorawb.Tensor|table, table?", known)
                == [
                    .either([.object("lorawb.Model", fields: nil), .object("lorawb.nn.Module", fields: nil)]),
                    .someTable,
                ])
        #expect(CheckedType.results("lorawb.Tensor, lorawb.Tensor?", known).count == 2)
    }
}
