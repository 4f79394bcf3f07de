import Formats
import Testing
import Words

@Suite struct SHA256Tests {
    @Test func equalsPythonsDigests() throws {
        let lines = try goldens().readText("digests.txt").split(separator: "\n")
        #expect(lines.count == 13)
        for line in lines {
            let parts = line.split(separator: " ").map(String.init)
            let bytes = try (0..<#require(Int(parts[0]))).map { UInt8($0 * 7 % 251) }
            #expect(SHA256.hexadecimal(bytes) == parts[1])
            var piecewise = SHA256()
            for start in stride(from: 0, to: bytes.count, by: 13) {
                bytes[start..<min(start + 13, bytes.count)].withUnsafeBytes { piecewise.update($0) }
            }
            #expect(piecewise.hexadecimal() == parts[1])
        }
    }
}

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("", "", 0), ("kitten", "sitting", 3), ("qery", "query", 1), ("abcd", "abdc", 1), ("", "abc", 3),
        ("flaot", "float", 1), ("ca", "abc", 3),
    ])
    func distances(first: String, second: String, expected: Int) {
        #expect(editDistance(first, second) == expected)
        #expect(editDistance(second, first) == expected)
    }

    @Test func nearest() {
        let names = ["query", "key", "value", "learning_rate", "r", "lr", "num_train_epochs"]
        #expect(nearestName(to: "qery", in: names) == "query")
        #expect(nearestName(to: "Query", in: names) == "query")
        #expect(nearestName(to: "learing_rat", in: names) == "learning_rate")
        #expect(nearestName(to: "ke", in: names) == "key")
        #expect(nearestName(to: "lt", in: names) == "lr")
        #expect(nearestName(to: "k", in: names) == nil)
        #expect(nearestName(to: "dense", in: names) == nil)
        #expect(nearestName(to: "query", in: names) == nil)
        #expect(nearestName(to: "xxxx", in: [String]()) == nil)
    }
}
