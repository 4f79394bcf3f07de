import Formats
import Words

/// The inputs that a recipe's header names, where they are, and whether they are what it says.
///
/// Relative paths start at the recipe's folder; where nothing is there, a name is one of the model cache. A recipe inside the binary
/// has its data there too.
struct RecipeInputs {
    /// What messages call the recipe.
    let recipe: String
    /// Its folder.
    let base: String
    /// The data that the recipe brings, by name: that of one inside the binary.
    let brought: (_ name: String) -> [UInt8]?
    let header: RecipeHeader

    /// Where an input is.
    private enum Place {
        case path(String)
        case bytes([UInt8])
    }

    private func place(_ input: RecipeHeader.Input) throws -> Place {
        if let bytes = brought(input.path) { return .bytes(bytes) }
        let path = try path(of: input.path)
        guard Permissions.exists(path) else {
            throw RecipeHeaderError("\(recipe):\(input.line): input: there is no '\(Permissions.shown(input.path))'")
        }
        return .path(path)
    }

    /// Absolute path of an input.
    private func path(of name: String) throws -> String {
        guard !name.utf8.contains(0) else { throw FormatError("\(recipe): input: a path with a zero byte") }
        let path = Permissions.absolute(name, from: base)
        guard !Permissions.exists(path), let snapshot = try? ModelCache.snapshot(of: name) else { return path }
        return snapshot
    }

    private func digest(_ input: RecipeHeader.Input) throws -> String {
        switch try place(input) {
        case .path(let path): try InputDigest.of(path)
        case .bytes(let bytes): SHA256.hexadecimal(bytes)
        }
    }

    /// Throws where an input is not there, has no digest, or is not what its digest says; gives the absolute paths of all.
    func check() throws -> [String] {
        try header.inputs.compactMap { input in
            let place = "\(recipe):\(input.line): input '\(Permissions.shown(input.path))'"
            guard let expected = input.digest else {
                throw RecipeHeaderError(
                    "\(place) has no sha256 that --locked could check; lorawb lock \(recipe) writes it")
            }
            let found = try digest(input)
            guard found == expected else {
                throw RecipeHeaderError(
                    "\(place) was changed: expected sha256 \(expected), got \(found); go back to the one before, or take this one with lorawb lock \(recipe)"
                )
            }
            return brought(input.path) != nil ? nil : try path(of: input.path)
        }
    }

    /// The recipe's text with the digests of its inputs as they are now, and a line for each that says what became of it.
    func locked(_ source: [UInt8]) throws -> (source: [UInt8], said: [String]) {
        var lines = source.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        var said: [String] = []
        for input in header.inputs {
            let digest = try digest(input)
            guard digest != input.digest, lines.indices.contains(input.line - 1) else {
                said.append("\(input.path): as it was, sha256:\(digest)")
                continue
            }
            said.append("\(input.path): \(input.digest == nil ? "" : "changed, now ")sha256:\(digest)")
            let line = lines[input.line - 1]
            let end = line.last == 13 ? [UInt8(13)] : []
            // All up to the path stays as it was written.
            let head = line.prefix(through: line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex - 1)
            lines[input.line - 1] = Array(head) + Array(" \(input.path) sha256:\(digest)".utf8) + end
        }
        return (Array(lines.joined(separator: [10])), said)
    }

    /// Has `permissions` tell of everything that is read beside these inputs and the run's own folder, once each.
    static func watch(
        _ permissions: Permissions, locked paths: [String], runFolder: RunFolder, recipe: String,
        tell: @escaping (String) -> Void
    ) {
        let known = Set(paths + paths.compactMap(Permissions.real))
        var told: Set<String> = []
        permissions.onReading = { [unowned runFolder] path in
            let own = runFolder.known.map { [$0] } ?? []
            let isKnown = (known.union(own)).contains { path == $0 || path.hasPrefix($0 == "/" ? "/" : $0 + "/") }
            // A folder above an input is only passed through.
            guard !isKnown, !known.contains(where: { $0.hasPrefix(path == "/" ? "/" : path + "/") }) else { return }
            guard told.count < 20, told.insert(path).inserted else { return }
            tell("--locked: \(Permissions.shown(path)) is read, and the header of \(recipe) has no sha256 of it")
        }
    }
}
