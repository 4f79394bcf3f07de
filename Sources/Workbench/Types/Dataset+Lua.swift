import Formats
import LuaBridge
import Memory
import Models
import Options
import OrderedCollections
import Training
import Words

/// A data set as an object that recipes hold.
final class DatasetBox {
    let dataset: Dataset

    init(_ dataset: Dataset) { self.dataset = dataset }
}

/// What recipes see of data: the type `lorawb.Dataset`, tables of splits, and `lorawb.load_dataset`.
enum DatasetLua {
    static let splitsType = "lorawb.DatasetDict"

    static func type(_ context: RecipeContext) -> LuaType<DatasetBox> {
        LuaType(
            "lorawb.Dataset", "Rows of named columns; never changed, each method gives a new one.",
            methods: DatasetOperation.all.map(\.method) + selections + parts + [saving(context)],
            properties: [
                LuaProperty("column_names", "Names of the columns.", type: "string[]") {
                    .strings($0.dataset.columnNames)
                },
                LuaProperty("num_rows", "Number of rows.", type: "integer") { .integer($0.dataset.count) },
            ],
            metamethods: [
                .length("Number of rows.") { $0.dataset.count },
                .index(
                    "The row at a position from 1, as a table; a column by its name, as a list.", returns: "table",
                    names: true
                ) { box, call in try item(box.dataset, call) },
                .text("Number of rows, columns with their types, and the first rows.") { $0.text },
            ])
    }

    static var splits: LuaTableType {
        LuaTableType(
            splitsType,
            "Data sets by the name of their split, as a plain table that also has methods which change every split.",
            methods: DatasetOperation.all.map { operation in
                let signature = operation.signature
                return LuaFunctionDeclaration(
                    operation.name,
                    "Of every split: \(signature.doc.prefix(1).lowercased() + signature.doc.dropFirst())",
                    parameters: signature.parameters, returns: splitsType,
                    example: "splits = data:train_test_split { test_size = 0.5 }\(operation.call)"
                ) { call in
                    let splits = try call.selfValue()
                    return .table(try each(splits, try operation.prepare(call)))
                }
            })
    }

    private static func each(_ splits: LuaValue, _ body: (Dataset) throws -> Dataset) throws -> LuaTable {
        guard let table = splits.asTable, let names = table.names else {
            throw LuaFault("expected a table of data sets")
        }
        var fields: [String: LuaValue] = [:]
        for name in names {
            guard let box = table[name].asObject(DatasetBox.self) else {
                throw LuaFault("split '\(name)' expected lorawb.Dataset, got \(table[name].shown)")
            }
            fields[name] = .object(DatasetBox(try body(box.dataset)))
        }
        return LuaTable(fields: fields, type: splitsType)
    }

    private static func item(_ dataset: Dataset, _ call: borrowing LuaCall) throws -> LuaReturn {
        if call.isString(1) {
            let name = try call.string(1)
            guard dataset.has(name) else {
                let hint = nearestNameHint(for: name, in: dataset.columnNames)
                throw LuaFault("no column or method '\(name)'\(hint)")
            }
            return .value(try LuaRows.column(name, of: dataset, 0..<dataset.count))
        }
        let row = try call.integer(1, "row")
        // The one after the last is where a loop by ipairs ends.
        if row == dataset.count + 1 { return .nil }
        guard row >= 1, row <= dataset.count else {
            throw LuaFault("row \(row) is outside 1 to \(dataset.count)")
        }
        return .value(try LuaRows.row(row - 1, of: dataset))
    }

    private static let splitOptions = OptionTable([
        Option(
            "test_size", .number(.aboveZero), "Share (below 1) or number of rows held out.", example: "0.25",
            required: true),
        Option("seed", .integer, default: 42, "Seed of the order."),
        Option(
            "stratify_by_column", .string,
            "Column of classes, of each of which both parts have the share that it has of all rows, as scikit-learn's stratify gives it.",
            example: "\"label\"", values: .columns),
    ])
    private static let path = LuaParameter("path", .path, "Relative to the recipe's folder, or absolute.")

