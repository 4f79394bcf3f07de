/// Places beyond a folder that links in it may lead to when it is read: what the user granted besides.
public struct LinkTargets: Sendable {
    /// Absolute paths of folders, beneath which links may lead anywhere.
    let folders: [[String]]
    /// Absolute paths of single files.
    let files: Set<[String]>
    /// What a refusal tells the user to do, given the folder that a link leads into.
    let advice: @Sendable (_ folder: String) -> String

    /// Folders and files by their absolute paths.
    public init(folders: [String], files: [String], advice: @escaping @Sendable (_ folder: String) -> String) {
        self.folders = folders.map(Folder.components)
        self.files = Set(files.map(Folder.components))
        self.advice = advice
    }

    /// The innermost of the granted folders, or the folder of a granted file, through which a path is reached; nil where there is none.
    func door(to path: [String]) -> [String]? {
        if files.contains(path) { return path.dropLast() }
        return folders.filter { path.starts(with: $0) }.max { $0.count < $1.count }
    }
}
