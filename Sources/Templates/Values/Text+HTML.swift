/// What HTML asks of a text.
extension Text {
    /// Without comments and tags, runs of space as one, entities read (`Markup.striptags`).
    var withoutTags: Text {
        var rest = scalars
        // A comment is cut first: it may hold what looks like a tag.
        while let start = Text(rest).firstIndex(of: "<!--"),
            let end = Text(rest).firstIndex(of: "-->", from: start)
        {
            rest.removeSubrange(start..<(end + 3))
        }
        var plain: [Unicode.Scalar] = []
        var index = 0
        while index < rest.count {
            if rest[index] == "<", let end = rest[index...].firstIndex(of: ">") {
                index = end + 1
            } else {
                plain.append(rest[index])
                index += 1
            }
        }
        let words = Text(plain).split(nil, limit: nil)
        return Text(Array(words.map(\.scalars).joined(separator: [" "]))).withoutEntities
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "\u{A9}",
        "reg": "\u{AE}", "raquo": "\u{BB}", "laquo": "\u{AB}", "hellip": "\u{2026}", "mdash": "\u{2014}",
        "ndash": "\u{2013}", "middot": "\u{B7}", "times": "\u{D7}", "euro": "\u{20AC}",
    ]

    /// With the most usual entities, and all that are numbers, as what they stand for.
    private var withoutEntities: Text {
        var result: [Unicode.Scalar] = []
        var index = 0
        while index < count {
            if scalars[index] == "&", let end = scalars[index...].prefix(34).firstIndex(of: ";") {
                let name = Text(scalars[(index + 1)..<end]).string
                var scalar = Self.entities[name]
                if name.hasPrefix("#x") || name.hasPrefix("#X") {
                    scalar = UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
                } else if name.hasPrefix("#") {
                    scalar = UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
                }
                if let scalar {
                    result.append(scalar)
                    index = end + 1
                    continue
                }
            }
            result.append(scalars[index])
            index += 1
        }
        return Text(result)
    }

    /// As a part of an address: all but letters, digits and `_.-~` as bytes in hexadecimal.
    func percentEncoded(keepingSlashes: Bool) -> Text {
        var result: [Unicode.Scalar] = []
        for scalar in scalars {
            if scalar.isASCII,
                scalar.isAlphanumeric || "_.-~".unicodeScalars.contains(scalar)
                    || (keepingSlashes && scalar == "/")
            {
                result.append(scalar)
            } else if !keepingSlashes, scalar == " " {
                result.append("+")
            } else {
                for byte in String(scalar).utf8 {
                    let digits = String(byte, radix: 16, uppercase: true)
                    result.append(contentsOf: ("%" + (byte < 16 ? "0" : "") + digits).unicodeScalars)
                }
            }
        }
        return Text(result)
    }
}
