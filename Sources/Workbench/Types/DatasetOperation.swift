import Formats
import LuaBridge
import Options
import Training

/// What makes a data set of one, as a method of data sets and of tables of splits.
struct DatasetOperation {
    let name: String
    let signature: LuaSignature
    /// How an example calls it: `:sort("label")`.
    let call: String
    /// Reads the arguments, and gives what is done to each data set.
    let prepare: (borrowing LuaCall) throws -> (Dataset) throws -> Dataset

    private init(
        _ name: String, _ doc: String, _ parameters: [LuaParameter], call: String,
        prepare: @escaping (borrowing LuaCall) throws -> (Dataset) throws -> Dataset
    ) {
        (self.name, self.call, self.prepare) = (name, call, prepare)
        signature = LuaSignature(doc: doc, parameters: parameters, returns: "lorawb.Dataset")
    }

    /// The method of data sets.
    var method: LuaMethod<DatasetBox> {
        LuaMethod(
            name, signature.doc, parameters: signature.parameters, returns: "lorawb.Dataset",
            example: "print(data\(call))"
        ) { box, call in .object(DatasetBox(try prepare(call)(box.dataset))) }
    }

    static var all: [DatasetOperation] { rows + columns + orders }

    // MARK: Rows

    private static let mapOptions = OptionTable(
        [],
        refused: [
            "remove_columns":
                "is not needed: columns that the model does not take are left aside; data:remove_columns removes them",
            "batched": "is not supported: fn is given one row at a time; data:flat_map makes several rows of one",
            "batch_size": "is not supported: fn is given one row at a time",
            "with_indices": "is not needed: fn is given the row's position too",
            "num_proc": "is not supported: recipes run on one thread; tokenizer:encode_batch uses all",
            "load_from_cache_file": "is not needed: nothing is cached", "desc": "is not supported",
        ])
    private static let options = LuaParameter("options", mapOptions, "There are none.")

    private static func function(_ type: String, _ doc: String) -> LuaParameter {
        LuaParameter("fn", .function("fun(row: table, index: integer): \(type)"), values: .columns, doc)
    }

    /// The function of map and its like, whose options are all refused by name.
    private static func function(_ call: borrowing LuaCall) throws -> LuaFunction {
        _ = try call.options(2, mapOptions)
        return try call.function(1, "fn")
    }

    /// What the function gives for a row, counted from 0; its error says also which row it was given.
    private static func result(_ function: LuaFunction, _ row: Int, of dataset: Dataset) throws -> LuaValue {
        if row % 256 == 0 { try LuaInterrupt.check() }
        do {
            return try function.call([try LuaRows.row(row, of: dataset), .integer(Int64(row + 1))]).first ?? .nil
        } catch let error as LuaError {
            throw error.adding("; this is \(dataset.name(ofRow: row))")
        }
    }

    private static func entries(_ value: LuaValue, _ row: Int, of dataset: Dataset) throws -> [JSON.Member] {
        guard case .table(let table) = value else {
            throw LuaFault("fn gave \(value.shown) for \(dataset.name(ofRow: row)), expected a table of columns")
        }
        do { return try LuaRows.entries(table) } catch { throw LuaFault("\(dataset.name(ofRow: row)): \(error)") }
    }

    private static var rows: [DatasetOperation] {
        [
            DatasetOperation(
                "map", "Adds or replaces columns by what fn gives for each row.",
                [function("table", "Is given a row as a table and its position, and gives columns."), options],
                call: ":map(function(row) return { length = #row.sentence } end)"
            ) { call in
                let function = try function(call)
                return { dataset in
                    try dataset.mapped { row in try entries(result(function, row, of: dataset), row, of: dataset) }
                }
            },
            DatasetOperation(
                "flat_map",
                "Makes any number of rows of each: fn gives a list of tables, each of which adds or replaces columns of a copy of the row.",
                [
                    function(
                        "table[]", "Is given a row as a table and its position, and gives a list of tables of columns."),
                    options,
                ],
                call: ":flat_map(function(row) return { { part = 1 }, { part = 2 } } end)"
            ) { call in
                let function = try function(call)
                return { dataset in
                    try dataset.flatMapped { row in
                        let value = try result(function, row, of: dataset)
                        guard let elements = value.asElements else {
                            throw LuaFault(
                                "fn gave \(value.asTable == nil ? value.shown : "a table with names") for \(dataset.name(ofRow: row)), expected a list of tables of columns"
                            )
                        }
                        return try elements.map { try entries($0, row, of: dataset) }
                    }
                }
            },
            DatasetOperation(
                "filter", "Keeps the rows for which fn is true.",
                [
                    function("any", "Is given a row as a table and its position; nil and false leave it out."), options,
                ], call: ":filter(function(row) return row.label == 1 end)"
            ) { call in
                let function = try function(call)
                return { dataset in
                    try dataset.filtered { row in
                        switch try result(function, row, of: dataset) {
                        case .nil, .boolean(false): false
                        default: true
                        }
                    }
                }
            },
        ]
    }

