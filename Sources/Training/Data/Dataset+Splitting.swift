import Formats
import Kernels
import Memory

extension Dataset {
    /// Two views, for training and for testing, of the rows shuffled by `seed`.
    ///
    /// `testSize` below 1 is a share of the rows (rounded up, as scikit-learn does), else a number of rows. Where a column is given,
    /// both parts have each of its classes in the share that it has of all rows, to the numbers of scikit-learn's StratifiedShuffleSplit
    /// (1.9.1; where classes have an equal claim to a row that is left over, the seed decides).
    public func trainTestSplit(
        testSize: Double, seed: Int, stratifiedBy column: String? = nil
    ) throws -> (train: Dataset, test: Dataset) {
        let wanted = testSize < 1 ? (testSize * Double(count)).rounded(.up) : testSize
        guard testSize > 0, let tests = Int(exactly: wanted), tests > 0, tests < count else {
            throw TrainingError(
                "train_test_split: test_size is \(testSize) of \(count) rows; expected a share between 0 and 1, or a number of rows that leaves some for both parts"
            )
        }
        let order = try permutation(seed: seed, "split")
        guard let column else { return (try viewing(Array(order[tests...])), try viewing(Array(order[..<tests]))) }
        let (classes, sizes) = try classes(of: column, parts: (count - tests, tests))
        let key = RandomKey(seed: UInt64(bitPattern: Int64(seed))).child("stratify")
        var left = Dataset.shares(sizes, total: count, of: count - tests, key)
        try MemoryBudget.reserve(count, of: 4)
        var (train, test): ([UInt32], [UInt32]) = ([], [])
        for row in order {
            let id = classes[Int(row)]
            if left[id] > 0 {
                left[id] -= 1
                train.append(row)
            } else {
                test.append(row)
            }
        }
        return (try viewing(train), try viewing(test))
    }

    /// A number for the class of each row, and the rows of each class.
    private func classes(of name: String, parts: (train: Int, test: Int)) throws -> (ids: [Int], sizes: [Int]) {
        try check(name, "train_test_split: stratify_by_column")
        guard let column = column(name) else { return ([], []) }
        switch column {
        case .integers, .strings, .booleans: break
        default:
            throw TrainingError(
                "train_test_split: stratify_by_column: '\(name)' holds \(column.kind); expected a class in each row: an integer, a string or a boolean"
            )
        }
        try MemoryBudget.reserve(count, of: MemoryLayout<Int>.stride)
        var (known, ids, sizes): ([String: Int], [Int], [Int]) = ([:], [], [])
        var firsts: [JSON] = []
        for row in 0..<count {
            let value = column[place(ofRow: row)]
            let text = value.compact()
            let id = known[text] ?? known.count
            if id == sizes.count {
                known[text] = id
                sizes.append(0)
                firsts.append(value)
            }
            sizes[id] += 1
            ids.append(id)
        }
        if let single = sizes.firstIndex(of: 1) {
            throw TrainingError(
                "train_test_split: stratify_by_column: class \(firsts[single].quoted) of '\(name)' has one row; each needs two at least, one for each part"
            )
        }
        guard min(parts.train, parts.test) >= sizes.count else {
            throw TrainingError(
                "train_test_split: stratify_by_column: '\(name)' has \(sizes.count) classes, the smaller part \(min(parts.train, parts.test)) rows; each class needs one"
            )
        }
        return (ids, sizes)
    }

    /// How many of `count` rows each class of these sizes gets: its share rounded down, and one more for those that lost the most.
    ///
    /// scikit-learn's `_approximate_mode` (utils/extmath.py) in the same arithmetic, since the last bits of remainders that are equal
    /// on paper decide there; by chance among those that are equal in it.
    private static func shares(_ sizes: [Int], total: Int, of count: Int, _ key: RandomKey) -> [Int] {
        let continuous = sizes.map { Double($0) / Double(total) * Double(count) }
        var shares = continuous.map { Int(exactly: $0.rounded(.down)) ?? 0 }
        let remainders = zip(continuous, shares).map { $0 - Double($1) }
        let chance = key.permutation(sizes.count)
        let order = sizes.indices.sorted { (remainders[$0], chance[$0]) > (remainders[$1], chance[$1]) }
        for id in order.prefix(max(0, count - shares.reduce(0, +))) { shares[id] += 1 }
        return shares
    }
}
