/// Numbers of a nested list, flat, with its shape.
public enum LuaNumbers {
    /// Integers only.
    case integers([Int64], shape: [Int])
    /// At least one float.
    case numbers([Double], shape: [Int])
}

extension LuaTable {
    /// The sequence as integers (floats with integer values count), nil where it is anything else or has fields.
    public func integers() -> [Int64]? {
        guard fields.isEmpty else { return nil }
        switch sequence {
        case .integers(let values): return values
        case .numbers(let values):
            let exact = values.compactMap { Int64(exactly: $0) }
            return exact.count == values.count ? exact : nil
        case .values(let values):
            var result: [Int64] = []
            result.reserveCapacity(values.count)
            for value in values {
                guard let integer = value.asInteger else { return nil }
                result.append(Int64(integer))
            }
            return result
        }
    }

    /// What makes the table no list of integers, in words; nil where nothing does.
    var firstNoInteger: String? {
        if let field = fields.first { return "the key '\(field.key)'" }
        return values.enumerated().first { $1.asInteger == nil }.map { "\($1.shown) at [\($0 + 1)]" }
    }

    /// The sequence as floats, nil where it is anything else or has fields.
    public func numbers() -> [Double]? {
        guard fields.isEmpty else { return nil }
        switch sequence {
        case .integers(let values): return values.map(Double.init)
        case .numbers(let values): return values
        case .values(let values):
            let numbers = values.compactMap(\.asNumber)
            return numbers.count == values.count ? numbers : nil
        }
    }

    /// The sequence as texts, nil where it is anything else or has fields.
    public func strings() -> [String]? {
        guard fields.isEmpty else { return nil }
        guard case .values(let values) = sequence else { return count == 0 ? [] : nil }
        let strings = values.compactMap(\.asString)
        return strings.count == values.count ? strings : nil
    }

    /// A list of lists of integers of any lengths, nil where it is anything else.
    public func integerLists() -> [[Int64]]? {
        guard fields.isEmpty else { return nil }
        guard case .values(let values) = sequence else { return count == 0 ? [] : nil }
        var lists: [[Int64]] = []
        lists.reserveCapacity(values.count)
        for value in values {
            guard let list = value.asTable?.integers() else { return nil }
            lists.append(list)
        }
        return lists
    }

    /// A list of lists of texts of any lengths, nil where it is anything else.
    public func stringLists() -> [[String]]? {
        guard fields.isEmpty else { return nil }
        guard case .values(let values) = sequence else { return count == 0 ? [] : nil }
        var lists: [[String]] = []
        for value in values {
            guard let list = value.asTable?.strings() else { return nil }
            lists.append(list)
        }
        return lists
    }

    /// The numbers of a nested list whose lists are equally long at each depth, outermost dimension first.
    ///
    /// Throws an error that names the place (`[2][1]`) where a length differs or something is no number.
    public func nestedNumbers() throws -> LuaNumbers {
        var reader = NestedReader()
        try reader.read(self, depth: 0, place: "")
        guard reader.hasFloats else { return .integers(reader.integers, shape: reader.shape) }
        return .numbers(reader.doubles, shape: reader.shape)
    }
}

/// Walks a nested list once; integers are kept as integers until the first float.
private struct NestedReader {
    var shape: [Int] = []
    var integers: [Int64] = []
    var doubles: [Double] = []
    var hasFloats = false
    private var leafDepth: Int?

    mutating func read(_ table: LuaTable, depth: Int, place: String) throws {
        let shown = place.isEmpty ? "the list" : place
        guard table.fields.isEmpty else {
            throw LuaFault("a nested list of numbers expected, but \(shown) has the key '\(table.fields[0].key)'")
        }
        if depth == shape.count {
            if let leafDepth, leafDepth <= depth {
                throw LuaFault("\(shown) is a list where its neighbours are numbers")
            }
            shape.append(table.count)
        } else if shape[depth] != table.count {
            throw LuaFault("\(shown) has \(table.count) entries where its neighbours have \(shape[depth])")
        }
        switch table.sequence {
        case .integers(let values): try leaf(depth, shown) { $0.append(integers: values) }
        case .numbers(let values): try leaf(depth, shown) { $0.append(doubles: values) }
        case .values(let values): try read(values, depth: depth, place: place)
        }
    }

    private mutating func read(_ values: [LuaValue], depth: Int, place: String) throws {
        for (index, value) in values.enumerated() {
            let inner = "\(place)[\(index + 1)]"
            switch value {
            case .table(let table): try read(table, depth: depth + 1, place: inner)
            case .integer(let integer): try leaf(depth, inner) { $0.append(integers: [integer]) }
            case .number(let number): try leaf(depth, inner) { $0.append(doubles: [number]) }
            default: throw LuaFault("a number expected at \(inner), got \(value.shown)")
            }
        }
    }

    private mutating func leaf(_ depth: Int, _ place: String, _ append: (inout NestedReader) -> Void) throws {
        if leafDepth == nil { leafDepth = depth + 1 }
        guard leafDepth == depth + 1, shape.count == depth + 1 else {
            throw LuaFault("\(place) is a number where its neighbours are lists")
        }
        append(&self)
    }

    private mutating func append(integers values: [Int64]) {
        if hasFloats {
            doubles.append(contentsOf: values.map(Double.init))
        } else {
            integers.append(contentsOf: values)
        }
    }

    private mutating func append(doubles values: [Double]) {
        if !hasFloats {
            hasFloats = true
            doubles = integers.map(Double.init)
            integers = []
        }
        doubles.append(contentsOf: values)
    }
}
