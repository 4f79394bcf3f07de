import Foundation
import Testing

/// lorawb.plot and lorawb.progress, as a user sees them.
struct PlotTests {
    @Test("a picture of numbers has their values at their places")
    func svg() throws {
        let place = try Place()
        let outcome = try place.run(
            """
            local a, b = {}, {}
            for i = 1, 9 do a[i] = i * i; b[i] = { 10 * i, 100 - i } end
            lorawb.plot({ squares = a, others = b }, { file = lorawb.run_dir .. "/x.svg", title = "two" })
            lorawb.plot({ { step = 3, loss = 2.5 }, { step = 7, loss = 1.5, eval_loss = 2 }, { step = 9, loss = 0.5 } },
              { file = lorawb.run_dir .. "/log.svg", title = "log" })
            lorawb.plot(lorawb.tensor { { 1, 4 }, { 2, 5 }, { 3, 9 } }, { file = lorawb.run_dir .. "/t.svg", title = "t" })
            lorawb.plot({ 1, 0/0, 3, -1/0, 5, 6 }, { file = lorawb.run_dir .. "/gaps.svg", title = "gaps" })
            """, "--run-dir", "run")
        #expect(outcome.code == 0 && outcome.out.isEmpty, "\(outcome)")
        func lines(_ name: String) throws -> [String: [(x: Double, y: Double)]] {
            // The reader wants a page; a picture alone has no log.
            let page = try Page(place.text("run/" + name) + "<script id=\"metrics\">[]</script>")
            return page.plots.values.first ?? [:]
        }
        let two = try lines("x.svg")
        #expect(Page.areSame(two["squares"], (1...9).map { (Double($0), Double($0 * $0)) }))
        #expect(Page.areSame(two["others"], (1...9).map { (Double(10 * $0), Double(100 - $0)) }))
        let log = try lines("log.svg")
        #expect(Page.areSame(log["loss"], [(3, 2.5), (7, 1.5), (9, 0.5)]))
        #expect(Page.areSame(log["eval_loss"], [(7, 2)]))
        #expect(Page.areSame(try lines("t.svg")["2"], [(1, 4), (2, 5), (3, 9)]))
        #expect(Page.areSame(try lines("gaps.svg")[""], [(1, 1), (3, 3), (5, 5), (6, 6)]))
    }

    @Test("a PNG has the size that was asked for, whole and with right checksums")
    func png() throws {
        let place = try Place()
        let outcome = try place.run(
            "lorawb.plot({ 1, 4, 2 }, { file = lorawb.run_dir .. \"/x.png\", width = 300, height = 200, title = \"Ä, a–z\" })",
            "--run-dir", "run")
        #expect(outcome.code == 0, "\(outcome)")
        let bytes = [UInt8](try place.data("run/x.png"))
        #expect(bytes.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        func number(_ place: Int) -> Int { bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        var (start, names): (Int, [String]) = (8, [])
        while start + 12 <= bytes.count {
            let count = number(start)
            let body = bytes[start + 4..<start + 8 + count]
            names.append(String(decoding: body.prefix(4), as: UTF8.self))
            // CRC-32, bit by bit.
            let sum = body.reduce(UInt32.max) { sum, byte in
                (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
                }
            }
            #expect(number(start + 8 + count) == Int(~sum))
            start += 12 + count
        }
        #expect(names == ["IHDR", "IDAT", "IEND"] && start == bytes.count)
        #expect(number(16) == 600 && number(20) == 400)
    }

