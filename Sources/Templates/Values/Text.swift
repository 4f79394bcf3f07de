/// A text as Python's `str`: a row of code points, compared and counted one by one.
///
/// `String` compares by canonical equivalence and counts grapheme clusters, so it cannot stand for one.
struct Text: Sendable {
    /// The code points.
    var scalars: [Unicode.Scalar]
    /// Whether it is a `Markup` (made by `safe` and `escape`): a text that escapes what is joined to it.
    var isMarkup = false

    init() { scalars = [] }
    init(_ string: String) { scalars = Array(string.unicodeScalars) }
    init(_ scalars: [Unicode.Scalar], isMarkup: Bool = false) { (self.scalars, self.isMarkup) = (scalars, isMarkup) }
    init(_ scalars: ArraySlice<Unicode.Scalar>, isMarkup: Bool = false) {
        (self.scalars, self.isMarkup) = (Array(scalars), isMarkup)
    }

    /// The same as a String.
    var string: String {
        var string = String.UnicodeScalarView()
        string.append(contentsOf: scalars)
        return String(string)
    }
    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    /// With what HTML gives a meaning written as entities (`markupsafe.escape`); a markup as it is.
    var escaped: Text {
        guard !isMarkup else { return self }
        var result: [Unicode.Scalar] = []
        for scalar in scalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\"": result.append(contentsOf: "&#34;".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return Text(result, isMarkup: true)
    }

    /// As `repr` writes it.
    var represented: String {
        var result = String.UnicodeScalarView()
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        result.append(quote)
        for scalar in scalars {
            switch scalar {
            case quote, "\\":
                result.append("\\")
                result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case _ where scalar.isPrintable: result.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let (letter, width) =
                    scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                let padded = "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
                result.append(contentsOf: padded.unicodeScalars)
            }
        }
        result.append(quote)
        return isMarkup ? "Markup(\(String(result)))" : String(result)
    }
}

extension Text: Hashable, Comparable, ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self.init(value) }
    static func == (a: Text, b: Text) -> Bool { a.scalars == b.scalars }
    func hash(into hasher: inout Hasher) { hasher.combine(scalars) }
    static func < (a: Text, b: Text) -> Bool { a.scalars.lexicographicallyPrecedes(b.scalars) }
}
