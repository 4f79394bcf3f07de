/// Upper and lower case as Python's `str` has them.
extension Text {
    private func with(_ scalars: [Unicode.Scalar]) -> Text { Text(scalars, isMarkup: isMarkup) }

    var uppercased: Text { with(scalars.flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }) }

    var lowercased: Text {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(count)
        for index in scalars.indices { result.append(contentsOf: lowercase(at: index)) }
        return with(result)
    }

    /// The lower case of one scalar: a capital sigma at the end of a word has one of its own.
    private func lowercase(at index: Int) -> [Unicode.Scalar] {
        let scalar = scalars[index]
        if scalar.isASCII { return ["A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar] }
        guard scalar == "\u{3A3}" else { return Array(scalar.properties.lowercaseMapping.unicodeScalars) }
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return [before?.properties.isCased == true && after?.properties.isCased != true ? "\u{3C2}" : "\u{3C3}"]
    }

    private func titlecase(at index: Int) -> [Unicode.Scalar] {
        Array(scalars[index].properties.titlecaseMapping.unicodeScalars)
    }

    /// The first character in title case, all others in lower case.
    var capitalized: Text {
        with(scalars.indices.flatMap { $0 == 0 ? titlecase(at: 0) : lowercase(at: $0) })
    }

    /// Each first cased character of a word in title case (`str.title`).
    var titlecased: Text {
        var wasCased = false
        return with(
            scalars.indices.flatMap { index in
                defer { wasCased = scalars[index].properties.isCased }
                return wasCased ? lowercase(at: index) : titlecase(at: index)
            })
    }

    var swappedCase: Text {
        with(
            scalars.indices.flatMap { index in
                let properties = scalars[index].properties
                if properties.isUppercase { return lowercase(at: index) }
                return properties.isLowercase ? Array(properties.uppercaseMapping.unicodeScalars) : [scalars[index]]
            })
    }

    var caseFolded: Text {
        with(
            scalars.indices.flatMap { index in
                scalars[index] == "\u{DF}" ? ["s", "s"] : lowercase(at: index)
            })
    }

    private static func isTitle(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .titlecaseLetter
    }

    /// Whether it has cased characters, all of them lower.
    var isLower: Bool {
        scalars.contains { $0.properties.isLowercase }
            && !scalars.contains { $0.properties.isUppercase || Self.isTitle($0) }
    }
    /// Whether it has cased characters, all of them upper.
    var isUpper: Bool {
        scalars.contains { $0.properties.isUppercase }
            && !scalars.contains { $0.properties.isLowercase || Self.isTitle($0) }
    }
    /// Whether each word begins with an upper case character, and goes on with lower case ones.
    var isTitle: Bool {
        var (hasCased, wasCased) = (false, false)
        for scalar in scalars {
            if scalar.properties.isUppercase || Self.isTitle(scalar) {
                if wasCased { return false }
                (hasCased, wasCased) = (true, true)
            } else if scalar.properties.isLowercase {
                if !wasCased { return false }
                hasCased = true
            } else {
                wasCased = false
            }
        }
        return hasCased
    }
}
