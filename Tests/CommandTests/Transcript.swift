import Foundation

/// Pages of docs that are transcripts: what they show is what happens.
enum Transcript {
    /// Where a page lies.
    static func page(_ name: String) -> String {
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/" + name
    }

    /// Whether the lines are those expected, where … stands for anything within a line, and for any lines by itself.
    static func fits(_ lines: [String], _ expected: [String]) -> Bool {
        func fits(_ lines: ArraySlice<String>, _ expected: ArraySlice<String>) -> Bool {
            guard let first = expected.first else { return lines.isEmpty }
            if first == "…" {
                return (lines.startIndex...lines.endIndex).contains { fits(lines[$0...], expected.dropFirst()) }
            }
            guard let line = lines.first else { return false }
            let pattern = first.split(separator: "…", omittingEmptySubsequences: false)
                .map { NSRegularExpression.escapedPattern(for: String($0)) }.joined(separator: ".*")
            guard line.range(of: "^" + pattern + "$", options: .regularExpression) != nil else { return false }
            return fits(lines.dropFirst(), expected.dropFirst())
        }
        return fits(lines[...], expected[...])
    }
}
