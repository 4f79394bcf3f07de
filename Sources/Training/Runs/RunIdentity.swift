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
    ///
    /// Recipe and parameters are passed over where the run's folder records them, changes too (`RunRecord`).
    func check(recorded: JSON, source: String, besidesRecord: Bool = false) throws {
        _ = try RecordReader(recorded, source: source, member: "identity")
        for part in parts where !besidesRecord || part.key != "recipe" && !part.key.hasPrefix("parameter ") {
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
    /// Arguments that matter and differ from what was recorded.
    func changes(from recorded: JSON) -> [RunChanges.Change] {
        let free = Self.table.filter(\.isFree).map(\.option.name)
        return zip(entries, TrainingArguments().entries).compactMap { entry, usual in
            // An argument that did not exist when the run was made had the effect of its default.
            let before = recorded[entry.key] ?? usual.value
            guard !free.contains(entry.key), !before.isSame(entry.value) else { return nil }
            return RunChanges.Change(name: entry.key, before: before, now: entry.value)
        }
    }
}
