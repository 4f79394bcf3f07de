import Formats
import Reports

extension ProfileReport {
    /// Throws where the trace could not be written in the end, before a recipe runs for hours.
    static func checkTrace(_ options: ProfileOptions, from workingFolder: String, runFolder: String?) throws {
        guard let trace = options.trace else { return }
        let path = Permissions.absolute(trace, from: workingFolder)
        let parent = Permissions.parent(path)
        let shown = Permissions.shown(trace)
        if Permissions.isFolder(path) {
            throw FormatError("--trace: '\(shown)' is a folder, expected the name of a file")
        }
        if Permissions.isSpecial(path) {
            throw FormatError("--trace: '\(shown)' is a pipe, socket or device, expected the name of a file")
        }
        // A folder of the run is made by the recipe.
        let run = runFolder.map { Permissions.absolute($0, from: workingFolder) }
        guard Permissions.isFolder(parent) || run.map({ path.hasPrefix($0 + "/") }) == true else {
            throw FormatError(
                "--trace: there is no folder '\(Permissions.shown(parent))'; make it, or name another file")
        }
    }

    /// Prints the tables and writes the trace; where nothing was recorded there is none.
    func write(to output: Output, from workingFolder: String) throws {
        for line in lines { output.print(line) }
        guard let trace = options.trace, !result.steps.isEmpty else { return }
        let path = Permissions.absolute(trace, from: workingFolder)
        let (parent, name) = Permissions.parted(path)
        try Folder(path: parent, linkRoot: "/").write(name) { try ProfileTrace(self).write(to: $0) }
        let cut = result.isCut ? "; it holds the first \(result.events.count) spans, more are not kept" : ""
        output.print("trace: \(Permissions.shown(trace)) (open it in Perfetto or chrome://tracing)\(cut)")
    }
}
