import Testing

/// `lorawb.report`: what a training logged, as text.
struct ReportTests {
    @Test("a log becomes a table with a line a step, and a line of bars")
    func report() throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            local report = require "lorawb.report"
            local rows = {
              { loss = 0.75, learning_rate = 0.001, epoch = 0.5, step = 10 },
              { loss = 0.5, learning_rate = 0.0005, epoch = 1.0, step = 20 },
              { eval_loss = 0.625, eval_accuracy = 0.875, epoch = 1.0, step = 20 },
              { note = "é", step = 30 },
            }
            same(report.table(rows), table.concat({
              "epoch  step  loss  eval_loss  eval_accuracy  learning_rate  note",
              "  0.5    10  0.75                                    0.001",
              "    1    20   0.5      0.625          0.875         0.0005",
              "         30                                                    é",
            }, "\\n"))
            same(report.table(rows, { "step", "loss" }), "step  loss\\n  10  0.75\\n  20   0.5\\n  30")
            same(report.table {}, "")
            same(report.sparkline(report.column(rows, "loss")), "█▁")
            same(report.sparkline { 1, 2, 0/0, 3, 1/0, 8 }, "▁▂ ▃ █")
            same(report.sparkline({ 1, 1, 5, 5, 9, 9 }, 3), "▁▅█")
            same(report.sparkline { 2, 2 }, "▁▁")
            same(report.sparkline {}, "")
            """)
    }
}
