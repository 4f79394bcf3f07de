import Foundation
import LuaBridge
import Testing

/// The corpus of attacks beside the repository, and how each is to end.
struct AttackTests {
    static let folder =
        #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined() + "/shared/reference/attacks"

    /// Files that need the file functions of recipes are another room's.
    static let names: [String] = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return found.filter { $0.hasSuffix(".lua") && !"54 55 56 58 59".contains($0.prefix(2)) }.sorted()
    }()

    static let header = "local lorawb = require 'lorawb'; local zeros = lorawb.zeros "

    /// How an attack ended: what it printed last, or what stopped it.
    static func outcome(of name: String) throws -> (expected: String, got: String) {
        let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        let mark = "-- expect: "
        let expected =
            text.split(separator: "\n").first { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) } ?? "?"
        let world = try World(memory: 64 << 20, slabLimit: 128 << 20)
        let stopper = expected.contains("time") ? Stopper(world.host, after: 0.2, reason: .timeLimit) : nil
        let failure = world.failure(header + text, name: "@" + name)
        stopper?.finish()
        switch failure?.kind {
        case nil: return (expected, "prints " + (world.printed.last ?? "").trimmingCharacters(in: .newlines))
        case .timeLimit: return (expected, "stopped time")
        case .memoryLimit: return (expected, "stopped memory")
        default: return (expected, "failed: " + (failure?.message ?? ""))
        }
    }

    static func isAsExpected(_ expected: String, _ got: String) -> Bool {
        expected.split(separator: " or ").contains { got == $0 || got == "prints " + $0 }
    }

    @Test(
        .enabled(if: !names.isEmpty, "../shared/reference/attacks is absent"),
        arguments: names.filter { !$0.hasPrefix("43") })
    func endsAsExpected(_ name: String) throws {
        let (expected, got) = try AttackTests.outcome(of: name)
        #expect(AttackTests.isAsExpected(expected, got), "expected \(expected), got \(got)")
    }

    /// Its results are larger than four times the limit in one call, which ends the process.
    @Test(.enabled(if: names.contains { $0.hasPrefix("43") }, "../shared/reference/attacks is absent"))
    func hugeResultsEndTheProcess() async {
        await #expect(processExitsWith: .exitCode(125)) {
            for name in AttackTests.names where name.hasPrefix("43") {
                let (expected, got) = try AttackTests.outcome(of: name)
                exit(AttackTests.isAsExpected(expected, got) ? 125 : 1)
            }
        }
    }
}
