import Formats

/// Says which name a misspelt one was probably meant to be.
enum NearestName {
    /// "; did you mean 'x'?" where a candidate is near enough, else an empty string.
    static func hint(for name: String, among candidates: some Sequence<String>) -> String {
        nearestName(to: name, in: candidates).map { "; did you mean '\($0)'?" } ?? ""
    }
}
