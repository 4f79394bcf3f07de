import Formats
import Training
import Words

/// What the user wants of a plan.
public struct PlanOptions: Sendable {
    /// Whether models are read as shapes alone.
    public var byShapes: Bool
    /// Whether the plan is printed as JSON.
    public var asJSON: Bool

    /// Options.
    public init(byShapes: Bool = false, asJSON: Bool = false) { (self.byShapes, self.asJSON) = (byShapes, asJSON) }

    /// The options as typed; none takes a value.
    public static let names = ["shapes", "json"]
}

/// What `lorawb plan` shows: a page, or JSON.
package struct PlanReport {
    private let plan: TrainingPlan
    private let recipe: String
    /// Where checkpoints would go.
    private let folder: String
    /// Rows of text that were cut.
    private let cut: Int
    private let limit: Int
    private let isLimitGiven: Bool
    private let byShapes: Bool

    /// A report of a plan; `limit` is what the memory may not pass, given by the user or the machine's own.
    package init(
        _ plan: TrainingPlan, recipe: String, folder: String, cut: Int, limit: Int, isLimitGiven: Bool, byShapes: Bool
    ) {
        (self.plan, self.recipe, self.folder, self.cut) = (plan, recipe, folder, cut)
        (self.limit, self.isLimitGiven, self.byShapes) = (limit, isLimitGiven, byShapes)
    }

    /// Whether the training would end for want of memory.
    package var fits: Bool { plan.memory.least <= limit }

    /// One line that says what a training needs that does not fit, what most of it is for, and what to change.
    package static func refusal(_ memory: PlannedMemory, _ advice: [PlanAdvice], limit: Int) -> String {
        let largest = memory.parts.filter { $0.key != PlannedMemory.idleKey }.max { $0.bytes < $1.bytes }
        let part = largest.map { ", \(ByteSize.text($0.bytes)) of it for \($0.name)" } ?? ""
        let change: String
        if let first = advice.first(where: { $0.least <= limit }) {
            change = "; \(first.change) needs \(ByteSize.text(first.least))"
        } else if let least = advice.min(by: { $0.least < $1.least }), least.least < memory.least {
            change = "; the least is \(ByteSize.text(least.least)), with \(least.change)"
        } else {
            change = "; take a smaller model, or less data"
        }
        return
            "the training needs \(ByteSize.text(memory.least)), and --max-memory allows \(ByteSize.text(limit))\(part)\(change)"
    }

    // MARK: Text

    /// What is printed.
    package var lines: [String] {
        var lines = ["", "plan of \(recipe): nothing is trained, nothing is written"]
        if byShapes {
            lines.append(
                "  by shapes: no value of the model was read, so what the recipe printed of its answers means nothing")
        }
        lines += [""] + trained + [""] + rows + [""] + memory + [""] + work
        if !plan.advice.isEmpty { lines += [""] + advice }
        return lines
    }

    private static let column = 15

    private func line(_ name: String, _ text: String) -> String {
        name + String(repeating: " ", count: max(1, Self.column - name.count)) + text
    }

    private func list(_ rows: [[String]]) -> [String] {
        guard let columns = rows.first?.count else { return [] }
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }
            return "  " + cells.joined(separator: "  ")
        }
    }

    private var trained: [String] {
        let share = 100 * Double(plan.trainable) / Double(max(1, plan.all))
        let most = 12
        let parts = plan.parts.prefix(most).map { part in
            [
                Self.short(part.name), "\(part.shape)", part.count > 1 ? "× \(part.count)" : "",
                Figures.grouped(part.parameters),
            ]
        }
        let more = plan.parts.count > most ? ["  and \(plan.parts.count - most) more kinds"] : []
        return [
            line(
                "trains",
                "\(plan.model): \(Figures.grouped(plan.trainable)) of \(Figures.grouped(plan.all)) parameters (\(Figures.fixed(share, 4)) %)"
            )
        ] + list(parts) + more
    }

    /// A name without what stands before the layers' number: "attention.self.query.lora_A.default.weight".
    private static func short(_ name: String) -> String {
        let parts = name.split(separator: ".")
        guard let star = parts.lastIndex(of: "*"), star + 1 < parts.count else { return name }
        return parts[(star + 1)...].joined(separator: ".")
    }

    private func amount(_ count: Int, _ one: String, _ many: String) -> String {
        "\(Figures.grouped(count)) \(count == 1 ? one : many)"
    }

    private var rows: [String] {
        let steps = plan.steps
        var lines = [
            line(
                "steps",
                "\(Figures.grouped(steps.totalSteps)) in \(amount(steps.epochs, "epoch", "epochs")) over \(amount(plan.rows, "row", "rows")), \(Figures.grouped(steps.stepsPerEpoch)) an epoch, at most \(amount(plan.rowsPerBatch, "row", "rows")) a batch"
            )
        ]
        if plan.tokens > 0 {
            let saved = 100 * (1 - Double(plan.tokens) / Double(max(1, plan.paddedTokens)))
            lines.append(
                line(
                    "tokens",
                    "\(Figures.grouped(plan.tokens)) in all; padded batches would have \(Figures.grouped(plan.paddedTokens)), of which \(Figures.fixed(saved, 0)) % are saved"
                ))
            lines.append(
                line(
                    "rows",
                    "the longest has \(amount(plan.longestRow, "token", "tokens")); \(amount(cut, "text was", "texts were")) cut"
                ))
        }
        return lines
    }

    private var memory: [String] {
        let bound =
            isLimitGiven
            ? "--max-memory allows \(ByteSize.text(limit))" : "this machine has \(ByteSize.text(limit)) for it"
        let fits = fits ? "" : ": it does not fit"
        var parts = plan.memory.parts.sorted { $0.bytes > $1.bytes }.map { part in
            [part.name, (part.bytes < 0 ? "-" : "") + ByteSize.text(abs(part.bytes))]
        }
        if plan.memory.before > plan.memory.parts.reduce(0, { $0 + $1.bytes }) {
            parts.append(["what the recipe had in use before, at most", ByteSize.text(plan.memory.before)])
        }
        return [line("memory", "\(ByteSize.text(plan.memory.total)) at the peak; \(bound)\(fits)")] + list(parts)
    }

    private var work: [String] {
        var lines = [
            line("work", "\(Self.flops(plan.flopsPerStep)) a step, \(Self.flops(plan.flops)) in all")
        ]
        if let time = plan.time {
            let source =
                time.measured > 0
                ? "measured on \(amount(time.measured, "step", "steps"))" : "from the speed of this machine's products"
            lines.append(
                line("time", "\(Self.time(time.total)) in all, \(Self.time(time.step)) a step, \(source)"))
            var parts = [["training", Self.time(time.training)]]
            if plan.evaluations > 0 {
                parts.append([amount(plan.evaluations, "evaluation", "evaluations"), Self.time(time.evaluations)])
            }
            if !plan.checkpoints.isEmpty {
                parts.append([
                    amount(plan.checkpoints.count, "checkpoint", "checkpoints"), Self.time(time.saving),
                ])
            }
            lines += list(parts)
        }
        if plan.time == nil { lines.append(line("time", "not measured: its products are too large for this machine")) }
        lines.append(line("kept states", states))
        lines.append(line("files", files))
        return lines
    }

    private var states: String {
        guard let states = plan.keptStates else { return "none: nothing is the same in every epoch" }
        if let obstacle = states.obstacle {
            return
                "none; those that enter layer \(states.layer) of \(states.layers) would take \(ByteSize.text(states.bytes)) (\(states.precision)): \(obstacle)"
        }
        return
            "those that enter layer \(states.layer) of \(states.layers), \(ByteSize.text(states.bytes)) (\(states.precision)) in \(states.isInFile ? "a file" : "memory")"
    }

    private var files: String {
        let count = plan.checkpoints.count
        guard count > 0 else {
            return plan.savesBest
                ? "\(folder): a checkpoint after each best evaluation" : "\(folder): the run's record, no checkpoint"
        }
        let last = count > 1 ? " to \(plan.checkpointName(count - 1))" : ""
        let kept = plan.checkpointLimit.map { min($0, count) } ?? count
        let limit = kept < count ? ", of which \(kept) stay" : ""
        return
            "\(folder): \(amount(count, "checkpoint", "checkpoints")), \(plan.checkpointName(0))\(last), \(ByteSize.text(plan.checkpointBytes)) each\(limit)"
    }

    private var advice: [String] {
        let rows = plan.advice.map { [$0.change, ByteSize.text($0.least), $0.least <= limit ? "fits" : ""] }
        return [
            line(
                "less memory",
                "it needs \(ByteSize.text(plan.memory.least)) at least; planned again, with one change each:")
        ] + list(rows)
    }

    private static func flops(_ value: Double) -> String {
        let units = [("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6)]
        let (unit, scale) = units.first { value >= $0.1 } ?? ("kFLOP", 1e3)
        return "\(Figures.fixed(value / scale, value / scale < 10 ? 2 : 0)) \(unit)"
    }

    /// "1 h 20 min", "8 min 4 s", "12.3 s", "23 ms".
    private static func time(_ seconds: Double) -> String {
        guard seconds >= 1 else {
            let milliseconds = seconds * 1000
            return "\(Figures.fixed(milliseconds, milliseconds < 10 ? 1 : 0)) ms"
        }
        guard seconds >= 60, let whole = Int(exactly: seconds.rounded()) else {
            return "\(Figures.fixed(seconds, 1)) s"
        }
        return whole < 3600
            ? "\(whole / 60) min \(whole % 60) s" : "\(Figures.grouped(whole / 3600)) h \(whole % 3600 / 60) min"
    }

    // MARK: JSON

    /// The plan for programs: bytes, seconds, numbers.
    package var json: JSON {
        func number(_ value: Int) -> JSON { .integer(Int64(value)) }
        var object: JSONObject = [
            "recipe": .string(recipe), "model": .string(plan.model), "by_shapes": .bool(byShapes),
            "trainable_parameters": number(plan.trainable), "all_parameters": number(plan.all),
        ]
        object["trains"] = .array(
            plan.parts.map { part -> JSON in
                .object([
                    "name": .string(part.name), "shape": .array(part.shape.map(number)), "count": number(part.count),
                    "parameters": number(part.parameters),
                ])
            })
        object["rows"] = number(plan.rows)
        object["steps"] = number(plan.steps.totalSteps)
        object["epochs"] = number(plan.steps.epochs)
        object["steps_per_epoch"] = number(plan.steps.stepsPerEpoch)
        object["tokens"] = number(plan.tokens)
        object["padded_tokens"] = number(plan.paddedTokens)
        object["longest_row"] = number(plan.longestRow)
        object["cut_texts"] = number(cut)
        var parts: JSONObject = [:]
        for part in plan.memory.parts { parts[part.key] = number(part.bytes) }
        object["memory"] = .object([
            "peak": number(plan.memory.total), "least": number(plan.memory.least), "limit": number(limit),
            "fits": .bool(fits), "parts": .object(parts),
        ])
        object["flops_per_step"] = .number(plan.flopsPerStep)
        object["flops"] = .number(plan.flops)
        object["time"] =
            plan.time.map { time -> JSON in
                .object([
                    "total": .number(time.total), "step": .number(time.step), "training": .number(time.training),
                    "evaluations": .number(time.evaluations), "saving": .number(time.saving),
                    "measured_steps": number(time.measured),
                ])
            } ?? .null
        object["evaluations"] = number(plan.evaluations)
        object["kept_states"] =
            plan.keptStates.map { states -> JSON in
                .object([
                    "layer": number(states.layer), "bytes": number(states.bytes), "in_file": .bool(states.isInFile),
                    "precision": .string(states.precision), "are_kept": .bool(states.obstacle == nil),
                ])
            } ?? .null
        object["folder"] = .string(folder)
        object["checkpoints"] = .array(plan.checkpointNames.map { .string($0) })
        object["checkpoint_bytes"] = number(plan.checkpointBytes)
        object["advice"] = .array(
            plan.advice.map {
                .object(["change": .string($0.change), "least": number($0.least), "fits": .bool($0.least <= limit)])
            })
        return .object(object)
    }
}
