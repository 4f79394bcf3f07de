import Formats

/// A training's state in a folder `checkpoint-<step>`, written beside and renamed: it is there whole or not at all.
///
/// It holds `trainable.safetensors` and what the trainer's `saveModel` writes (an adapter as PEFT writes it), the optimizer's state in
/// `optimizer.safetensors`, `trainer_state.json` as the reference lays it out, and `resume.json` with what makes a continued run
/// exact: the place in the data, running sums, what the run was made of, and digests of the other files. Random numbers need no state: they are functions of
/// seed, step and row.
struct Checkpoint {
    static let optimizerFile = "optimizer.safetensors"
    static let stateFile = "trainer_state.json"
    static let resumeFile = "resume.json"
    /// Version of resume.json: since 2 it has digests.
    static let version = 2

    let name: String
    let step: Int

    init(step: Int) { (name, self.step) = ("checkpoint-\(step)", step) }

    /// Complete checkpoints of a folder, the oldest first.
    static func list(in folder: Folder) throws -> [Checkpoint] {
        try folder.list().compactMap { name in
            guard name.hasPrefix("checkpoint-"), let step = Int(name.dropFirst("checkpoint-".count)), step >= 0,
                name == "checkpoint-\(step)"
            else { return nil }
            return Checkpoint(step: step)
        }.sorted { $0.step < $1.step }
    }

    /// Whether a run can go on from it.
    func isResumable(in folder: Folder) -> Bool {
        [Self.resumeFile, Self.stateFile, Self.optimizerFile].allSatisfy { folder.exists("\(name)/\($0)") }
    }

    /// Writes the checkpoint by `body`, in place of one of that name.
    func write(in folder: Folder, _ body: (Folder) throws -> Void) throws {
        let hidden = ".\(name).partial"
        try folder.remove(hidden)
        do {
            try body(try folder.subfolder(hidden, create: true))
            if folder.exists(name) { try remove(in: folder) }
            try folder.rename(hidden, to: name)
        } catch {
            // What is left of it must not hide why it failed.
            try? folder.remove(hidden)
            throw error
        }
    }

    /// Removes it whole: what is left after a crash in between has a hidden name.
    func remove(in folder: Folder) throws {
        let hidden = ".\(name).removed"
        try folder.remove(hidden)
        try folder.rename(name, to: hidden)
        try folder.remove(hidden)
    }

    /// Removes what a killed run left half written or half removed.
    static func clean(_ folder: Folder) throws {
        for name in try folder.list()
        where name.hasPrefix(".checkpoint-") && (name.hasSuffix(".partial") || name.hasSuffix(".removed")) {
            try folder.remove(name)
        }
    }
}
