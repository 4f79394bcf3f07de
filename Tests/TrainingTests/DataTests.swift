import Formats
import Testing
import Training

struct DataTests {
    // MARK: Batches

    @Test("an epoch takes every row once, in an order that seed and epoch alone determine")
    func random() throws {
        let sampler = try BatchSampler(count: 1000, batchSize: 16, seed: 7)
        let order = sampler.epoch(3).rows
        #expect(order.sorted() == Array(0..<1000))
        #expect(order == sampler.epoch(3).rows)
        #expect(order != sampler.epoch(4).rows)
        #expect(try order != BatchSampler(count: 1000, batchSize: 16, seed: 8).epoch(3).rows)
        // The size of a batch does not change the order, so accumulation takes the same rows.
        #expect(try order == BatchSampler(count: 1000, batchSize: 4, seed: 7).epoch(3).rows)
        #expect(sampler.batchesPerEpoch == 63)
        #expect(sampler.epoch(3)[batch: 62] == order[992..<1000])
        #expect(sampler.epoch(3)[batch: 63].isEmpty)
    }

    @Test("shuffling is uniform: each of 24 orders of four comes as often as chance allows")
    func uniform() throws {
        var counts: [[Int]: Int] = [:]
        for epoch in 0..<24_000 {
            counts[try BatchSampler(count: 4, batchSize: 1, seed: 1).epoch(epoch).rows, default: 0] += 1
        }
        #expect(counts.count == 24)
        // χ² with 23 degrees of freedom exceeds 49.7 once in a thousand seeds; this seed is fixed.
        let chi = counts.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        #expect(chi < 49.7)
    }

    @Test("sequential order and the dropped last batch")
    func sequential() throws {
        let sampler = try BatchSampler(count: 10, batchSize: 4, strategy: .sequential, dropLast: true)
        #expect(sampler.epoch(1).rows == Array(0..<10))
        #expect(sampler.batchesPerEpoch == 2)
        #expect(sampler.epoch(1)[batch: 2].isEmpty)
    }

