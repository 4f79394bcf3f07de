/// The members of a JSON object in their order.
///
/// Keys are compared byte for byte, as Python compares them. `String`'s own equality takes canonically equivalent texts
/// for the same (U+212B and U+00C5), which would lose tokens of a vocabulary; so this is no `Dictionary`.
public struct JSONObject: Sendable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
    /// A key with its value.
    public typealias Element = (key: String, value: JSON)

    /// The keys, in order.
    public private(set) var keys: [String] = []
    /// The values, in the order of the keys.
    public private(set) var values: [JSON] = []
    /// Open addressing: position + 1 of a member by its key's hash, 0 where free; empty for a few members.
    private var slots: [UInt32] = []

    private static let linearLimit = 8

    /// An object without members.
    public init() {}

    /// An object of the given members; the last of equal keys wins, in the place of the first.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        for (key, value) in elements { self[key] = value }
    }

    /// An object of members; the last of equal keys wins, in the place of the first.
    public init(_ members: some Sequence<(String, JSON)>) {
        for (key, value) in members { self[key] = value }
    }

    /// An object of members; `combine` decides between the values of equal keys.
    public init(_ members: some Sequence<(String, JSON)>, uniquingKeysWith combine: (JSON, JSON) -> JSON) {
        for (key, value) in members { self[key] = self[key].map { combine($0, value) } ?? value }
    }

    /// An object of members whose keys are known to differ; should two be equal, the last wins.
    public init(uniqueKeysWithValues members: some Sequence<(String, JSON)>) { self.init(members) }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// Number of members.
    public var endIndex: Int { keys.count }

    /// The member at a position below `count`.
    public subscript(position: Int) -> Element { (keys[position], values[position]) }

    /// The value of a key; nil where there is none, and setting nil removes it.
    public subscript(key: String) -> JSON? {
        get { find(key).map { values[$0] } }
        set {
            if let newValue { updateValue(newValue, forKey: key) } else { removeValue(forKey: key) }
        }
    }

    /// Sets the value of a key, and says whether the key was there before.
    @discardableResult
    public mutating func updateValue(_ value: JSON, forKey key: String) -> Bool {
        if let place = find(key) {
            values[place] = value
            return true
        }
        keys.append(key)
        values.append(value)
        guard keys.count > JSONObject.linearLimit else { return false }
        if keys.count * 3 > slots.count * 2 {
            index()
        } else {
            insert(keys.count - 1)
        }
        return false
    }

    /// The same keys with other values.
    public func mapValues(_ transform: (JSON) throws -> JSON) rethrows -> JSONObject {
        var copy = self
        copy.values = try values.map(transform)
        return copy
    }

    /// Removes a key and gives the value that it had.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSON? {
        guard let place = find(key) else { return nil }
        keys.remove(at: place)
        slots = []
        if keys.count > JSONObject.linearLimit { index() }
        return values.remove(at: place)
    }

    private func find(_ key: String) -> Int? {
        if slots.isEmpty { return keys.firstIndex { JSONObject.equal($0, key) } }
        var slot = JSONObject.hash(key) & (slots.count - 1)
        while slots[slot] != 0 {
            let place = Int(slots[slot]) - 1
            if JSONObject.equal(keys[place], key) { return place }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Makes the slots anew, a third to two thirds of them taken.
    private mutating func index() {
        var size = 16
        while size < keys.count * 3 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        for place in keys.indices { insert(place) }
    }

    private mutating func insert(_ place: Int) {
        var slot = JSONObject.hash(keys[place]) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(truncatingIfNeeded: place + 1)
    }

    /// Seeded by process, so that no file can be made whose keys collide.
    private static func hash(_ key: String) -> Int {
        var (hasher, key) = (Hasher(), key)
        key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return hasher.finalize()
    }

    private static func equal(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8)
    }
}

extension JSONObject: Equatable {
    /// Whether both have the same members, in whatever order, as Python compares dictionaries.
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.count == b.count && a.allSatisfy { b[$0.key] == $0.value }
    }
}
