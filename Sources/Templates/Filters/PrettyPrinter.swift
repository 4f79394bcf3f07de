/// Values as Python's `pprint.pformat` writes them: on several lines where one of 80 characters is too short, keys sorted.
struct PrettyPrinter {
    private static let width = 80
    private let rendering: Rendering

    init(_ rendering: Rendering) { self.rendering = rendering }

    func text(of value: Value) throws -> String { try text(of: value, indent: 0, allowance: 0) }

    private func text(of value: Value, indent: Int, allowance: Int) throws -> String {
        let line = try rendering.represented(sorted(value))
        guard line.unicodeScalars.count > Self.width - indent - allowance else { return line }
        return try rendering.deeper {
            switch value {
            case .list(let list) where !list.items.isEmpty:
                return "[" + (try items(list.items, indent, allowance + 1)) + "]"
            case .tuple(let list) where !list.items.isEmpty:
                let end = list.items.count == 1 ? ",)" : ")"
                return "(" + (try items(list.items, indent, allowance + end.count)) + end
            case .dict(let dict) where dict.count > 0: return try members(dict, indent, allowance)
            case .text(let text): return try pieces(text, indent, allowance)
            default: return line
            }
        }
    }

    private func sorted(_ value: Value) throws -> Value {
        try rendering.deeper {
            switch value {
            case .list(let list): .list(try list.items.map(sorted))
            case .tuple(let list): .tuple(try list.items.map(sorted))
            case .dict(let dict): .dict(try Dict(try entries(dict).map { ($0.key, try sorted($0.value)) }))
            default: value
            }
        }
    }

    /// By key; keys that have no order by their types' names.
    private func entries(_ dict: Dict) throws -> [(key: Value, value: Value)] {
        dict.entries.sorted { left, right in
            (try? rendering.isOrdered(left.key, right.key)) ?? (left.key.typeName < right.key.typeName)
        }
    }

    private func items(_ items: [Value], _ indent: Int, _ allowance: Int) throws -> String {
        var result = ""
        for (index, item) in items.enumerated() {
            let isLast = index == items.count - 1
            result += try text(of: item, indent: indent + 1, allowance: isLast ? allowance : 1)
            if !isLast { result += ",\n" + String(repeating: " ", count: indent + 1) }
            try rendering.expect(characters: result.utf8.count)
        }
        return result
    }

    private func members(_ dict: Dict, _ indent: Int, _ allowance: Int) throws -> String {
        var result = "{"
        for (index, entry) in try entries(dict).enumerated() {
            let isLast = index == dict.count - 1
            let key = try rendering.represented(entry.key)
            result += key + ": "
            result += try text(
                of: entry.value, indent: indent + key.unicodeScalars.count + 3, allowance: isLast ? allowance + 1 : 1)
            if !isLast { result += ",\n" + String(repeating: " ", count: indent + 1) }
            try rendering.expect(characters: result.utf8.count)
        }
        return result + "}"
    }

    /// A long text as several, one a line, cut after words.
    private func pieces(_ text: Text, _ indent: Int, _ allowance: Int) throws -> String {
        var chunks: [String] = []
        let (indent, allowance) = indent == 0 ? (1, allowance + 1) : (indent, allowance)
        let isOutermost = indent == 1 && allowance > 0
        let lines = text.lines(keepingEnds: true)
        for (index, line) in lines.enumerated() {
            let represented = line.represented
            let most = Self.width - indent - (index == lines.count - 1 ? allowance : 0)
            if represented.unicodeScalars.count <= most {
                chunks.append(represented)
                continue
            }
            var current = Text()
            let words = Self.words(line)
            for (place, word) in words.enumerated() {
                let candidate = Text(current.scalars + word.scalars)
                let isLast = place == words.count - 1 && index == lines.count - 1
                if candidate.represented.unicodeScalars.count > Self.width - indent - (isLast ? allowance : 0) {
                    if !current.isEmpty { chunks.append(current.represented) }
                    current = word
                } else {
                    current = candidate
                }
                try rendering.spend(1 + candidate.count >> 3)
            }
            if !current.isEmpty { chunks.append(current.represented) }
        }
        guard chunks.count > 1 else { return text.represented }
        let joined = chunks.joined(separator: "\n" + String(repeating: " ", count: indent))
        return isOutermost ? "(\(joined))" : joined
    }

    /// Words with the space after them.
    private static func words(_ text: Text) -> [Text] {
        var words: [Text] = []
        var current: [Unicode.Scalar] = []
        for scalar in text.scalars {
            if let last = current.last, last.isSpace, !scalar.isSpace {
                words.append(Text(current))
                current = []
            }
            current.append(scalar)
        }
        return current.isEmpty ? words : words + [Text(current)]
    }
}
