/// Values as Python's `str` and `repr` write them.
extension Rendering {
    /// `str(value)`.
    func text(of value: Value) throws -> Text {
        switch value {
        case .text(let text): return text
        case .undefined: return Text()
        default: return Text(try represented(value))
        }
    }

    /// `repr(value)`.
    func represented(_ value: Value) throws -> String {
        var result = ""
        try represent(value, &result)
        return result
    }

    private func represent(_ value: Value, _ result: inout String) throws {
        let before = result.utf8.count
        switch value {
        case .undefined: result += "Undefined"
        case .none: result += "None"
        case .bool(let flag): result += flag ? "True" : "False"
        case .integer(let integer): result += String(integer)
        case .float(let number): result += Numbers.represented(number)
        case .text(let text):
            try expect(characters: text.count)
            result += text.represented
        case .list(let list): try represent(list.items, "[", "]", &result)
        case .tuple(let list): try represent(list.items, "(", list.items.count == 1 ? ",)" : ")", &result)
        case .dict(let dict): try represent(dict, &result)
        case .object(let object): result += try deeper { try object.represented(self) }
        }
        try spend(1 + (result.utf8.count - before) >> 5)
        guard result.utf8.count <= options.maxLength else { try expect(characters: result.utf8.count); return }
    }

    private func represent(_ items: [Value], _ open: String, _ close: String, _ result: inout String) throws {
        result += open
        for (index, item) in items.enumerated() {
            if index > 0 { result += ", " }
            try deeper { try represent(item, &result) }
        }
        result += close
    }

    private func represent(_ dict: Dict, _ result: inout String) throws {
        result += "{"
        for (index, entry) in dict.entries.enumerated() {
            if index > 0 { result += ", " }
            try deeper {
                try represent(entry.key, &result)
                result += ": "
                try represent(entry.value, &result)
            }
        }
        result += "}"
    }
}
