import Formats
import LuaBridge
import Options
import Reports
import Tensors
import Training

/// What recipes see of plots: `lorawb.plot`.
enum PlotLua {
    private static let options = OptionTable([
        Option(
            "file", .path, "A file ending in .svg or .png to write, in place of the terminal.",
            example: "lorawb.run_dir .. \"/loss.svg\""),
        Option("title", .string, "What stands above it.", example: "\"loss\""),
        Option(
            "x", .string, default: .words("step where the rows have it"),
            "Of a list of rows: the column of the horizontal axis.", example: "\"epoch\""),
        Option(
            "y", .strings, default: .words("loss, and each eval_loss"),
            "Of a list of rows: the columns that are drawn.",
            example: "{ \"loss\", \"eval_loss\" }"),
        Option("xlabel", .string, "What the horizontal axis has.", example: "\"step\""),
        Option("ylabel", .string, "What the vertical axis has.", example: "\"loss\""),
        Option("kind", .oneOf(Plot.Kind.allCases.map(\.rawValue)), default: "line", "Joined points, or points alone."),
        Option("log_x", .boolean, default: false, "Whether the horizontal axis is logarithmic."),
        Option("log_y", .boolean, default: false, "Whether the vertical axis is logarithmic."),
        Option(
            "width", .integer(20...4000),
            "Columns of the terminal, or units of a picture (720); a PNG has two pixels to a unit.", example: "60"),
        Option("height", .integer(3...4000), "Lines in the terminal (12), or units of a picture (420).", example: "8"),
    ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "plot",
            "Draws series of numbers in the terminal, or as a picture into a file: a list of numbers or of { x, y }, a tensor, several of these by name, a log's rows, a trainer.",
            parameters: [
                LuaParameter(
                    "series", .either([.table, .object("lorawb.Tensor"), .object("lorawb.Trainer")]), "What to draw."),
                LuaParameter("options", options),
            ],
            example: "lorawb.plot({ 0.9, 0.5, 0.4, 0.35 }, { title = \"loss\", height = 4 })"
        ) { call in
            let given = try call.options(2, options)
            let plot = try PlotReader(given).plot(try call.value(1))
            let (width, height) = (given.optionalInteger("width"), given.optionalInteger("height"))
            guard let path = given.optionalString("file") else {
                let columns = width ?? Output.columns
                let text = plot.text(
                    columns: columns, rows: min(200, height ?? 12), usesColor: context.output.usesColor)
                context.output.raw(text + "\n")
                return .nothing
            }
            guard let ending = [".svg", ".png"].first(where: path.lowercased().hasSuffix) else {
                throw LuaFault("file: '\(Permissions.shown(path))' ends neither in .svg nor in .png")
            }
            let (folder, name) = try context.permissions.writing(path)
            let (units, lines) = (max(160, width ?? 720), max(120, height ?? 420))
            try folder.write(
                name,
                ending == ".svg"
                    ? Array(plot.svg(width: units, height: lines).utf8) : plot.png(width: units, height: lines))
            return .nothing
        }
    }
}

/// Reads what a recipe wants to have drawn.
private struct PlotReader {
    private let options: LuaOptions

    init(_ options: LuaOptions) { self.options = options }

    func plot(_ value: LuaValue) throws -> Plot {
        var plot = Plot(series: try series(value))
        plot.title = options.optionalString("title") ?? ""
        plot.yLabel = options.optionalString("ylabel") ?? ""
        let isLog = log(value) != nil
        plot.xLabel = options.optionalString("xlabel") ?? (isLog ? options.optionalString("x") ?? "step" : "")
        plot.kind = options.optionalString("kind").flatMap(Plot.Kind.init) ?? .line
        (plot.logX, plot.logY) = (options.optionalBoolean("log_x") ?? false, options.optionalBoolean("log_y") ?? false)
        return plot
    }

