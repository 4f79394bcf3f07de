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
    private static let fn = LuaParameter(
        "fn", .function("fun(row: table): table"), "Is given a row as a table, and gives columns.")
    private static let condition = LuaParameter(
        "fn", .function("fun(row: table): any"), "Is given a row as a table; nil and false leave it out.")
    private static let mapOptions = OptionTable(
        [],
        refused: [
            "remove_columns": "is not needed: columns that the model does not take are left aside",
            "batched": "is not supported: fn is given one row at a time",
            "batch_size": "is not supported: fn is given one row at a time",
            "with_indices": "is not supported: fn is given the row alone",
            "num_proc": "is not supported: recipes run on one thread; tokenizer:encode_batch uses all",
            "load_from_cache_file": "is not needed: nothing is cached", "desc": "is not supported",
        ])
    private static let options = LuaParameter("options", mapOptions, "There are none.")
    private static let splitsType = "lorawb.DatasetDict"

    static var type: LuaType<DatasetBox> {
        LuaType(
            "lorawb.Dataset", "Rows of named columns; never changed, each method gives a new one.",
            methods: transformations + parts,
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
            splitsType, "Data sets by the name of their split, as a plain table that also has map and filter.",
            methods: [
                LuaFunctionDeclaration(
                    "map", "Maps every split.", parameters: [fn, options], returns: splitsType,
                    example:
                        "splits = data:train_test_split { test_size = 0.5 }:map(function(row) return { length = #row.sentence } end)"
                ) {
                    call in
                    let function = try function(call)
                    return .table(try each(try call.selfValue()) { try mapped($0, function) })
                },
                LuaFunctionDeclaration(
                    "filter", "Filters every split.", parameters: [condition, options], returns: splitsType,
                    example:
                        "splits = data:train_test_split { test_size = 0.5 }:filter(function(row) return row.label == 1 end)"
                ) {
                    call in
                    let function = try function(call)
                    return .table(try each(try call.selfValue()) { try filtered($0, function) })
                },
            ])
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

    /// The function of map and filter, whose options are all refused by name.
    private static func function(_ call: borrowing LuaCall) throws -> LuaFunction {
        _ = try call.options(2, mapOptions)
        return try call.function(1, "fn")
    }

    private static func mapped(_ dataset: Dataset, _ function: LuaFunction) throws -> Dataset {
        try dataset.mapped { row in
            if row % 256 == 0 { try LuaInterrupt.check() }
            let result = try function.call([try LuaRows.row(row, of: dataset)]).first ?? .nil
            guard case .table(let table) = result else {
                throw LuaFault("fn gave \(result.shown) for row \(row + 1), expected a table of columns")
            }
            do { return try LuaRows.entries(table) } catch { throw LuaFault("row \(row + 1): \(error)") }
        }
    }

    private static func filtered(_ dataset: Dataset, _ function: LuaFunction) throws -> Dataset {
        try dataset.filtered { row in
            if row % 256 == 0 { try LuaInterrupt.check() }
            switch try function.call([try LuaRows.row(row, of: dataset)]).first ?? .nil {
            case .nil, .boolean(false): return false
            default: return true
            }
        }
    }

    private static let seedOption = OptionTable([Option("seed", .integer, default: 42, "Seed of the order.")])
    private static let splitOptions = OptionTable([
        Option(
            "test_size", .number(.aboveZero), "Share (below 1) or number of rows held out.", example: "0.25",
            required: true),
        Option("seed", .integer, default: 42, "Seed of the order."),
    ])

    private static var transformations: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "map", "Adds or replaces columns by what fn gives for each row.", parameters: [fn, options],
                returns: "lorawb.Dataset",
                example: "local longer = data:map(function(row) return { length = #row.sentence } end)"
            ) { box, call in .object(DatasetBox(try mapped(box.dataset, try function(call)))) },
            LuaMethod(
                "filter", "Keeps the rows for which fn is true.", parameters: [condition, options],
                returns: "lorawb.Dataset", example: "print(#data:filter(function(row) return row.label == 1 end))"
            ) {
                box, call in
                .object(DatasetBox(try filtered(box.dataset, try function(call))))
            },
            LuaMethod(
                "shuffle", "Orders the rows by chance.", parameters: [LuaParameter("options", seedOption)],
                returns: "lorawb.Dataset", example: "print(data:shuffle { seed = 1 }[1].label)"
            ) { box, call in
                let seed = try call.options(1, seedOption).integer("seed")
                return .object(DatasetBox(try box.dataset.shuffled(seed: seed)))
            },
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
                    testSize: try options.number("test_size"), seed: try options.integer("seed"))
                return .table(
                    LuaTable(
                        fields: ["train": .object(DatasetBox(train)), "test": .object(DatasetBox(test))],
                        type: splitsType))
            },
        ]
    }

    private static let batchOptions = OptionTable([
        Option("batch_size", .positive, "Rows in a batch.", example: "32", required: true),
        Option("shuffle", .boolean, default: false, "Whether each epoch has an order of its own."),
        Option("seed", .integer, default: 42, "Seed of the order."),
        Option("epoch", .count, default: 0, "Epoch, from 0, whose order is taken."),
        Option("drop_last", .boolean, default: false, "Whether an incomplete last batch is left out."),
    ])

    private static var parts: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "batches", "Iterates over the trainer's batches: tables of columns, each a list of the rows' values.",
                parameters: [LuaParameter("options", batchOptions)], returns: "fun(): table?",
                example: "for batch in rows:batches { batch_size = 2, shuffle = true } do print(#batch.input_ids) end"
            ) { box, call in
                let options = try call.options(1, batchOptions)
                let dataset = box.dataset
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
                        for name in dataset.columnNames {
                            fields[name] = try LuaRows.column(name, of: dataset, rows)
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
            "types", .table, "Types of columns by name: \"integer\", \"float\" or \"string\".",
            example: "{ label = \"integer\" }"),
        ModelLocation.revision,
    ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_dataset",
            "Reads a .tsv, .csv, .jsonl, .json or .txt file, or several as splits; of a folder, or a name in the Hugging Face cache, the splits by the names of its files.",
            parameters: [
                LuaParameter(
                    "path", .either([.string, .table]),
                    "A file, { train = file, validation = file }, a folder, or a name in the Hugging Face cache."),
                LuaParameter("options", loadOptions),
            ], returns: "lorawb.Dataset|lorawb.DatasetDict",
            example: "local data = lorawb.load_dataset(\"reviews.tsv\")"
        ) { call in
            let options = try tableOptions(try call.options(2, loadOptions))
            func load(_ path: String) throws -> DatasetBox {
                let (folder, name) = try context.permissions.reading(path)
                return DatasetBox(
                    try Dataset(try DataTable(folder, name, options: options, source: Permissions.shown(path))))
            }
            if call.isString(1) {
                let path = try call.string(1, "path")
                let revision = try call.options(2, loadOptions).optionalString("revision")
                if let splits = try DatasetLocation.splits(path, context, revision: revision) {
                    let fields = try splits.map { split, paths in
                        (split, LuaValue.object(try load(DatasetLocation.single(paths, of: split))))
                    }
                    return .table(
                        LuaTable(fields: Dictionary(fields, uniquingKeysWith: { $1 }), type: splitsType))
                }
                return .object(try load(path))
            }
            let table = try call.table(1, "path")
            guard let names = table.names, !names.isEmpty, table.count == 0 else {
                throw LuaFault("expected a file, or files by the name of their split: { train = \"train.tsv\" }")
            }
            var fields: [String: LuaValue] = [:]
            for name in names {
                guard let path = table[name].asString else {
                    throw LuaFault("split '\(name)' expected a file's path, got \(table[name].shown)")
                }
                fields[name] = .object(try load(path))
            }
            return .table(LuaTable(fields: fields, type: splitsType))
        }
    }

    /// `lorawb.dataset`: as `Dataset.from_list` of the datasets library.
    static func made(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "dataset", "Makes a data set of rows, as load_dataset makes it of a .json file with them.",
            parameters: [
                LuaParameter("rows", .table, "The rows: a list of tables by column; what a row lacks is nil in it.")
            ], returns: "lorawb.Dataset",
            example: "print(lorawb.dataset { { text = \"one\", label = 1 }, { text = \"two\", label = 0 } })"
        ) { call in
            guard let elements = try call.value(1).asElements else {
                throw call.argumentError(1, "rows", "a list of tables by column expected")
            }
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
            return .object(DatasetBox(try Dataset(try DataTable(rows: rows, size: size, source: "rows"))))
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
            types: types)
    }
}
