import Options

extension JSON: OptionValue {
    public var isAbsent: Bool { isNull }
    public var asInteger: Int? { int }
    public var asNumber: Double? { double }
    public var asString: String? { string }
    public var asBoolean: Bool? { bool }
    public var asElements: [JSON]? { array ?? (object?.isEmpty == true ? [] : nil) }
    public var asIntegers: [Int64]? { all { $0.int.map(Int64.init) } }
    public var asNumbers: [Double]? { all(\.double) }
    public var asStrings: [String]? { all(\.string) }
    public var asMembers: [(name: String, value: JSON)]? {
        if let object { return object.map { ($0.key, $0.value) } }
        return array?.isEmpty == true ? [] : nil
    }
    public var isTable: Bool { array != nil || object != nil }
    public var isFunction: Bool { false }
    public var objectName: String? { nil }
    public var shown: String { kind }

    private func all<Element>(_ convert: (JSON) -> Element?) -> [Element]? {
        guard let elements = asElements else { return nil }
        let converted = elements.compactMap(convert)
        return converted.count == elements.count ? converted : nil
    }
}