    private func series(_ value: LuaValue) throws -> [Plot.Series] {
        if let rows = log(value) { return try columns(rows) }
        for name in ["x", "y"] where options.has(name) {
            throw LuaFault("option '\(name)' names columns of a list of rows, but series is none")
        }
        if let tensor = value.asObject(Tensor.self) { return try series(tensor, "") }
        guard let table = value.asTable else { return [] }
        if table.count > 0 || table.fields.isEmpty { return [Plot.Series("", try points(value, "series"))] }
        return try table.fields.flatMap { key, value in
            if let tensor = value.asObject(Tensor.self) { return try series(tensor, "\(key)") }
            return [Plot.Series("\(key)", try points(value, "'\(key)'"))]
        }
    }

    /// The rows of a log, of a trainer or as they are; nil for anything else.
    private func log(_ value: LuaValue) -> [[String: LuaValue]]? {
        if let trainer = value.asObject(TrainerBox.self) {
            return trainer.trainer.state.logHistory.map { row in
                Dictionary(row.compactMap { entry in entry.value.double.map { (entry.key, .number($0)) } }) { $1 }
            }
        }
        guard let rows = value.asTable?.values, let first = rows.first?.asTable, !first.fields.isEmpty else {
            return nil
        }
        return rows.map { row in
            Dictionary((row.asTable?.fields ?? []).compactMap { field in field.key.text.map { ($0, field.value) } }) {
                $1
            }
        }
    }

    private func columns(_ rows: [[String: LuaValue]]) throws -> [Plot.Series] {
        let known = Set(rows.flatMap { row in row.filter { $0.value.asNumber != nil }.keys }).sorted()
        func check(_ name: String) throws {
            guard !known.contains(name) else { return }
            throw LuaFault("no row has a number '\(name)'; there are \(known.joined(separator: ", "))")
        }
        let x = try options.optionalString("x").map { name in
            try check(name)
            return name
        }
        let wanted =
            options.strings("y") ?? known.filter { $0 == "loss" || $0.hasPrefix("eval_") && $0.hasSuffix("loss") }
        try wanted.forEach(check)
        guard !wanted.isEmpty else {
            throw LuaFault("no row has a loss; name columns with y: there are \(known.joined(separator: ", "))")
        }
        return wanted.map { name in
            Plot.Series(
                name,
                rows.enumerated().compactMap { place, row in
                    guard let y = row[name]?.asNumber else { return nil }
                    guard let x else { return (row["step"]?.asNumber ?? Double(place + 1), y) }
                    return row[x]?.asNumber.map { ($0, y) }
                }, isDashed: name.hasPrefix("eval_"))
        }
    }

    private func points(_ value: LuaValue, _ place: String) throws -> [(x: Double, y: Double)] {
        guard let table = value.asTable, table.fields.isEmpty else {
            throw LuaFault("\(place): expected a list of numbers or of { x, y }, got \(value.shown)")
        }
        if let numbers = table.numbers() { return numbers.enumerated().map { (Double($0 + 1), $1) } }
        return try table.values.enumerated().map { number, value in
            guard let pair = value.asTable?.numbers(), pair.count == 2 else {
                throw LuaFault("\(place): expected a number or { x, y } at [\(number + 1)], got \(value.shown)")
            }
            return (pair[0], pair[1])
        }
    }

    /// The numbers of a tensor [n], or of each column of one [n, k].
    private func series(_ tensor: Tensor, _ name: String) throws -> [Plot.Series] {
        guard tensor.shape.count == 1 || tensor.shape.count == 2 && tensor.shape[1] <= 16 else {
            throw LuaFault("a tensor of shape \(tensor.shape) is no series; expected [n], or [n, k] with k up to 16")
        }
        let numbers = try tensor.floatArray()
        let columns = tensor.shape.count == 2 ? tensor.shape[1] : 1
        return (0..<columns).map { column in
            let values = stride(from: column, to: numbers.count, by: max(1, columns)).map { Double(numbers[$0]) }
            let label = columns == 1 ? name : name.isEmpty ? "\(column + 1)" : "\(name) \(column + 1)"
            return Plot.Series(label, values.enumerated().map { (Double($0 + 1), $1) })
        }
    }
}
