import Formats
import Reports

/// Reports of runs that are over, or of what they have logged so far.
public enum RunReports {
    /// Writes a page about these runs, folders or names beneath `runs`; gives the line that tells where it is.
    public static func write(of names: [String], to output: String?) throws -> String {
        let working = Machine.workingFolder
        var runs: [RunFiles] = []
        var first: String?
        for name in names {
            let path = try folder(of: name, working)
            first = first ?? path
            let folder = try Folder(path: path, linkRoot: "/")
            let stem = path.split(separator: "/").last.map(String.init) ?? name
            var parts = RunFiles.isRun(folder) ? [try RunFiles(folder, name: stem)] : []
            // Further trainers of a run have folders of their own within it.
            for inner in try folder.list().sorted(by: { ($0.count, $0) < ($1.count, $1) }) where folder.isFolder(inner)
            {
                let sub = try folder.subfolder(inner)
                if RunFiles.isRun(sub) { parts.append(try RunFiles(sub, name: "\(stem)/\(inner)")) }
            }
            guard !parts.isEmpty else {
                throw FormatError("\(Permissions.shown(name)): is no run's folder: there is no log of a trainer in it")
            }
            runs += parts
        }
        let standard = names.count == 1 ? "\(first ?? working)/\(RunReport.file)" : "\(working)/\(RunReport.file)"
        let path = output.map { Permissions.absolute($0, from: working) } ?? standard
        let parent = Permissions.parent(path)
        guard Permissions.isFolder(parent) else {
            throw FormatError("\(Permissions.shown(parent)): there is no such folder")
        }
        guard !Permissions.isFolder(path) else {
            throw FormatError("\(Permissions.shown(path)): is a folder; name a file")
        }
        try Folder(path: parent, linkRoot: "/").write(
            String(path.dropFirst(parent == "/" ? 1 : parent.count + 1)), text: RunReport(runs).html)
        let shown = path.hasPrefix(working + "/") ? String(path.dropFirst(working.count + 1)) : path
        return
            "\(Permissions.shown(shown)): \(runs.count == 1 ? "report of \(runs[0].name)" : "report of \(runs.count) runs")"
    }

    private static func folder(of name: String, _ working: String) throws -> String {
        for path in [name, "runs/\(name)"].map({ Permissions.absolute($0, from: working) })
        where Permissions.isFolder(path) {
            return path
        }
        throw FormatError("\(Permissions.shown(name)): there is no such run, neither here nor beneath runs")
    }
}
