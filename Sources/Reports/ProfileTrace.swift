import Formats
import Kernels
import Tensors

/// A profile as a Chrome trace: complete events ("ph": "X") with µs, and the tables' figures in "otherData".
///
/// Format: "Trace Event Format", JSON object form, as chrome://tracing and Perfetto read it.
package struct ProfileTrace {
    private let report: ProfileReport

    package init(_ report: ProfileReport) { self.report = report }

    /// Writes the whole trace.
    package func write(to file: FileWriter) throws {
        var bytes = Array("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n".utf8)
        append(
            .object([
                "name": .string("process_name"), "ph": .string("M"), "pid": .integer(1),
                "args": .object(["name": .string("lorawb")]),
            ]), to: &bytes)
        for thread in Set(report.result.events.map(\.thread)).sorted() {
            bytes.append(contentsOf: ",\n".utf8)
            let name = JSON.string(thread == 1 ? "main" : "thread \(thread)")
            let args = JSON.object(["name": name])
            append(
                .object([
                    "name": .string("thread_name"), "ph": .string("M"), "pid": .integer(1),
                    "tid": .integer(Int64(thread)), "args": args,
                ]), to: &bytes)
        }
        for event in report.result.events {
            bytes.append(contentsOf: ",\n".utf8)
            append(json(event), to: &bytes)
            if bytes.count > 1 << 20 {
                try file.append(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        bytes.append(contentsOf: "\n],\"otherData\":\(summary.compact())}\n".utf8)
        try file.append(bytes)
    }

    private func append(_ json: JSON, to bytes: inout [UInt8]) { bytes.append(contentsOf: json.compact().utf8) }

    private func json(_ event: ProfileResult.Event) -> JSON {
        var args: JSONObject = [:]
        if !event.module.isEmpty, event.kind != .module { args["module"] = .string(event.module) }
        if !event.shapes.isEmpty {
            let shapes = event.shapes.map { JSON.array($0.map { .integer(Int64($0)) }) }
            args[event.kind == .product ? "m, n, k" : "shapes"] = event.kind == .product ? shapes[0] : .array(shapes)
        }
        if event.flops > 0 { args["flops"] = .integer(Int64(event.flops)) }
        let name = event.kind == .backward ? "\(event.name) backward" : event.name
        return .object([
            "name": .string(name), "cat": .string("\(event.kind)"), "ph": .string("X"), "pid": .integer(1),
            "tid": .integer(Int64(event.thread)), "ts": .number(Double(event.start) / 1000),
            "dur": .number(Double(event.duration) / 1000), "args": .object(args),
        ])
    }

    /// The figures of the tables, for programs.
    private var summary: JSON {
        let result = report.result
        var object: JSONObject = [
            "steps": .integer(Int64(result.steps.count)), "skipped_steps": .integer(Int64(result.skipped)),
            "step_ms": .number(report.mean), "median_step_ms": .number(report.median),
            "gflop_per_step": .number(Double(report.total.flops) * 1e-9 / Double(max(1, result.steps.count))),
        ]
        if let products = report.productFigures {
            object["products_share"] = .number(products.share)
            object["products_gflops"] = .number(products.rate)
            if let ofPeak = products.ofPeak { object["products_of_peak"] = .number(ofPeak) }
        }
        for (name, table) in [("operations", report.operations), ("modules", report.modules)] {
            object[name] = .array(table.rows.map { .array($0.map { .string($0) }) })
        }
        return .object(object)
    }
}
