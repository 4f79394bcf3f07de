import Formats
import Training
import Words

/// What a run's folder holds that a report shows; what is not there is left out, what cannot be read is an error that names the file.
package struct RunFiles {
    /// What the run is called.
    package let name: String
    /// The rows of its log.
    let rows: [JSONObject]
    /// Its parameters, its arguments, and what it ran on.
    let parameters, environment: JSON?
    /// How it ended; nil while it runs, and where its process was killed.
    let end: JSON?
    /// What its evaluations found, and what memory it took (`RunDetails`).
    let details: JSON?
    /// The recipe.
    let recipe: String?

    /// Rows of a log that are read at most; a run of so many rows is looked at by other means.
    private static let mostRows = 100_000

    /// Whether a folder holds the log of a run.
    package static func isRun(_ folder: Folder) -> Bool { folder.exists(RunRecord.metricsFile) }

    /// Reads a run's folder; it is called as the folder, or by `name`.
    ///
    /// - Parameter end: what is about to be written of its end.
    package init(_ folder: Folder, name: String? = nil, end: JSON? = nil) throws {
        self.name = name ?? folder.path.split(separator: "/").last.map(String.init) ?? folder.path
        func json(_ file: String) throws -> JSON? {
            guard folder.exists(file) else { return nil }
            return try JSON(parsing: folder.read(file), source: "\(folder.path)/\(file)", allowsNonFinite: true)
        }
        var rows: [JSONObject] = []
        if folder.exists(RunRecord.metricsFile) {
            let path = "\(folder.path)/\(RunRecord.metricsFile)"
            // A line that a killed process left half written is none.
            let lines = try folder.readText(RunRecord.metricsFile).split(
                separator: "\n", omittingEmptySubsequences: false)
            for (place, line) in lines.enumerated() where !line.isEmpty {
                guard rows.count < Self.mostRows else { break }
                do {
                    let row = try JSON(parsing: String(line), source: "\(path):\(place + 1)", allowsNonFinite: true)
                    if let object = row.object { rows.append(object) }
                } catch  where place == lines.count - 1 { break }
            }
        }
        self.rows = rows
        parameters = try json(RunRecord.parametersFile)
        environment = try json(RunRecord.environmentFile)
        self.end = try end ?? json(RunRecord.endFile)
        details = try json(RunDetails.file)
        recipe = folder.exists(RunRecord.recipeFile) ? try folder.readText(RunRecord.recipeFile) : nil
    }

    /// Names of what the rows have numbers of, in the order in which they come.
    var keys: [String] {
        var (keys, seen): ([String], Set<String>) = ([], [])
        for row in rows {
            for (key, value) in row where value.double != nil && seen.insert(key).inserted { keys.append(key) }
        }
        return keys
    }

    /// The numbers of one name by step.
    func points(_ key: String) -> [(x: Double, y: Double)] {
        rows.enumerated().compactMap { place, row in
            row[key]?.double.map { (row["step"]?.double ?? Double(place + 1), $0) }
        }
    }
}
