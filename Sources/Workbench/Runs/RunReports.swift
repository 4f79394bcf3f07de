import Formats
import Reports

/// Pages about runs that are over, or about what they have logged so far.
enum RunReports {
    /// Writes a page about these runs, folders or names beneath `runs`; gives the line that tells where it is.
    static func write(of names: [String], to output: String?) throws -> String {
        let working = Machine.workingFolder
        var runs: [RunFiles] = []
        var first: String?
        for name in names {
            let path = try RunPlaces.run(name, from: working).path
            first = first ?? path
            let parts = try parts(of: try Folder(path: path, linkRoot: "/"))
            guard !parts.isEmpty else {
                throw FormatError("\(Permissions.shown(name)): no trainer kept a log there")
            }
            runs += parts
        }
        let standard = names.count == 1 ? "\(first ?? working)/\(RunReport.file)" : "\(working)/\(RunReport.file)"
        let path = output.map { Permissions.absolute($0, from: working) } ?? standard
        let (parent, file) = Permissions.parted(path)
        guard Permissions.isFolder(parent) else {
            throw FormatError("\(Permissions.shown(parent)): there is no such folder")
        }
        guard !Permissions.isFolder(path) else {
            throw FormatError("\(Permissions.shown(path)): is a folder; name a file")
        }
        try Folder(path: parent, linkRoot: "/").write(file, text: RunReport(runs).html)
        let shown = path.hasPrefix(working + "/") ? String(path.dropFirst(working.count + 1)) : path
        return
            "\(Permissions.shown(shown)): \(runs.count == 1 ? "report of \(runs[0].name)" : "report of \(runs.count) runs")"
    }

    /// Writes the page of a run that is about to end as `end` says; nothing where no trainer kept a log in its folder.
    static func write(into folder: Folder, end: JSON) throws {
        let parts = try parts(of: folder, end: end)
        if !parts.isEmpty { try folder.write(RunReport.file, text: RunReport(parts).html) }
    }

    /// A run, and its further trainers, which have folders of their own within its.
    private static func parts(of folder: Folder, end: JSON? = nil) throws -> [RunFiles] {
        let stem = folder.path.split(separator: "/").last.map(String.init) ?? folder.path
        var parts = RunFiles.isRun(folder) ? [try RunFiles(folder, name: stem, end: end)] : []
        for inner in try folder.list().sorted(by: { ($0.count, $0) < ($1.count, $1) }) where folder.isFolder(inner) {
            let sub = try folder.subfolder(inner)
            if RunFiles.isRun(sub) { parts.append(try RunFiles(sub, name: "\(stem)/\(inner)")) }
        }
        return parts
    }
}
