/// Numbers as Python writes and reads them.
enum Numbers {
    /// `repr` of a float: the shortest digits that read back equal.
    static func represented(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        let (digits, point) = shortest(number.magnitude)
        let sign = number.sign == .minus ? "-" : ""
        guard point > -4, point <= 16 else { return sign + scientific(digits, point - 1) }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    private static func scientific(_ digits: String, _ exponent: Int) -> String {
        let rest = digits.dropFirst()
        return digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e" + self.exponent(exponent)
    }

    private static func exponent(_ exponent: Int) -> String {
        let digits = String(exponent.magnitude)
        return (exponent < 0 ? "-" : "+") + (digits.count < 2 ? "0" : "") + digits
    }

    /// The shortest digits of a number of at least 0, and how many of them stand before the point.
    private static func shortest(_ number: Double) -> (digits: String, point: Int) {
        guard number > 0 else { return ("0", 1) }
        let parts = "\(number)".split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let zeros = digits.prefix { $0 == "0" }.count
        (digits, point) = (String(digits.dropFirst(zeros)), point - zeros)
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return (digits, point)
    }

    /// Most digits after the point that are written.
    static let maxPrecision = 1000

    /// With `precision` digits after the point, rounded from the exact value, ties to even (C's `%.*f`).
    static func fixed(_ number: Double, _ precision: Int) -> String {
        guard number.isFinite else { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
        let sign = number.sign == .minus ? "-" : ""
        var decimal = ExactDecimal(number.magnitude)
        decimal.round(to: precision)
        return sign + decimal.text(precision)
    }

    /// With `precision` digits after the point and an exponent (C's `%.*e`).
    static func exponential(_ number: Double, _ precision: Int) -> String {
        guard number.isFinite else { return fixed(number, 0) }
        let sign = number.sign == .minus ? "-" : ""
        let (digits, exponent) = significant(number.magnitude, precision + 1)
        return sign + digits.prefix(1) + (precision > 0 ? "." + digits.dropFirst() : "") + "e" + self.exponent(exponent)
    }

    /// With `precision` significant digits, in whichever form is shorter (C's `%.*g`); with all zeros where `keepsZeros`.
    static func general(_ number: Double, _ precision: Int, keepsZeros: Bool = false) -> String {
        guard number.isFinite else { return fixed(number, 0) }
        let precision = max(1, precision)
        let sign = number.sign == .minus ? "-" : ""
        var (digits, exponent) = significant(number.magnitude, precision)
        if !keepsZeros { while digits.count > 1, digits.last == "0" { digits.removeLast() } }
        if exponent < -4 || exponent >= precision {
            let rest = digits.dropFirst()
            return sign + digits.prefix(1) + (rest.isEmpty && !keepsZeros ? "" : "." + rest) + "e"
                + self.exponent(exponent)
        }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        let whole = exponent + 1
        if digits.count <= whole {
            return sign + digits + String(repeating: "0", count: whole - digits.count) + (keepsZeros ? "." : "")
        }
        return sign + digits.prefix(whole) + "." + digits.dropFirst(whole)
    }

    /// `count` significant digits of a number of at least 0, and the exponent of the first.
    private static func significant(_ number: Double, _ count: Int) -> (digits: String, exponent: Int) {
        var decimal = ExactDecimal(number)
        guard number > 0 else { return (String(repeating: "0", count: count), 0) }
        var exponent = decimal.exponent
        decimal.round(to: count - 1 - exponent)
        exponent = decimal.exponent
        return (decimal.significant(count), exponent)
    }

    /// `round(number, digits)`: to so many digits after the point, or before it where below 0; ties to even.
    static func rounded(_ number: Double, _ digits: Int) -> Double {
        guard number.isFinite, digits < 400, number != 0 else { return number }
        guard digits > -400 else { return Double(signOf: number, magnitudeOf: 0) }
        var decimal = ExactDecimal(number.magnitude)
        decimal.round(to: digits)
        return Double(signOf: number, magnitudeOf: Double(decimal.text(max(0, digits))) ?? number.magnitude)
    }

    /// The number that `int(text, base)` reads, nil where there is none; throws where it does not fit.
    static func integer(_ text: Text, base: Int) throws -> Int? {
        var digits = text.stripped(nil).string
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
        var base = base
        let prefixes = ["0x": 16, "0o": 8, "0b": 2]
        if let prefix = prefixes[String(digits.prefix(2)).lowercased()], base == 0 || base == prefix {
            digits.removeFirst(2)
            if digits.hasPrefix("_") { digits.removeFirst() }
            base = prefix
        } else if base == 0 {
            base = 10
            // A leading zero is left to none but zero.
            if digits.hasPrefix("0"), digits.contains(where: { $0 != "0" && $0 != "_" }) { return nil }
        }
        guard (2...36).contains(base), !digits.isEmpty, !digits.hasPrefix("_"), !digits.hasSuffix("_"),
            !digits.contains("__")
        else { return nil }
        var plain = ""
        for scalar in digits.unicodeScalars where scalar != "_" {
            if let value = scalar.properties.numericValue, scalar.isDecimal, let digit = Int(exactly: value) {
                plain += String(digit)
            } else {
                plain.unicodeScalars.append(scalar)
            }
        }
        guard plain.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else { return nil }
        if let value = Int((isNegative ? "-" : "") + plain, radix: base) { return value }
        let areDigits = plain.allSatisfy { $0.hexDigitValue.map { $0 < base } ?? (base > 16 && $0.isLetter) }
        if areDigits { throw TemplateError.tooLarge }
        return nil
    }

    /// `float(text)`; nil where it is no number.
    static func float(_ text: Text) -> Double? {
        let stripped = text.stripped(nil).string
        let plain = stripped.lowercased()
        switch plain {
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan", "+nan", "-nan": return .nan
        default: break
        }
        var previous: Character = "_"
        for character in plain + "_" {
            if character == "_" || previous == "_" {
                let isBetween = (previous.isNumber || previous == "_") && (character.isNumber || character == "_")
                if plain.contains("_"), !isBetween { return nil }
            }
            previous = character
        }
        guard !plain.hasPrefix("_"), !plain.hasSuffix("_"), !plain.contains("__") else { return nil }
        let digits = plain.filter { $0 != "_" }
        guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.e".contains($0)) }) else { return nil }
        guard let first = digits.last, first.isNumber || first == "." else { return nil }
        return Double(digits) ?? Double(digits.hasSuffix(".") ? digits + "0" : digits)
    }
}

/// A float's exact value in decimal digits.
private struct ExactDecimal {
    /// Digits, the first of them the highest; `point` of them stand before the point.
    private var digits: [UInt8] = []
    private var point = 0

    init(_ number: Double) {
        guard number > 0 else { return }
        var limbs: [UInt32] = []
        // number = significand · 2^exponent with an integral significand.
        var exponent = Int(number.exponent) - 52
        var significand = number.significandBitPattern | (number.isNormal ? 1 << 52 : 0)
        if !number.isNormal { exponent = -1074 }
        while significand & 1 == 0 { (significand, exponent) = (significand >> 1, exponent + 1) }
        var rest = significand
        while rest > 0 {
            limbs.append(UInt32(rest % 1_000_000_000))
            rest /= 1_000_000_000
        }
        // A division by 2 is a product with 5, and a point one place further left.
        let (factor, count) = exponent < 0 ? (5, -exponent) : (2, exponent)
        for _ in 0..<count {
            var carry: UInt64 = 0
            for index in limbs.indices {
                let product = UInt64(limbs[index]) * UInt64(factor) + carry
                limbs[index] = UInt32(product % 1_000_000_000)
                carry = product / 1_000_000_000
            }
            if carry > 0 { limbs.append(UInt32(carry)) }
        }
        for (index, limb) in limbs.reversed().enumerated() {
            let text = Array(String(limb).utf8)
            if index > 0 { digits += Array(repeating: 0, count: 9 - text.count) }
            digits += text.map { $0 - 48 }
        }
        point = digits.count - (exponent < 0 ? -exponent : 0)
    }

    /// The exponent of the first digit.
    var exponent: Int { point - 1 }

    /// Rounds to `places` digits after the point, ties to even.
    mutating func round(to places: Int) {
        let keep = point + places
        guard keep < digits.count else { return }
        guard keep >= 0 else {
            digits = []
            return
        }
        let next = digits[keep]
        let isTie = next == 5 && !digits[(keep + 1)...].contains { $0 != 0 }
        let isOdd = keep > 0 && digits[keep - 1] & 1 == 1
        digits.removeSubrange(keep...)
        guard next > 5 || (next == 5 && (!isTie || isOdd)) else { return }
        var index = keep - 1
        while index >= 0, digits[index] == 9 {
            digits[index] = 0
            index -= 1
        }
        if index >= 0 {
            digits[index] += 1
        } else {
            digits.insert(1, at: 0)
            point += 1
        }
    }

    /// The number with `places` digits after the point.
    func text(_ places: Int) -> String {
        func digit(_ index: Int) -> Character {
            index >= 0 && index < digits.count ? Character(Unicode.Scalar(48 + digits[index])) : "0"
        }
        var text = ""
        if point > 0, !digits.isEmpty { for index in 0..<point { text.append(digit(index)) } } else { text = "0" }
        guard places > 0 else { return text }
        text.append(".")
        for place in 0..<places { text.append(digits.isEmpty ? "0" : digit(point + place)) }
        return text
    }

    /// The first `count` digits.
    func significant(_ count: Int) -> String {
        var text = ""
        for index in 0..<count {
            text.append(index < digits.count ? Character(Unicode.Scalar(48 + digits[index])) : "0")
        }
        return text
    }
}
