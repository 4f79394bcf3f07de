import OrderedCollections

/// The members of a JSON object in their order.
///
/// Keys are compared byte for byte, as Python compares them. `String`'s own equality takes canonically equivalent texts
/// for the same (U+212B and U+00C5), which would lose tokens of a vocabulary; so the keys beneath are no strings.
public struct JSONObject: Sendable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
    /// A key with its value.
    public typealias Element = (key: String, value: JSON)

    /// A text that equals another where their bytes do.
    private struct Name: Hashable, Sendable {
        let text: String

        static func == (a: Name, b: Name) -> Bool {
            a.text.utf8.count == b.text.utf8.count && a.text.utf8.elementsEqual(b.text.utf8)
        }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    private var members: OrderedDictionary<Name, JSON> = [:]

    /// An object without members.
    public init() {}

    /// An object of the given members; the last of equal keys wins, in the place of the first.
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

    /// An object of members; the last of equal keys wins, in the place of the first.
    public init(_ members: some Sequence<(String, JSON)>) {
        for (key, value) in members { updateValue(value, forKey: key) }
    }

    /// The keys, in order.
    public var keys: some RandomAccessCollection<String> { members.keys.lazy.map(\.text) }
    /// The values, in the order of the keys.
    public var values: some RandomAccessCollection<JSON> { members.values }
    /// Always 0.
    public var startIndex: Int { 0 }
    /// Number of members.
    public var endIndex: Int { members.count }

    /// The member at a position below `count`.
    public subscript(position: Int) -> Element {
        let (key, value) = members.elements[position]
        return (key.text, value)
    }

    /// The value of a key; nil where there is none, and setting nil removes it.
    public subscript(key: String) -> JSON? {
        get { members[Name(text: key)] }
        set { members[Name(text: key)] = newValue }
    }

    /// Sets the value of a key, and says whether the key was there before.
    @discardableResult
    public mutating func updateValue(_ value: JSON, forKey key: String) -> Bool {
        members.updateValue(value, forKey: Name(text: key)) != nil
    }

    /// Removes a key and gives the value that it had.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSON? { members.removeValue(forKey: Name(text: key)) }
}

extension JSONObject: Equatable {
    /// Whether both have the same members, in whatever order, as Python compares dictionaries.
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.count == b.count && a.allSatisfy { b[$0.key] == $0.value }
    }
}
