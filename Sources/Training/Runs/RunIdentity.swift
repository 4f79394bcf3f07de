import Formats

/// What a run is made of, as far as a continued run must be made of the same.
public struct RunIdentity: Sendable, Equatable {
    /// Parts by name ("recipe", "base"), each with a text that changes when the part does.
    public var parts: [JSON.Member] = []

    /// Nothing known.
    public init() {}

    /// Adds a part; `text` is its content, or a fingerprint of it.
    public mutating func add(_ name: String, _ text: String) {
        parts.removeAll { $0.key == name }
        parts.append(JSON.Member(name, .string(text)))
    }

    /// Throws where a part differs from what was recorded; `source` names the record.
    func check(recorded: JSON, source: String) throws {
        _ = try RecordReader(recorded, source: source, member: "identity")
        for part in parts {
            guard let before = recorded[part.key] else { continue }
            guard before == part.value else {
                throw TrainingError(
                    "\(source): the run was made with another \(part.key): recorded \(before.quoted), now \(part.value.quoted); start a new run, or go back to that \(part.key)"
                )
            }
        }
    }
}

extension TrainingArguments {
    /// Throws where an argument that matters differs from what was recorded; `source` names the record.
    func check(recorded: JSON, source: String) throws {
        let free = Self.table.filter(\.isFree).map(\.option.name)
        for (entry, usual) in zip(entries, TrainingArguments().entries) where !free.contains(entry.key) {
            // An argument that did not exist when the run was made had the effect of its default.
            try RunRecord.check(entry, recorded: recorded[entry.key] ?? usual.value, source: source)
        }
    }
}
