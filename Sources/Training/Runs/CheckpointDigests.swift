import Formats

/// SHA-256 of what a checkpoint is read back from, in its `resume.json`: a file that was changed, or is another checkpoint's, is found
/// before anything is taken from it.
///
/// `files` holds the digest of each file by name, as `sha256sum` gives it; `sha256` that of the record's own text without it.
enum CheckpointDigests {
    private static let filesKey = "files"
    private static let ownKey = "sha256"

    /// A record with the digests of `names`, which lie in `folder`, and its own.
    static func sealed(_ record: JSONObject, _ names: [String], in folder: Folder) throws -> JSON {
        var record = record
        var files: JSONObject = [:]
        for name in names { files[name] = .string(try digest(of: name, in: folder)) }
        record[filesKey] = .object(files)
        record[ownKey] = .string(digest(of: record))
        return .object(record)
    }

    /// Throws where the record or one of the files it names is not what was written; `source` names the record.
    static func check(_ record: JSON, in folder: Folder, source: String) throws {
        guard var members = record.object else { return }
        let recorded = members.removeValue(forKey: ownKey)?.string
        guard recorded == digest(of: members), let files = members[filesKey]?.object else {
            throw TrainingError("\(source): was changed since it was written; \(remedy)")
        }
        for (name, before) in files {
            guard try digest(of: name, in: folder) == before.string else {
                throw TrainingError(
                    "\(folder.path)/\(name): was changed since it was written, or belongs to another checkpoint; \(remedy)"
                )
            }
        }
    }

    private static let remedy = "remove this checkpoint to go on from the one before, or start a new run"

    private static func digest(of name: String, in folder: Folder) throws -> String {
        let file = try folder.map(name)
        return withExtendedLifetime(file) { unsafe SHA256.hexadecimal(file.bytes) }
    }

    private static func digest(of record: JSONObject) -> String {
        SHA256.hexadecimal(Array(JSON.object(record).serialized().utf8))
    }
}