    // MARK: Columns

    private static let names = LuaParameter("names", .strings, values: .columns, "Names of columns, or one.")

    private static var columns: [DatasetOperation] {
        [
            DatasetOperation(
                "rename_columns", "Gives columns other names.",
                [LuaParameter("names", .table, values: .columns, "New names by the old ones.")],
                call: ":rename_columns { label = \"labels\" }"
            ) { call in
                let table = try call.table(1, "names")
                guard table.count == 0, let old = table.names, !old.isEmpty else {
                    throw call.argumentError(1, "names", "new names by old ones expected: { old = \"new\" }")
                }
                let names = try old.map { name in
                    guard let new = table[name].asString else {
                        throw LuaFault("the new name of '\(name)' is \(table[name].shown), expected a string")
                    }
                    return (old: name, new: new)
                }
                return { try $0.renamingColumns(names) }
            },
            DatasetOperation(
                "remove_columns", "Leaves columns out.", [names], call: ":remove_columns(\"sentence\")"
            ) { call in
                let names = try call.strings(1, "names")
                return { try $0.removingColumns(names) }
            },
            DatasetOperation(
                "select_columns", "Keeps these columns only, in this order.", [names],
                call: ":select_columns { \"label\" }"
            ) { call in
                let names = try call.strings(1, "names")
                return { try $0.selectingColumns(names) }
            },
        ]
    }

    // MARK: Order

    private static let seedOption = OptionTable([Option("seed", .integer, default: 42, "Seed of the order.")])
    private static let sortOptions = OptionTable(
        [
            Option(
                "reverse", .either([.boolean, .list(.boolean)]), default: false,
                "Whether the largest comes first; for several columns also a list, one for each.",
                example: "{ false, true }")
        ],
        refused: [
            "descending": "is called reverse", "null_placement": "is not supported: rows without a value come last",
        ])

    private static var orders: [DatasetOperation] {
        [
            DatasetOperation(
                "sort",
                "Orders the rows by the values of a column, equal ones by the next column; rows that are equal in all keep their order, and those without a value come last.",
                [
                    LuaParameter("columns", .strings, values: .columns, "Names of columns, or one."),
                    LuaParameter("options", sortOptions),
                ],
                call: ":sort({ \"label\", \"sentence\" }, { reverse = { true, false } })"
            ) { call in
                let names = try call.strings(1, "columns")
                guard !names.isEmpty else {
                    throw call.argumentError(1, "columns", "at least one column's name expected")
                }
                let options = try call.options(2, sortOptions)
                let single = options.optionalBoolean("reverse") ?? false
                let flags = options["reverse"]?.asElements?.compactMap(\.asBoolean) ?? names.map { _ in single }
                guard flags.count == names.count else {
                    throw LuaFault(
                        "option 'reverse' has \(flags.count) entries for \(names.count) columns; give one for each")
                }
                let orders = zip(names, flags).map { Dataset.SortOrder($0, descending: $1) }
                return { try $0.sorted(by: orders) }
            },
            DatasetOperation(
                "shuffle", "Orders the rows by chance.", [LuaParameter("options", seedOption)],
                call: ":shuffle { seed = 1 }"
            ) { call in
                let seed = try call.options(1, seedOption).integer("seed")
                return { try $0.shuffled(seed: seed) }
            },
        ]
    }
}
