import Words

extension DataTable {
    /// A data file.
    public struct File {
        /// The folder that it is in.
        public let folder: Folder
        /// Its name there.
        public let name: String
        /// What errors call it.
        public let source: String

        /// The file of that name.
        public init(folder: Folder, name: String, source: String) {
            (self.folder, self.name, self.source) = (folder, name, source)
        }

        fileprivate var isDelimited: Bool {
            let name = self.name.lowercased()
            return name.hasSuffix(".tsv") || name.hasSuffix(".csv")
        }

        fileprivate func read(_ options: Options) throws -> DataTable {
            try DataTable(folder, name, options: options, source: source)
        }
    }

    /// The tables of several files that are parts of one: their columns must have the same names, and a column is text in all of
    /// them where it is in one, as if the rows stood in one file.
    public static func parts(_ files: [File], options: Options = Options()) throws -> [DataTable] {
        var tables = try files.map { try $0.read(options) }
        guard let first = tables.first else { return [] }
        for (file, table) in zip(files, tables).dropFirst() {
            if let missing = first.columns.keys.first(where: { table.columns[$0] == nil }) {
                throw FormatError(
                    "\(file.source): has no column '\(FormatError.shown(missing))', which \(files[0].source) has\(nearestNameHint(for: missing, in: table.columns.keys))"
                )
            }
            if let added = table.columns.keys.first(where: { first.columns[$0] == nil }) {
                throw FormatError(
                    "\(file.source): has a column '\(FormatError.shown(added))' that \(files[0].source) has not")
            }
        }
        let texts = first.columns.keys.filter { name in
            tables.contains { if case .strings? = $0.columns[name] { true } else { false } }
        }
        for (place, file) in files.enumerated() where file.isDelimited {
            let numbers = texts.filter { if case .strings? = tables[place].columns[$0] { false } else { true } }
            guard !numbers.isEmpty else { continue }
            var options = options
            for name in numbers { options.types[name] = .string }
            tables[place] = try file.read(options)
        }
        return tables
    }
}
