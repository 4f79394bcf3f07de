/// Filters of numbers.
extension Filters {
    static let numbers: [String: Filter] = [
        "abs": Filter("abs", "x") { _, values in
            let value = values.value(0)
            if case .float(let number) = value { return .float(number.magnitude) }
            guard let integer = value.integer else {
                throw TemplateError.type("bad operand type for abs(): '\(value.typeName)'")
            }
            guard integer != Int.min else { throw TemplateError.tooLarge }
            return .integer(abs(integer))
        },
        "float": Filter("do_float", "value default?") { _, values in
            if case .undefined(let undefined) = values.value(0) { throw undefined.error }
            let number = values.value(0).text.map { Numbers.float($0) } ?? values.value(0).number
            return number.map(Value.float) ?? values[1] ?? .float(0)
        },
        "int": Filter("do_int", "value default? base?") { _, values in
            let value = values.value(0)
            let other = values[1] ?? .integer(0)
            if case .undefined(let undefined) = value { throw undefined.error }
            if let integer = value.integer { return .integer(integer) }
            var number = value.number
            if let text = value.text {
                let base = try values.integer(2, or: 10)
                if let integer = try Numbers.integer(text, base: base) { return .integer(integer) }
                number = Numbers.float(text)
            }
            guard let number, number.isFinite else { return other }
            guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw TemplateError.tooLarge }
            return .integer(integer)
        },
        "round": Filter("do_round", "value precision? method?", round),
        "filesizeformat": Filter("do_filesizeformat", "value binary?") { _, values in
            let value = values.value(0)
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let bytes = value.text.map({ Numbers.float($0) }) ?? value.number else {
                throw value.text.map {
                    TemplateError.value("could not convert string to float: \($0.represented)")
                } ?? TemplateError.type("float() argument must be a string or a real number, not '\(value.typeName)'")
            }
            return .string(fileSize(bytes, values.flag(1)))
        },
        "sum": Filter("sync_do_sum", "iterable attribute? start?", hidden: 1) { rendering, values in
            let path = Path(values[1])
            var sum = values[2] ?? .integer(0)
            if case .text = sum { throw TemplateError.type("sum() can't sum strings [use ''.join(seq) instead]") }
            for value in try rendering.list(of: values.value(0)) {
                try rendering.spend()
                sum = try rendering.compute(.add, sum, try path.value(in: value, rendering))
            }
            return sum
        },
        "random": refused("random", "a template gives the same text each time"),
    ]

    private static func round(_ rendering: Rendering, _ values: [Value?]) throws -> Value {
        let value = values.value(0)
        let method = values[2] ?? "common"
        guard let name = method.text?.string, ["common", "ceil", "floor"].contains(name) else {
            throw TemplateError("FilterArgumentError", "method must be common, ceil or floor")
        }
        if case .undefined(let undefined) = value { throw undefined.error }
        guard let number = value.number else {
            throw TemplateError.type("type \(value.typeName) doesn't define __round__ method")
        }
        if name == "common" {
            // Without a precision it is 0, and the result of a float stays one.
            let precision = try values.integer(1, or: 0)
            guard let integer = value.integer else { return .float(Numbers.rounded(number, precision)) }
            guard precision < 0 else { return .integer(integer) }
            guard precision > -19 else { return .integer(0) }
            let unit = (0..<(-precision)).reduce(1) { power, _ in power * 10 }
            let (quotient, rest) = integer.magnitude.quotientAndRemainder(dividingBy: UInt(unit))
            let isUp = rest * 2 > UInt(unit) || (rest * 2 == UInt(unit) && quotient & 1 == 1)
            let (result, overflow) = (quotient + (isUp ? 1 : 0)).multipliedReportingOverflow(by: UInt(unit))
            guard !overflow, let magnitude = Int(exactly: result) else { throw TemplateError.tooLarge }
            return .integer(integer < 0 ? -magnitude : magnitude)
        }
        let power = try rendering.compute(.power, .integer(10), values[1] ?? .integer(0))
        let scaled = try rendering.compute(.multiply, value, power)
        guard let exact = scaled.number, exact.isFinite,
            let whole = Int(exactly: exact.rounded(name == "ceil" ? .up : .down))
        else { throw TemplateError.tooLarge }
        return try rendering.compute(.divide, .integer(whole), power)
    }

    private static func fileSize(_ bytes: Double, _ isBinary: Bool) -> String {
        let base = isBinary ? 1024.0 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < base { return "\(Int(exactly: bytes.rounded(.towardZero)) ?? 0) Bytes" }
        var unit = base
        var text = ""
        for prefix in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            unit *= base
            let name = isBinary ? prefix.uppercased() + "iB" : prefix + "B"
            text = "\(Numbers.fixed(base * bytes / unit, 1)) \(name)"
            if bytes < unit { break }
        }
        return text
    }
}

extension Value: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = .text(Text(value)) }
}
