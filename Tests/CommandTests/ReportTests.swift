import Foundation
import Testing

/// report.html: what it shows is what the log says, and it needs nothing but itself.
struct ReportTests {
    static let log = "metrics.jsonl"

    /// A run of three epochs that says at its end what each row of the evaluation costs.
    private func place() throws -> Place {
        let place = try Place.training()
        try place.put(
            "train.lua",
            Place.trainingRecipe + """

                trainer:evaluate()
                local scores, rows = trainer:predict(data.validation).predictions, {}
                for i = 1, #data.validation do
                  local one = scores:narrow(1, i, 1)
                  rows[i] = { loss = lorawb.nn.cross_entropy(one, lorawb.tensor { data.validation[i].labels }):item(),
                    label = data.validation[i].labels, predicted = one:argmax(2):tolist()[1] }
                end
                lorawb.save_json(lorawb.run_dir .. "/rows.json", rows)
                -- </script><script>alert(1)</script>
                """)
        return place
    }

    private func rows(_ place: Place, _ run: String) throws -> [[String: Any]] {
        try place.text("\(run)/\(Self.log)").split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func points(_ rows: [[String: Any]], _ key: String) -> [(x: Double, y: Double)] {
        rows.compactMap { row in
            guard let value = row[key] as? Double, let step = row["step"] as? Double else { return nil }
            return (step, value)
        }
    }

    private func check(_ page: Page, _ rows: [[String: Any]]) throws {
        #expect(page.metrics.count == 1 && NSArray(array: page.metrics[0]) == NSArray(array: rows))
        for (plot, line) in [
            ("loss", "loss"), ("loss", "eval_loss"), ("eval_accuracy", "eval_accuracy"),
            ("learning_rate", "learning_rate"),
            ("grad_norm", "grad_norm"), ("samples_per_second", "samples_per_second"),
        ] {
            let expected = points(rows, line)
            #expect(expected.count >= 3, "\(line)")
            #expect(Page.areSame(page.plots[plot]?[line], expected), "\(line): \(page.plots[plot] ?? [:]) \(expected)")
        }
    }

    @Test("a run leaves a page whose curves, confusion and worst rows are those of its log and its scores")
    func ofOneRun() throws {
        let place = try place()
        let outcome = try place.train("--epochs", "3", "--run-dir", "run")
        #expect(outcome.code == 0, "\(outcome)")
        let page = try Page(place.text("run/report.html"))
        try check(page, rows(place, "run"))
        // What the recipe holds cannot leave its place.
        #expect(!page.html.contains("<script>alert") && page.html.contains("&lt;script&gt;alert(1)"))
        let details = try #require(
            try JSONSerialization.jsonObject(with: place.data("run/details.json")) as? [String: Any])
        let evaluation = try #require((details["evaluations"] as? [[String: Any]])?.first)
        let found = try #require(
            try JSONSerialization.jsonObject(with: place.data("run/rows.json")) as? [[String: Double]])
        try #require(found.count == 12)
        var counts = [[0, 0], [0, 0]]
        for row in found { counts[Int(row["label"] ?? -1)][Int(row["predicted"] ?? -1)] += 1 }
        #expect(evaluation["confusion"] as? [[Int]] == counts)
        for count in counts.flatMap({ $0 }) { #expect(page.html.contains("data-count=\"\(count)\"")) }
        let worst = try #require(evaluation["worst"] as? [[String: Any]])
        let expected = found.map { $0["loss"] ?? 0 }.sorted(by: >)
        #expect(worst.count == 12)
        for (row, loss) in zip(worst, expected) {
            // Both are float32 scores; the sums differ in the last digits.
            #expect(abs((row["loss"] as? Double ?? 0) - loss) < 1e-5)
            let number = try #require(row["row"] as? Int)
            #expect(abs((found[number - 1]["loss"] ?? 0) - loss) < 1e-5)
            // The text is the row's own, by the tokenizer that the recipe loaded.
            let text = try place.text("data/dev.tsv").split(separator: "\n")[number].split(separator: "\t")[0]
            let words = text.split(separator: " ").filter { $0 == "a" }.count
            #expect((row["text"] as? String)?.split(separator: " ").filter { $0 == "a" }.count == words)
        }
        #expect(page.html.contains("dev.tsv:") && page.html.contains("peak of the process"))
    }

