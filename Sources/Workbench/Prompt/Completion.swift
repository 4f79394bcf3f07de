/// What Tab does to a line.
struct Completion {
    /// Text to put in at the cursor.
    var insertion = ""
    /// What there is to choose from, where nothing can be put in.
    var choices: [String] = []
    /// The call around the cursor, where nothing can be put in.
    var hint: CallHint?

    /// Nothing but what is said of the call.
    init(_ hint: CallHint) { self.hint = hint }

    /// What Tab does where `candidates` may stand in place of `prefix`; nil where none fits.
    ///
    /// - Parameter suffix: what goes behind the only one that fits.
    init?(_ candidates: some Sequence<String>, prefix: String, suffix: (String) -> String = { _ in "" }) {
        let fitting = Set(candidates.filter { $0.hasPrefix(prefix) }).sorted()
        guard let first = fitting.first, let last = fitting.last else { return nil }
        if fitting.count == 1 {
            insertion = first.dropFirst(prefix.count) + suffix(first)
            return
        }
        // Of sorted texts, what the first and the last have in common all have.
        let common = zip(first, last).prefix { $0 == $1 }.map { $0.0 }
        if common.count > prefix.count {
            insertion = String(common.dropFirst(prefix.count))
        } else {
            choices = fitting.count > 300 ? Array(fitting.prefix(300)) + ["..."] : fitting
        }
    }
}
