import Formats
import Words

extension RunReport {
    private func table(_ head: [String], _ rows: [[String]], numbers: Set<Int> = []) -> String {
        func line(_ cells: [String], _ tag: String) -> String {
            "<tr>"
                + cells.enumerated().map { place, cell in
                    "<\(tag)\(numbers.contains(place) ? " class=\"number\"" : "")>\(cell)</\(tag)>"
                }.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table><thead>\(line(head.map(Markup.escaped), "th"))</thead><tbody>\n"
            + rows.map { line($0, "td") }.joined(separator: "\n") + "\n</tbody></table></div>"
    }

    /// What stands above a run's part, where there are several runs.
    private func heading(_ run: RunFiles, _ rest: String = "") -> String {
        let words = [runs.count > 1 ? run.name : "", rest].filter { !$0.isEmpty }
        return words.isEmpty ? "" : "<h3>\(Markup.escaped(words.joined(separator: ", ")))</h3>\n"
    }

    private func each(_ part: (RunFiles) -> String) -> String {
        runs.map(part).filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// A line for each step at which something was evaluated.
    var evaluations: String {
        each { run in
            let keys = run.keys.filter(Self.isResult)
            guard !keys.isEmpty else { return "" }
            var lines: [(step: JSON?, values: [String: JSON])] = []
            for row in run.rows where row.contains(where: { keys.contains($0.key) }) {
                // What is evaluated again after a step, as the best weights are at the end, is another line.
                let isAgain = lines.last?.values.contains { keys.contains($0.key) && row[$0.key] != nil } ?? true
                if isAgain || lines.last?.step != row["step"] { lines.append((row["step"], [:])) }
                for (key, value) in row { lines[lines.count - 1].values[key] = value }
            }
            let best = keys.map { key in
                let values = lines.compactMap { $0.values[key]?.double }
                return key.hasSuffix("_loss") || key.hasSuffix("perplexity") ? values.min() : values.max()
            }
            return heading(run)
                + table(
                    ["epoch", "step"] + keys,
                    lines.map { line in
                        [line.values["epoch"], line.step].map { $0?.double.map(Self.number) ?? "" }
                            + zip(keys, best).map { key, best in
                                guard let value = line.values[key]?.double else { return "" }
                                return value == best && lines.count > 1
                                    ? "<b>\(Self.number(value))</b>" : Self.number(value)
                            }
                    }, numbers: Set(0..<keys.count + 2))
        }
    }

    private func details(_ run: RunFiles) -> [(title: String, json: JSON)] {
        (run.details?["evaluations"]?.array ?? []).map { evaluation in
            let step = evaluation["step"]?.int.map { "step \($0)" } ?? ""
            return (
                [evaluation["name"]?.string ?? "", step].filter { !$0.isEmpty }.joined(separator: ", "), evaluation
            )
        }
    }

    /// How often each class was taken for which, in the newest evaluation.
    var confusion: String {
        each { run in
            details(run).map { title, evaluation in
                let classes = (evaluation["classes"]?.array ?? []).map { $0.string ?? "" }
                let counts = (evaluation["confusion"]?.array ?? []).map { ($0.array ?? []).map { $0.int ?? 0 } }
                guard !counts.isEmpty, counts.allSatisfy({ $0.count == classes.count }), counts.count == classes.count
                else {
                    return ""
                }
                let rows = counts.enumerated().map { label, row in
                    let total = max(1, row.reduce(0) { $0 &+ max(0, $1) })
                    let cells = row.enumerated().map { place, count in
                        let share = Markup.length(Double(max(0, count)) / Double(total))
                        return
                            "<td class=\"cell\(place == label ? " right" : "")\" style=\"--v:\(share)\" data-count=\"\(count)\">\(Figures.grouped(count))</td>"
                    }
                    return "<tr><th>\(Markup.escaped(classes[label]))</th>\(cells.joined())</tr>"
                }
                let head = classes.map { "<th>\(Markup.escaped($0))</th>" }.joined()
                return heading(run, title)
                    + "<div class=\"scroll\"><table class=\"confusion\"><thead><tr><th>label \\ predicted</th>\(head)</tr></thead><tbody>\n"
                    + rows.joined(separator: "\n") + "\n</tbody></table></div>"
            }.joined(separator: "\n")
        }
    }

    /// The rows of the newest evaluation with the largest losses.
    var worst: String {
        each { run in
            details(run).map { title, evaluation in
                let rows = evaluation["worst"]?.array ?? []
                guard !rows.isEmpty else { return "" }
                let hasText = rows.contains { $0["text"]?.string != nil }
                return heading(run, title)
                    + table(
                        ["row", "label", "predicted", "loss"] + (hasText ? ["text"] : []),
                        rows.map { row in
                            [Self.place(row["name"]?.string ?? "")]
                                + ["label", "predicted"].map { Markup.escaped(row[$0]?.string ?? "") }
                                + [row["loss"]?.double.map(Self.number) ?? ""]
                                + (hasText ? [Markup.escaped(row["text"]?.string ?? "")] : [])
                        }, numbers: [3])
            }.joined(separator: "\n")
        }
    }

    /// A row's name with its file's name alone: "row 5 (dev.tsv:6)".
    private static func place(_ name: String) -> String {
        guard let open = name.firstIndex(of: "("), let slash = name.lastIndex(of: "/"), open < slash else {
            return Markup.escaped(name)
        }
        return Markup.escaped(String(name[...open]) + name[slash...].dropFirst())
    }

    /// What the model wrote in the course of the training.
    var samples: String {
        each { run in
            var rows: [[String]] = []
            for row in run.rows {
                for sample in row["samples"]?.array ?? [] {
                    rows.append(
                        [row["step"]?.int.map(String.init) ?? ""]
                            + ["prompt", "text"].map { Markup.escaped(sample[$0]?.string ?? "") })
                }
            }
            return rows.isEmpty ? "" : heading(run) + table(["step", "prompt", "written"], rows, numbers: [0])
        }
    }

    /// What memory the training took.
    var memory: String {
        each { run in
            let parts = (run.details?["memory"]?.array ?? []).compactMap { part -> (name: String, bytes: Int)? in
                guard let name = part["part"]?.string, let bytes = part["bytes"]?.int, bytes >= 0 else { return nil }
                return (name, bytes)
            }
            guard let most = parts.map(\.bytes).max(), most > 0 else { return "" }
            return heading(run)
                + table(
                    ["part", "size", ""],
                    parts.map { part in
                        let share = Markup.length(Double(part.bytes) / Double(most))
                        return [
                            Markup.escaped(part.name), ByteSize.memory(part.bytes),
                            "<div class=\"bar\" style=\"--v:\(share)\"></div>",
                        ]
                    }, numbers: [1])
        }
    }

    /// Parameters, arguments and what the run ran on; of several runs only what is not the same in all.
    var settings: String {
        guard runs.count == 1, let run = runs.first else {
            let differing = table(of: { entries($0) + arguments($0) }) { values in values.contains { $0 != values[0] } }
            return differing.isEmpty
                ? "<p>Nothing in parameters, arguments, data, base, machine and version.</p>" : differing
        }
        let all = table(of: arguments) { _ in true }
        return table(of: entries) { _ in true }
            + (all.isEmpty || arguments(run).isEmpty ? "" : "<details><summary>all arguments</summary>\(all)</details>")
    }

    /// A table with a line a name and a column a run, of the lines that are wanted; empty where none is.
    private func table(of entries: (RunFiles) -> [(name: String, value: String)], _ isWanted: ([String?]) -> Bool)
        -> String
    {
        let all = runs.map(entries)
        var names: [String] = []
        for name in all.flatMap({ $0.map(\.name) }) where !names.contains(name) { names.append(name) }
        let rows = names.map { name in (name, all.map { entries in entries.first { $0.name == name }?.value }) }
            .filter { isWanted($0.1) }
        guard !rows.isEmpty else { return "" }
        return table(
            ["name"] + (runs.count == 1 ? ["value"] : runs.map(\.name)),
            rows.map { name, values in
                ([name] + values.map { $0 ?? "" }).map { Markup.escaped(Shown.name($0, atMost: 400)) }
            })
    }

    /// The recipe's parameters, and what it ran on.
    private func entries(_ run: RunFiles) -> [(name: String, value: String)] {
        [run.parameters, run.environment].flatMap { json -> [(String, String)] in
            (json?.object ?? JSONObject()).filter { $0.key != "trainer" }.map { ($0.key, Self.shown($0.value)) }
        }
    }

    /// The trainer's arguments as resolved, and the fingerprints of data and base.
    private func arguments(_ run: RunFiles) -> [(name: String, value: String)] {
        ["arguments", "fingerprints"].flatMap { part -> [(String, String)] in
            (run.environment?["trainer"]?[part]?.object ?? JSONObject()).map { ($0.key, Self.shown($0.value)) }
        }
    }

    private static func shown(_ value: JSON) -> String { value.string ?? value.serialized() }

    /// The recipes; one for all runs where they had the same.
    var recipes: String {
        let texts = runs.compactMap(\.recipe)
        guard let first = texts.first else { return "" }
        if texts.count == runs.count, texts.allSatisfy({ $0 == first }) {
            return
                "<details\(runs.count == 1 ? " open" : "")><summary>recipe.lua</summary><pre>\(Markup.escaped(first))</pre></details>"
        }
        return runs.map { run in
            "<details><summary>\(Markup.escaped(run.name))</summary><pre>\(Markup.escaped(run.recipe ?? "not recorded"))</pre></details>"
        }.joined(separator: "\n")
    }
}