    @Test("lorawb report makes it anew, and one of several runs; what is no run is said")
    func ofSeveral() throws {
        let place = try place()
        for (run, rate) in [("one", "1e-2"), ("two", "1e-3")] {
            #expect(try place.train("--epochs", "1", "--lr", rate, "--run-dir", "runs/" + run).code == 0)
        }
        func report(_ words: String...) throws -> Outcome {
            try Running([Running.program, "report"] + words, cwd: place.path).wait()
        }
        let before = try place.text("runs/one/report.html")
        try place.remove("runs/one/report.html")
        let again = try report("one")
        #expect(again.code == 0 && again.out == "runs/one/report.html: report of one\n", "\(again)")
        #expect(try place.text("runs/one/report.html") == before)
        #expect(try report("runs/one", "two", "-o", "both.html").code == 0)
        let page = try Page(place.text("both.html"))
        #expect(page.metrics.count == 2)
        for (run, number) in [("one", 0), ("two", 1)] {
            let rows = try rows(place, "runs/" + run)
            #expect(NSArray(array: page.metrics[number]) == NSArray(array: rows))
            #expect(Page.areSame(page.plots["loss"]?["\(run): loss"], points(rows, "loss")))
            #expect(Page.areSame(page.plots["eval_accuracy"]?[run], points(rows, "eval_accuracy")))
        }
        // Only what is not the same stands in the table.
        let table = try #require(page.html.components(separatedBy: "What differs").last)
        #expect(table.contains("<td>lr</td><td>0.01</td><td>0.001</td>") && !table.contains("<td>epochs</td>"))
        for (words, line) in [
            (["on"], "lorawb: report: there is no run 'on'; did you mean 'one'?"),
            (["data"], "lorawb: report: data: holds no run: there is no recipe.lua with its params.json"),
            (["one", "-o", "missing/x.html"], "lorawb: report: \(place.path)/missing: there is no such folder"),
        ] {
            let outcome = try Running([Running.program, "report"] + words, cwd: place.path).wait()
            #expect(outcome.code == 64 && outcome.line == line, "\(outcome)")
        }
        try place.put("runs/one/\(Self.log)", "{\"loss\": 1, \"step\": 1}\nno JSON\n{\"loss\": 2, \"step\": 2}\n")
        let broken = try report("one")
        #expect(broken.code == 64 && broken.line.contains("runs/one/\(Self.log):2"), "\(broken)")
    }

    @Test(
        "in a browser the page shows the curves of the log, in light and dark, and asks nothing of a network",
        .enabled(if: Browser.program != nil, "there is no Chromium"))
    func inABrowser() throws {
        let place = try place()
        #expect(try place.train("--epochs", "3", "--run-dir", "run").code == 0)
        let file = place.path + "/run/report.html"
        func open(_ file: String) throws -> (outcome: Outcome, requests: Int) {
            let log = place.path + "/net.json"
            let outcome = try Browser.open(
                file, "--dump-dom", "--log-net-log=" + log, "--net-log-capture-mode=Everything", in: place.path)
            // Requests of a page from a file; those of the browser itself are "not an origin".
            return (outcome, try place.text("net.json").components(separatedBy: "\"initiator\":\"null\"").count - 1)
        }
        let (dumped, requests) = try open(file)
        #expect(dumped.code == 0 && requests == 0, "\(dumped.err.prefix(2000))")
        let page = try Page(dumped.out)
        try check(page, rows(place, "run"))
        try place.put("asking.html", "<img src=\"http://127.0.0.1:9/x.png\">")
        #expect(try open(place.path + "/asking.html").requests > 0)
        var sizes: [Int] = []
        for words in [
            ["--window-size=1280,1600"], ["--window-size=400,1600"], ["--window-size=1280,1600", "--force-dark-mode"],
        ] {
            let picture = "page-\(sizes.count).png"
            let outcome = try Browser.open(
                file, "--screenshot=" + place.path + "/" + picture, words[0], words.last ?? "", in: place.path)
            #expect(outcome.code == 0, "\(outcome.err.prefix(2000))")
            sizes.append(try place.data(picture).count)
        }
        let blank = try Browser.open(
            "/dev/null", "--screenshot=" + place.path + "/blank.png", "--window-size=1280,1600", in: place.path)
        #expect(blank.code == 0)
        let empty = try place.data("blank.png").count
        #expect(sizes.allSatisfy { $0 > 3 * empty }, "\(sizes), blank \(empty)")
    }
}
