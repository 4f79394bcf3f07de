import Formats
import LuaBridge
import Models
import OrderedCollections
import Training

/// A data set as an object that recipes hold.
final class DatasetBox {
    let dataset: Dataset

    init(_ dataset: Dataset) { self.dataset = dataset }
}

/// What recipes see of data: the type `lorawb.Dataset`, tables of splits, and `lorawb.load_dataset`.
enum DatasetLua {
    private static let fn = LuaParameter("fn", "function", "Is given a row as a table.")
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
                .text("Number of rows and columns.") { box in
                    "Dataset of \(box.dataset.count) rows: \(box.dataset.columnNames.joined(separator: ", "))"
                },
            ])
    }

    static var splits: LuaTableType {
        LuaTableType(
            splitsType, "Data sets by the name of their split, as a plain table that also has map and filter.",
            methods: [
                LuaFunctionDeclaration("map", "Maps every split.", parameters: [fn], returns: splitsType) { call in
                    let function = try call.function(1, "fn")
                    return .table(try each(try call.selfValue()) { try mapped($0, function) })
                },
                LuaFunctionDeclaration("filter", "Filters every split.", parameters: [fn], returns: splitsType) {
                    call in
                    let function = try call.function(1, "fn")
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
            return .list((0..<dataset.count).map { dataset.value(name, row: $0).map(LuaRows.value) ?? .nil })
        }
        let row = try call.integer(1, "row")
        guard (1...max(1, dataset.count)).contains(row), dataset.count > 0 else { return .nil }
        return .value(LuaRows.table(try dataset.row(row - 1)))
    }

    private static func mapped(_ dataset: Dataset, _ function: LuaFunction) throws -> Dataset {
        var row = 0
        return try dataset.mapped { entries in
            row += 1
            if row % 256 == 0 { try LuaInterrupt.check() }
            let result = try function.call([LuaRows.table(entries)]).first ?? .nil
            guard case .table(let table) = result else {
                throw LuaFault("fn gave \(result.shown) for row \(row), expected a table of columns")
            }
            do { return try LuaRows.entries(table) } catch { throw LuaFault("row \(row): \(error)") }
        }
    }

    private static func filtered(_ dataset: Dataset, _ function: LuaFunction) throws -> Dataset {
        var row = 0
        return try dataset.filtered { entries in
            row += 1
            if row % 256 == 0 { try LuaInterrupt.check() }
            switch try function.call([LuaRows.table(entries)]).first ?? .nil {
            case .nil, .boolean(false): return false
            default: return true
            }
        }
    }

    private static let seedOption = LuaOptionSet([LuaOption("seed", .integer, "Seed of the order (default 42).")])
    private static let splitOptions = LuaOptionSet([
        LuaOption("test_size", .number, "Share (below 1) or number of rows held out.", required: true),
        LuaOption("seed", .integer, "Seed of the order (default 42)."),
    ])

    private static var transformations: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "map", "Adds or replaces columns by what fn gives for each row.", parameters: [fn],
                returns: "lorawb.Dataset"
            ) { box, call in .object(DatasetBox(try mapped(box.dataset, try call.function(1, "fn")))) },
            LuaMethod("filter", "Keeps the rows for which fn is true.", parameters: [fn], returns: "lorawb.Dataset") {
                box, call in
                .object(DatasetBox(try filtered(box.dataset, try call.function(1, "fn"))))
            },
            LuaMethod(
                "shuffle", "Orders the rows by chance.", parameters: [LuaParameter("options", seedOption)],
                returns: "lorawb.Dataset"
            ) { box, call in
                let seed = try call.options(1, seedOption).integer("seed") ?? 42
                return .object(DatasetBox(try box.dataset.shuffled(seed: seed)))
            },
            LuaMethod(
                "select", "Takes the rows from first to last.",
                parameters: [
                    LuaParameter("first", "integer", "First row, from 1."),
                    LuaParameter("last", "integer?", "Last row (default: the last)."),
                ], returns: "lorawb.Dataset"
            ) { box, call in
                let count = box.dataset.count
                if call.isTable(1) {
                    return .object(
                        DatasetBox(try box.dataset.selecting(try call.integers(1, "rows").map { Int($0) - 1 })))
                }
                let (first, last) = (try call.integer(1, "first"), try call.optionalInteger(2, "last") ?? count)
                guard first >= 1, last <= count, first <= last + 1 else {
                    throw LuaFault("rows \(first) to \(last) are outside 1 to \(count)")
                }
                return .object(DatasetBox(try box.dataset.selecting(Array(first - 1..<last))))
            },
            LuaMethod(
                "train_test_split", "Holds a part of the rows out: a table with train and test.",
                parameters: [LuaParameter("options", splitOptions)], returns: splitsType
            ) { box, call in
                let options = try call.options(1, splitOptions)
                let (train, test) = try box.dataset.trainTestSplit(
                    testSize: try options.number("test_size") ?? 0, seed: try options.integer("seed") ?? 42)
                return .table(
                    LuaTable(
                        fields: ["train": .object(DatasetBox(train)), "test": .object(DatasetBox(test))],
                        type: splitsType))
            },
        ]
    }

    private static let batchOptions = LuaOptionSet([
        LuaOption("batch_size", .integer, "Rows in a batch.", required: true),
        LuaOption("shuffle", .boolean, "Whether each epoch has an order of its own (default false)."),
        LuaOption("seed", .integer, "Seed of the order (default 42)."),
        LuaOption("epoch", .integer, "Epoch, from 0, whose order is taken (default 0)."),
        LuaOption("drop_last", .boolean, "Whether an incomplete last batch is left out (default false)."),
    ])

    private static var parts: [LuaMethod<DatasetBox>] {
        [
            LuaMethod(
                "batches", "Iterates over the trainer's batches: tables of columns, each a list of the rows' values.",
                parameters: [LuaParameter("options", batchOptions)], returns: "fun(): table?"
            ) { box, call in
                let options = try call.options(1, batchOptions)
                let dataset = box.dataset
                let sampler = try BatchSampler(
                    count: dataset.count, batchSize: try options.integer("batch_size", in: 1...Int.max) ?? 1,
                    strategy: try options.boolean("shuffle") == true ? .random : .sequential,
                    seed: try options.integer("seed") ?? 42, dropLast: try options.boolean("drop_last") ?? false)
                let order = sampler.order(epoch: try options.integer("epoch", in: 0...Int.max) ?? 0)
                var batch = 0
                return .callable(
                    LuaCallable("batches") { _ in
                        let places = sampler.places(ofBatch: batch)
                        guard !places.isEmpty else { return .nil }
                        batch += 1
                        let rows = places.map { order[$0] }
                        var fields: [String: LuaValue] = [:]
                        for name in dataset.columnNames {
                            fields[name] = .list(rows.map { dataset.value(name, row: $0).map(LuaRows.value) ?? .nil })
                        }
                        return .fields(fields)
                    })
            }
        ]
    }

    // MARK: Loading

    private static let loadOptions = LuaOptionSet([
        LuaOption("columns", .strings, "Names of the columns, where the file has no header or other names are wanted."),
        LuaOption("header", .boolean, "Whether the first line names the columns (default: unless columns are given)."),
        LuaOption("delimiter", .string, "What separates fields (default: by the file's ending)."),
        LuaOption("types", .table, "Types of columns by name: \"integer\", \"float\" or \"string\"."),
    ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_dataset", "Reads a .tsv, .csv, .jsonl, .json or .txt file, or several as splits.",
            parameters: [
                LuaParameter("path", "string|table", "A file, or { train = file, validation = file }."),
                LuaParameter("options", loadOptions),
            ], returns: "lorawb.Dataset|lorawb.DatasetDict"
        ) { call in
            let options = try tableOptions(try call.options(2, loadOptions))
            func load(_ path: String) throws -> DatasetBox {
                let (folder, name) = try context.permissions.reading(path)
                return DatasetBox(try Dataset(try DataTable(folder, name, options: options)))
            }
            if call.isString(1) { return .object(try load(try call.string(1, "path"))) }
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

    private static func tableOptions(_ options: LuaOptions) throws -> DataTable.Options {
        var types: OrderedDictionary<String, DataTable.ColumnType> = [:]
        for (key, value) in try options.table("types")?.fields ?? [] {
            guard let type = value.asString.flatMap(DataTable.ColumnType.init(rawValue:)) else {
                throw LuaFault("option 'types': '\(key)' expected integer, float or string, got \(value.shown)")
            }
            types[key.description] = type
        }
        var delimiter: UInt8?
        if let text = try options.string("delimiter") {
            guard text.utf8.count == 1 else { throw options.error("delimiter", expected: "a single byte") }
            delimiter = text.utf8.first
        }
        return DataTable.Options(
            columns: try options.strings("columns"), header: try options.boolean("header"), delimiter: delimiter,
            types: types)
    }
}
