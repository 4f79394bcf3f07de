import Formats
import Patterns

/// The plain files of tokenizers without tokenizer.json.
enum VocabularyFiles {
    /// Qwen2's expression for words, which its plain files do not hold.
    static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
        + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The lines of a file, which end in a line feed with or without a carriage return.
    static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            let hasReturn = end < bytes.count && end > start && bytes[end - 1] == 13
            lines.append(Array(bytes[start..<(hasReturn ? end - 1 : end)]))
            start = end + 1
        }
        return lines
    }

    /// A line without the whitespace at its end.
    static func trimmedEnd(_ line: [UInt8]) -> [UInt8] {
        var end = line.count
        while end > 0 {
            let start = line.scalarStart(before: end)
            guard ScalarClass.isWhitespace(line.scalar(at: start).value) else { break }
            end = start
        }
        return Array(line[..<end])
    }

    /// The merges of merges.txt, one pair in a line; lines that begin with `#version` hold none.
    static func merges(_ bytes: [UInt8]) throws -> [(left: [UInt8], right: [UInt8])] {
        try lines(bytes).enumerated().compactMap { number, line in
            if line.starts(with: Array("#version".utf8)) { return nil }
            guard let pair = VocabularyReader.pair(line) else {
                let text = String(decoding: line.prefix(200), as: UTF8.self)
                throw TokenizerError(
                    "merges.txt:\(number + 1): expected two tokens and a space, got '\(FormatError.shown(text))'")
            }
            return pair
        }
    }
}