    @Test("grouping by length sorts within megabatches and puts the longest row first")
    func grouped() throws {
        let lengths = (0..<400).map { Int32(1 + ($0 * 37) % 101) }
        let sampler = try BatchSampler(count: 400, batchSize: 4, strategy: .groupByLength, lengths: lengths)
        let order = sampler.epoch(0).rows
        #expect(order.sorted() == Array(0..<400))
        #expect(lengths[order[0]] == lengths.max())
        // Reference: megabatches of min(400 / (4 · 4), 50) = 25 batches, 100 rows; only the swap of the longest breaks order.
        for first in stride(from: 0, to: 400, by: 100) {
            let falling = zip(order[first..<first + 100], order[(first + 1)..<first + 100]).count {
                lengths[$0] >= lengths[$1]
            }
            #expect(falling >= 97)
        }
        #expect(order != sampler.epoch(1).rows)
        #expect(throws: TrainingError("group_by_length: 3 lengths for 4 rows")) {
            _ = try BatchSampler(count: 4, batchSize: 2, strategy: .groupByLength, lengths: [1, 2, 3])
        }
    }

    @Test(
        "batches by tokens take rows in order as long as they fit, the same ones in every epoch",
        arguments: BatchSampler.Strategy.allCases)
    func tokens(strategy: BatchSampler.Strategy) throws {
        let counts = (0..<203).map { Int32(1 + ($0 * 37) % 61) }
        for (most, rows) in [(50, Int.max), (50, 3), (1, .max), (61, 2), (100_000, .max), (.max, .max), (.max, 5)] {
            func made(dropLast: Bool = false) throws -> BatchSampler {
                try BatchSampler(
                    count: 203, batchSize: rows, strategy: strategy, seed: 7, dropLast: dropLast, lengths: counts,
                    accumulation: 2, maxTokens: most, tokenCounts: counts)
            }
            let sampler = try made()
            // Row by row, what a batch may take.
            var expected: [[Int]] = []
            for row in sampler.epoch(0).rows {
                let tokens = (expected.last ?? []).reduce(0) { $0 + Int(counts[$1]) }
                let fits = expected.last.map { $0.count < rows && Int(counts[row]) <= most - tokens } ?? false
                if fits { expected[expected.count - 1].append(row) } else { expected.append([row]) }
            }
            #expect(sampler.batchesPerEpoch == expected.count)
            func batches(_ epoch: Int, of sampler: BatchSampler) -> [[Int]] {
                (0..<sampler.batchesPerEpoch).map { Array(sampler.epoch(epoch)[batch: $0]) }
            }
            #expect(batches(0, of: sampler) == expected)
            #expect(sampler.epoch(4)[batch: expected.count].isEmpty)
            #expect(expected.joined().sorted() == Array(0..<203))
            for epoch in [1, 2] {
                let found = batches(epoch, of: sampler)
                #expect(Set(found) == Set(expected) && found.count == expected.count)
                #expect(try found == batches(epoch, of: made()))
                #expect((found == expected) == (strategy == .sequential || expected.count == 1))
                if strategy == .groupByLength { #expect(found[0].contains { counts[$0] == counts.max() }) }
            }
            // The last one is left out where another row would have fitted.
            let last = try #require(expected.last)
            let isFull = last.count == rows || last.reduce(0) { $0 + Int(counts[$1]) } >= most
            let dropping = try made(dropLast: true)
            #expect(batches(0, of: dropping) == (isFull ? expected : expected.dropLast()))
            #expect(dropping.epoch(1).rows.sorted() == Array(0..<203))
        }
        #expect(throws: TrainingError("max_tokens_per_batch: 2 token counts for 3 rows")) {
            _ = try BatchSampler(count: 3, batchSize: 1, maxTokens: 4, tokenCounts: [1, 2])
        }
    }

    // MARK: Datasets

    private func numbers(_ count: Int) throws -> Dataset {
        try Dataset(columns: [("n", .integers(Array(0..<count))), ("s", .strings((0..<count).map { "row \($0)" }))])
    }

    private func values(_ dataset: Dataset, _ name: String) -> [JSON] {
        (0..<dataset.count).compactMap { dataset.value(name, row: $0) }
    }

    @Test("views: select, shuffle, filter, split")
    func views() throws {
        let data = try numbers(10)
        #expect(values(try data.selecting([9, 0, 9]), "n") == [.integer(9), .integer(0), .integer(9)])
        let shuffled = try data.shuffled(seed: 3)
        #expect(values(shuffled, "n") == values(try data.shuffled(seed: 3), "n"))
        #expect(values(shuffled, "n") != values(data, "n"))
        #expect(Set(values(shuffled, "s").map { "\($0)" }).count == 10)
        // What shuffling gave before views held their order in 32 bits.
        #expect(values(shuffled, "n").map(\.int) == [1, 9, 6, 0, 3, 5, 7, 8, 4, 2])
        #expect(values(try data.selecting(2..<5), "n") == values(try data.selecting([2, 3, 4]), "n"))
        #expect(throws: TrainingError.self) { try data.selecting(8..<11) }
        #expect(throws: TrainingError.self) { try data.selecting([.max]) }
        #expect(throws: TrainingError.self) { try data.selecting([.min]) }
        let even = try shuffled.filtered { (shuffled.row($0)[0].value.int ?? 1) % 2 == 0 }
        #expect(even.count == 5)
        #expect(even.row(0)[1].value == .string("row \(try #require(even.row(0)[0].value.int))"))
        let (train, test) = try data.trainTestSplit(testSize: 0.25, seed: 1)
        #expect((train.count, test.count) == (7, 3))
        #expect(Set((values(train, "n") + values(test, "n")).compactMap(\.int)) == Set(0..<10))
        #expect(try data.trainTestSplit(testSize: 4, seed: 1).test.count == 4)
        for size in [0, 1.5, -1, 10, 12, .nan] {
            #expect(throws: TrainingError.self) { try data.trainTestSplit(testSize: size, seed: 1) }
        }
    }

    @Test("map joins and replaces columns; token ids are stored as one flat list")
    func map() throws {
        let data = try numbers(5).selecting([4, 2, 0])
        let mapped = try data.mappedEntries { row in
            let n = row[0].value.int ?? 0
            return [.init("input_ids", .array((0...n).map(JSON.integer))), .init("n", .number(Double(n) / 2))]
        }
        #expect(mapped.columnNames == ["s", "input_ids", "n"])
        #expect(values(mapped, "s") == [.string("row 4"), .string("row 2"), .string("row 0")])
        #expect(mapped.column("input_ids") == .integerLists(flat: [0, 1, 2, 3, 4, 0, 1, 2, 0], offsets: [0, 5, 8, 9]))
        #expect(mapped.column("n") == .floats([2, 1, 0]))
    }

    @Test("columns widen: integers to numbers, anything to values")
    func widening() throws {
        func column(_ values: [JSON]) throws -> Column? {
            try Dataset(rows: values.map { [JSON.Member("x", $0)] }).column("x")
        }
        #expect(try column([.integer(1), .number(2.5), .integer(3)]) == .floats([1, 2.5, 3]))
        #expect(try column([.integer(1), .string("a")]) == .values([.integer(1), .string("a")]))
        #expect(try column([.bool(true), .bool(false)]) == .booleans([true, false]))
        #expect(
            try column([.array([.integer(1)]), .array([.integer(1 << 40)])])
                == .values([.integers([1]), .array([.integer(1 << 40)])]))
        #expect(try column([.null, .integer(1)]) == .values([.null, .integer(1)]))
    }

    @Test("rows must agree on their columns")
    func ragged() throws {
        let data = try numbers(3)
        #expect(throws: TrainingError("map: row 2 has no 'b', which row 1 has")) {
            try data.mappedEntries {
                $0[0].value == .integer(1) ? [.init("a", .null)] : [.init("a", .null), .init("b", .null)]
            }
        }
        #expect(throws: TrainingError("map: row 2 has a column 'c' that row 1 has not")) {
            try data.mappedEntries { [.init($0[0].value == .integer(1) ? "c" : "a", .null)] }
        }
        #expect(throws: TrainingError("dataset: column 'b' has 1 rows; 'a' has 2")) {
            _ = try Dataset(columns: [("a", .integers([1, 2])), ("b", .integers([1]))])
        }
    }

    @Test("the hash changes with a value, a name, the order of rows, and nothing else")
    func hash() throws {
        let data = try numbers(4)
        let hash = data.contentHash(of: ["n", "s"])
        #expect(try hash == numbers(4).contentHash(of: ["n", "s", "absent"]))
        #expect(try hash == numbers(6).selecting([0, 1, 2, 3]).contentHash(of: ["n", "s"]))
        #expect(try hash != data.selecting([1, 0, 2, 3]).contentHash(of: ["n", "s"]))
        #expect(try hash != numbers(5).contentHash(of: ["n", "s"]))
        #expect(hash != data.contentHash(of: ["n"]))
        #expect(
            try hash
                != data.mappedEntries { [.init("n", $0[0].value == .integer(2) ? .integer(7) : $0[0].value)] }
                .contentHash(of: ["n", "s"]))
    }

    @Test("a table that was read becomes a dataset")
    func table() throws {
        try Tiny.folder { folder in
            try folder.write(
                "x.jsonl",
                text: #"{"text": "a", "label": 1, "ids": [1, 2]}"# + "\n" + #"{"text": "b", "label": 0, "ids": []}"#
                    + "\n")
            let data = try Dataset(DataTable(folder, "x.jsonl"))
            #expect(data.columnNames == ["text", "label", "ids"])
            #expect(data.column("label") == .integers([1, 0]))
            #expect(data.column("ids") == .integerLists(flat: [1, 2], offsets: [0, 2, 2]))
        }
    }
}

extension Dataset {
    /// The entries of a row, counted from 0.
    func row(_ row: Int) -> [JSON.Member] {
        columnNames.compactMap { name in value(name, row: row).map { JSON.Member(name, $0) } }
    }

    /// Maps the entries of each row.
    func mappedEntries(_ transform: ([JSON.Member]) throws -> [JSON.Member]) throws -> Dataset {
        try mapped { try transform(row($0)) }
    }
}