    @Test("in text a line rises and falls where its numbers do, in the columns that there are")
    func text() throws {
        let place = try Place()
        let outcome = try place.run("lorawb.plot({ 0, 10, 0 }, { width = 40, height = 5, title = \"peak\" })")
        let lines = outcome.out.split(separator: "\n").map(String.init)
        try #require(outcome.code == 0 && lines.count == 8, "\(outcome)")
        #expect(lines[0] == "peak" && lines.allSatisfy { $0.count <= 40 })
        #expect(lines[1].hasPrefix("10 ┤") && lines[5].hasPrefix(" 0 ┤"))
        let filled = lines[1...5].map { $0.drop { $0 != "┤" && $0 != "│" }.dropFirst() }
        let (top, bottom) = (filled[0], filled[4])
        let ends = try [#require(top.firstIndex { $0 != " " }), #require(top.lastIndex { $0 != " " })]
        let middle = ends.map { top.distance(from: top.startIndex, to: $0) }.reduce(0, +)
        #expect(abs(middle - 2 * 17) <= 2, "\(outcome.out)")
        #expect(bottom.first != " " && bottom.count >= 34, "\(outcome.out)")
    }

    @Test func whatCannotBeDrawn() throws {
        let place = try Place()
        for (call, message) in [
            ("lorawb.plot({ a = 1 })", "plot: 'a': expected a list of numbers or of { x, y }, got 1"),
            (
                "lorawb.plot({ 1, 2 }, { y = \"loss\" })",
                "plot: option 'y' names columns of a list of rows, but series is none"
            ),
            ("lorawb.plot({ 1 }, { file = \"x.pdf\" })", "plot: file: 'x.pdf' ends neither in .svg nor in .png"),
            ("lorawb.plot({ { a = 1 } })", "plot: no row has a loss; name columns with y: there are a"),
            ("lorawb.plot({ { a = 1 } }, { y = \"b\" })", "plot: no row has a number 'b'; there are a"),
            (
                "lorawb.plot(lorawb.zeros { 2, 3, 4 })",
                "plot: a tensor of shape [2, 3, 4] is no series; expected [n], or [n, k] with k up to 16"
            ),
        ] {
            let outcome = try place.run(call)
            #expect(outcome.code == 1 && outcome.line == "r.lua:2: " + message, "\(outcome)")
        }
        #expect(try place.run("lorawb.plot {}").out == "nothing to draw\n")
        for numbers in ["1e308, -1e308", "0, 1e-320", "1e300, 1e-300", "5e-324", "-0.0, 0", "1, 1 + 2^-52"] {
            for options in [
                "", "log_y = true", "file = lorawb.run_dir .. \"/x.svg\"",
                "log_x = true, log_y = true, file = lorawb.run_dir .. \"/x.png\"",
            ] {
                let outcome = try place.run("lorawb.plot({ \(numbers) }, { \(options) })", "--run-dir", "odd")
                #expect(outcome.code == 0, "\(numbers) \(options): \(outcome)")
            }
        }
    }

    @Test("a loop says how far it is, before the bar of a training within, in one line that fits")
    func progress() throws {
        let place = try Place.training()
        let recipe = Place.trainingRecipe.replacing("\ntrainer:train()", with: "").components(
            separatedBy: "local losses = {}")
        let body = recipe[1].components(separatedBy: "model:save_adapter")[0].replacing(
            "print(\"step \" .. state.global_step)", with: "")
        try place.put(
            "sweep.lua",
            recipe[0] + """
                for i, rate in lorawb.progress({ 1e-3, 1e-2 }, { title = "rates" }) do
                local losses = {}\(body)
                trainer:train()
                end
                print "done"
                """)
        let piped = try Running([Running.program, "run", "sweep.lua", "--epochs", "1"], cwd: place.path).wait()
        #expect(
            piped.code == 0 && piped.out.contains("rates 1/2\n") && piped.out.contains("\nrates 2/2  0:0"), "\(piped)")
        for columns in [40, 80] {
            let terminal = try Terminal([Running.program, "run", "sweep.lua"], cwd: place.path, columns: columns)
            let text = try #require(terminal.reads(upTo: "done", timeout: 60))
            let drawn = text.split { $0 == "\r" || $0 == "\n" || $0 == "\r\n" }.map { line in
                line.replacing(/\u{1B}\[[0-9;]*[mK]/, with: "")
            }
            let bars = drawn.filter { $0.hasPrefix("rates ") && $0.contains("█") }
            #expect(
                bars.contains { $0.hasPrefix("rates 1/2 · ") } && bars.contains { $0.hasPrefix("rates 2/2 · ") },
                "\(text)")
            #expect(bars.allSatisfy { $0.trimmingCharacters(in: .whitespaces).count < columns }, "\(bars)")
            #expect(bars.contains { $0.contains("/16  loss 0.") == (columns == 80) || columns == 40 }, "\(bars)")
            #expect(terminal.end() == 0)
        }
        // Tables of the list are the recipe's own, and leaving a loop early is no harm.
        let own = try place.run(
            """
            local list = { { n = 1 }, { n = 2 } }
            for i, item in lorawb.progress(list) do item.seen = i if i == 2 then break end end
            for i in lorawb.progress(1) do print(list[1].seen, list[2].seen, i) end
            """)
        #expect(own.code == 0 && own.out.hasSuffix("1\t2\t1\n"), "\(own)")
        #expect(
            try place.run("for _ in lorawb.progress { a = 1 } do end").line.contains(
                "progress: items: expected a list, got a table with the key 'a'"))
    }
}
