import Foundation
import Testing

/// The cases of ends and hangs beside the repository, each by its own commands on a copy.
@Suite(.serialized) struct CrashTests {
    private static let folder: String =
        Place.goldens.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/shared/reference/cases/crashes"

    private static let names: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

    @Test(
        "every command ends with an error or a result",
        .enabled(if: !names.isEmpty, "../shared/reference/cases/crashes is absent"), arguments: names)
    func ends(_ name: String) throws {
        let place = try Place()
        // The cases lie read-only, their commands write beside them.
        let outcome = try Running(
            [
                "/bin/sh", "-c", "cp -rL \"$0\" case && chmod -R u+w case && exec /bin/bash case/cmd.sh",
                "\(Self.folder)/\(name)",
            ],
            cwd: place.path, env: ["LORAWB": Running.program, "RUNDIR": place.path + "/run"], timeout: 120
        ).wait()
        // 137: a command of the case took so long that it was killed.
        let codes = outcome.out.matches(of: /rc=([0-9]+)/).compactMap { Int($0.1) } + [Int(outcome.code)]
        let isSound = codes.allSatisfy { $0 < 128 || $0 == 130 || $0 == 143 }
        #expect(isSound, "\(outcome)")
    }
}