    private static var selections: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "select", "Takes the rows from first to last.",
                parameters: [
                    LuaParameter(
                        "first", .either([.integer(.position), .integers(.position)]),
                        "First row, from 1; or a list of rows."),
                    LuaParameter("last", .integer(.position), default: .words("the last"), "Last row."),
                ], returns: "lorawb.Dataset", example: "print(#data:select(1, 2))"
            ) { box, call in
                let count = box.dataset.count
                if call.isTable(1) {
                    let rows = try call.integers(1, "rows")
                    if let row = rows.first(where: { $0 < 1 || $0 > count }) {
                        throw LuaFault("row \(row) is outside 1 to \(count)")
                    }
                    try MemoryBudget.reserve(rows.count, of: MemoryLayout<Int>.stride)
                    return .object(DatasetBox(try box.dataset.selecting(rows.map { Int($0) - 1 })))
                }
                let (first, last) = (try call.integer(1, "first"), try call.optionalInteger(2, "last") ?? count)
                guard first >= 1, last <= count, first - 1 <= last else {
                    throw LuaFault("rows \(first) to \(last) are outside 1 to \(count)")
                }
                return .object(DatasetBox(try box.dataset.selecting(first - 1..<last)))
            },
            LuaMethod(
                "train_test_split", "Holds a part of the rows out: a table with train and test.",
                parameters: [LuaParameter("options", splitOptions)], returns: splitsType,
                example:
                    "local splits = data:train_test_split { test_size = 0.25, seed = 1 }\nprint(#splits.train, #splits.test)"
            ) { box, call in
                let options = try call.options(1, splitOptions)
                let (train, test) = try box.dataset.trainTestSplit(
                    testSize: try options.number("test_size"), seed: try options.integer("seed"),
                    stratifiedBy: options.optionalString("stratify_by_column"))
                return .table(
                    LuaTable(
                        fields: ["train": .object(DatasetBox(train)), "test": .object(DatasetBox(test))],
                        type: splitsType))
            },
        ]
    }

    private static func saving(_ context: RecipeContext) -> LuaMethod<DatasetBox> {
        LuaMethod(
            "save",
            "Writes the rows to a .jsonl, .csv or .tsv file, whole or not at all; a .tsv so written is read with quotes = true.",
            parameters: [path], example: "data:save(lorawb.run_dir .. \"/data.csv\")"
        ) { box, call in
            let path = try call.string(1, "path")
            let (folder, name) = try context.permissions.writing(path)
            try box.dataset.save(to: folder, name, source: Permissions.shown(path))
            return .nothing
        }
    }

    private static let batchOptions = OptionTable([
        Option("batch_size", .positive, "Rows in a batch.", example: "32", required: true),
        Option("shuffle", .boolean, default: false, "Whether each epoch has an order of its own."),
        Option("seed", .integer, default: 42, "Seed of the order."),
        Option("epoch", .count, default: 0, "Epoch, from 0, whose order is taken."),
        Option("drop_last", .boolean, default: false, "Whether an incomplete last batch is left out."),
        Option(
            "columns", .strings, default: .words("those that forward takes, where there are input_ids; else all"),
            "Columns of a batch, by their names in the data set.", example: "{ \"input_ids\", \"labels\" }",
            values: .columns),
    ])

    /// The columns of a batch with their names there: what forward takes under forward's names, unless others are asked for.
    private static func batchColumns(_ dataset: Dataset, _ wanted: [String]?) throws -> [(name: String, column: String)]
    {
        if let wanted {
            for name in wanted where !dataset.has(name) {
                throw LuaFault(
                    "there is no column '\(name)'\(nearestNameHint(for: name, in: dataset.columnNames)); the columns are \(dataset.columnNames.joined(separator: ", "))"
                )
            }
            return wanted.map { ($0, $0) }
        }
        guard dataset.has("input_ids") else { return dataset.columnNames.map { ($0, $0) } }
        let answers = BatchReader.answerColumns.filter(dataset.has).map { (name: $0, column: $0) }
        let labels =
            answers.isEmpty ? BatchReader.labels.first(where: dataset.has).map { [("labels", $0)] } ?? [] : answers
        return BatchReader.inputs.filter(dataset.has).map { ($0, $0) } + labels
    }

    private static var parts: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "batches",
                "Iterates over the trainer's batches: tables of columns, each a list of the rows' values, that forward takes as they are.",
                parameters: [LuaParameter("options", batchOptions)], returns: "fun(): table?",
                example: "for batch in rows:batches { batch_size = 2, shuffle = true } do print(#batch.input_ids) end"
            ) { box, call in
                let options = try call.options(1, batchOptions)
                let dataset = box.dataset
                let columns = try batchColumns(dataset, options.strings("columns"))
                let sampler = try BatchSampler(
                    count: dataset.count, batchSize: try options.integer("batch_size"),
                    strategy: options.optionalBoolean("shuffle") == true ? .random : .sequential,
                    seed: try options.integer("seed"), dropLast: try options.boolean("drop_last"))
                let epoch = sampler.epoch(try options.integer("epoch"))
                var batch = 0
                return .callable(
                    LuaCallable("batches") { _ in
                        let rows = Array(epoch[batch: batch])
                        guard !rows.isEmpty else { return .nil }
                        batch += 1
                        var fields: [String: LuaValue] = [:]
                        for (name, column) in columns {
                            fields[name] = try LuaRows.column(column, of: dataset, rows)
                        }
                        return .fields("the batch", fields)
                    })
            }
        ]
    }

    // MARK: Loading

    private static let loadOptions = OptionTable([
        Option(
            "columns", .strings, "Names of the columns, where the file has no header or other names are wanted.",
            example: "{ \"sentence\", \"label\" }"),
        Option(
            "header", .boolean, default: .words("unless columns are given"), "Whether the first line names the columns."
        ),
        Option(
            "delimiter", .string, default: .words("by the file's ending"), "What separates fields.", example: "\";\""),
        Option(
            "quotes", .boolean, default: .words("true for .csv"),
            "Whether fields may stand between quotes, as pandas writes them.", example: "true"),
        Option(
            "types", .table, "Types of columns by name: \"integer\", \"float\" or \"string\".",
            example: "{ label = \"integer\" }"),
        ModelLocation.revision,
    ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_dataset",
            "Reads a .tsv, .csv, .jsonl, .json or .txt file, several that are parts of one, or several as splits; of a folder, or a name in the Hugging Face cache, the splits by the names of its files.",
            parameters: [
                LuaParameter(
                    "path", .either([.string, .table]),
                    "A file, a list of files whose rows follow each other, { train = file or files, validation = … }, a folder, or a name in the Hugging Face cache."
                ),
                LuaParameter("options", loadOptions),
            ], returns: "lorawb.Dataset|lorawb.DatasetDict",
            example: "local data = lorawb.load_dataset(\"reviews.tsv\")"
        ) { call in
            let options = try tableOptions(try call.options(2, loadOptions))
            func load(_ paths: [String]) throws -> DatasetBox {
                let files = try paths.map { path in
                    let (folder, name) = try context.permissions.reading(path)
                    return DataTable.File(folder: folder, name: name, source: Permissions.shown(path))
                }
                let parts = try zip(DataTable.parts(files, options: options), files).map {
                    try Dataset($0, source: $1.source)
                }
                return DatasetBox(try Dataset.concatenated(parts, names: files.map(\.source)))
            }
            if call.isString(1) {
                let path = try call.string(1, "path")
                let revision = try call.options(2, loadOptions).optionalString("revision")
                if let splits = try DatasetLocation.splits(path, context, revision: revision) {
                    let fields = try splits.map { split, paths in (split, LuaValue.object(try load(paths))) }
                    return .table(
                        LuaTable(fields: Dictionary(fields, uniquingKeysWith: { $1 }), type: splitsType))
                }
                return .object(try load([path]))
            }
            let table = try call.table(1, "path")
            if table.count > 0, let paths = table.strings() { return .object(try load(paths)) }
            guard let names = table.names, !names.isEmpty, table.count == 0 else {
                throw LuaFault("expected a file, or files by the name of their split: { train = \"train.tsv\" }")
            }
            var fields: [String: LuaValue] = [:]
            for name in names {
                let paths = table[name].asString.map { [$0] } ?? table[name].asTable?.strings() ?? []
                guard !paths.isEmpty else {
                    throw LuaFault(
                        "split '\(name)' expected a file's path, or a list of them, got \(table[name].shown)")
                }
                fields[name] = .object(try load(paths))
            }
            return .table(LuaTable(fields: fields, type: splitsType))
        }
    }

    /// `lorawb.dataset`: as `Dataset.from_list` and `Dataset.from_dict` of the datasets library.
    static var made: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "dataset", "Makes a data set of rows or of columns, as load_dataset makes it of a .json file with them.",
            parameters: [
                LuaParameter(
                    "rows", .table,
                    "The rows, a list of tables by column (what a row lacks is nil in it); or the columns, lists of equal length by name."
                )
            ], returns: "lorawb.Dataset",
            example:
                "print(lorawb.dataset { { text = \"one\", label = 1 }, { text = \"two\", label = 0 } })\nprint(lorawb.dataset { text = { \"one\", \"two\" }, label = { 1, 0 } })"
        ) { call in
            let table = try call.table(1, "rows")
            if table.count == 0, !table.isEmpty { return .object(DatasetBox(try columns(table))) }
            guard table.fields.isEmpty else {
                throw call.argumentError(
                    1, "rows", "a list of tables by column expected, or lists by column; got both")
            }
            return .object(DatasetBox(try rows(table.values)))
        }
    }

    private static func rows(_ elements: [LuaValue]) throws -> Dataset {
        var size = 0
        let rows = try elements.enumerated().map { index, element in
            if index % 256 == 0 { try LuaInterrupt.check() }
            guard let table = element.asTable else {
                throw LuaFault("row \(index + 1) is \(element.shown), expected a table by column")
            }
            let members: [JSON.Member]
            do { members = try LuaRows.entries(table) } catch { throw LuaFault("row \(index + 1): \(error)") }
            try MemoryBudget.reserve(members.count + 1, of: 64)
            size += 64 * (members.count + 1)
            return JSON(members)
        }
        guard !rows.isEmpty else { throw LuaFault("rows is empty; give at least one") }
        return try Dataset(try DataTable(rows: rows, size: size, source: "rows"))
    }

    private static func columns(_ table: LuaTable) throws -> Dataset {
        guard let names = table.names else { throw LuaFault("columns need names, got the key \(table.fields[0].key)") }
        let columns = try names.map { name -> (name: String, values: [JSON]) in
            guard let values = table[name].asElements else {
                throw LuaFault("column '\(name)' is \(table[name].shown), expected a list with a value for each row")
            }
            try MemoryBudget.reserve(values.count, of: 64)
            return (
                name,
                try values.enumerated().map { index, value in
                    if index % 4096 == 0 { try LuaInterrupt.check() }
                    do { return try LuaRows.value(value) } catch {
                        throw LuaFault("column '\(name)', row \(index + 1): \(error)")
                    }
                }
            )
        }
        guard columns.contains(where: { !$0.values.isEmpty }) else {
            throw LuaFault("the columns are empty; give at least one row")
        }
        return try Dataset(try DataTable(columns: columns, source: "columns"))
    }

    /// `lorawb.concatenate`: as `concatenate_datasets` of the datasets library.
    static var concatenate: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "concatenate", "The rows of several data sets one after the other; all must have the same columns.",
            parameters: [LuaParameter("datasets", .list(.object("lorawb.Dataset")), "The data sets.")],
            returns: "lorawb.Dataset", example: "print(#lorawb.concatenate { data, data:select(1, 2) })"
        ) { call in
            let table = try call.table(1, "datasets")
            guard table.fields.isEmpty, table.count > 0 else {
                throw call.argumentError(1, "datasets", "a list of data sets expected")
            }
            let parts = try table.values.enumerated().map { index, value in
                guard let box = value.asObject(DatasetBox.self) else {
                    throw LuaFault("entry \(index + 1) expected lorawb.Dataset, got \(value.shown)")
                }
                return box.dataset
            }
            return .object(
                DatasetBox(try Dataset.concatenated(parts, names: parts.indices.map { "data set \($0 + 1)" })))
        }
    }

    private static func tableOptions(_ options: LuaOptions) throws -> DataTable.Options {
        var types: OrderedDictionary<String, DataTable.ColumnType> = [:]
        for (key, value) in options.table("types")?.fields ?? [] {
            guard let type = value.asString.flatMap(DataTable.ColumnType.init(rawValue:)) else {
                throw LuaFault("option 'types': '\(key)' expected integer, float or string, got \(value.shown)")
            }
            types[key.description] = type
        }
        var delimiter: UInt8?
        if let text = options.optionalString("delimiter") {
            guard text.utf8.count == 1 else { throw options.error("delimiter", expected: "a single byte") }
            delimiter = text.utf8.first
        }
        return DataTable.Options(
            columns: options.strings("columns"), header: options.optionalBoolean("header"), delimiter: delimiter,
            quotes: options.optionalBoolean("quotes"), types: types)
    }
}
