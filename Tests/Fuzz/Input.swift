import Formats

/// What is tried once: files by name, and a number that decides what is done with them.
struct Input: Equatable {
    var files: [String: [UInt8]]
    /// Decides options and what is done; a replayed folder keeps it in `choice.txt`.
    var choice: UInt64

    /// Name of the file that keeps `choice`.
    static let choiceFile = "choice.txt"

    init(files: [String: [UInt8]], choice: UInt64) { (self.files, self.choice) = (files, choice) }

    /// The input that lies in a folder.
    init(_ folder: Folder) throws {
        files = try Input.files(of: folder)
        let text = files.removeValue(forKey: Input.choiceFile).map { String(decoding: $0, as: UTF8.self) }
        choice = text.flatMap { UInt64($0.filter(\.isNumber)) } ?? 0
        files["how.txt"] = nil
    }

    /// Writes everything into a folder.
    func write(to folder: Folder) throws {
        try write(beside: [:], to: folder)
        try folder.write(Input.choiceFile, text: "\(choice)\n")
    }

    /// Brings a folder that holds `present` to hold this input's files.
    func write(beside present: [String: [UInt8]], to folder: Folder) throws {
        for name in present.keys where files[name] == nil { try folder.remove(name) }
        for (name, bytes) in files where present[name] != bytes {
            let parts = name.split(separator: "/").map(String.init)
            if parts.count > 1 { _ = try folder.subfolder(parts.dropLast().joined(separator: "/"), create: true) }
            try folder.write(name, bytes)
        }
    }

    /// All files beneath a folder, by their names beneath it.
    static func files(of folder: Folder, under name: String = "") throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        let place = name.isEmpty ? folder : try folder.subfolder(name)
        for entry in try place.list() {
            let path = name.isEmpty ? entry : "\(name)/\(entry)"
            if folder.isFolder(path) {
                try files.merge(Input.files(of: folder, under: path)) { $1 }
            } else {
                files[path] = try folder.read(path)
            }
        }
        return files
    }
}
