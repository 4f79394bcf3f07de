import Formats
import Kernels
import Memory
import Tensors

/// How the size of a model's vocabulary came about since the model was loaded.
public struct Vocabulary: Sendable, Equatable {
    /// Changes of the size, in order.
    public internal(set) var resizes: [VocabularyResize] = []
    /// The first entry that the checkpoint did not have, nil where it had all: entries from here on are new.
    public internal(set) var firstNewToken: Int?
}

/// A change of the size of a vocabulary, and how new rows start.
public struct VocabularyResize: Sendable, Equatable {
    /// How new rows start, of the table of ids and of a head that is not tied to it each.
    public enum Start: Sendable, Equatable {
        /// The mean of the rows that were there before.
        ///
        /// transformers (5.23, `_init_added_embeddings_weights_with_mean`) draws from a normal distribution with this mean and 1e-9 times
        /// their covariance: deviations of 3e-5 of theirs, which the first step of training outgrows. The mean itself needs no
        /// seed and no decomposition, and whoever loads an adapter makes the same rows again.
        case mean
        /// N(0, initializer_range²), a function of the seed, the weight's name and the place.
        case normal(seed: UInt64)
        /// Numbers from elsewhere: what a file has of the rows of a weight, in order.
        case given(@Sendable (_ weight: String, _ rows: Range<Int>) throws -> [Float])

        /// Whether rows start alike; numbers from elsewhere are never known to.
        public static func == (a: Start, b: Start) -> Bool {
            switch (a, b) {
            case (.mean, .mean): true
            case (.normal(let a), .normal(let b)): a == b
            default: false
            }
        }
    }

    /// Entries before.
    public let from: Int
    /// Entries after.
    public let to: Int
    /// How new rows start.
    public let start: Start

    /// A change from so many entries to so many.
    public init(from: Int, to: Int, start: Start = .mean) { (self.from, self.to, self.start) = (from, to, start) }

    /// Most entries that a vocabulary has, as of config.json.
    public static let largest = 1 << 24

    /// Entries by the rule of transformers: `count`, or those that there are, rounded up to a multiple.
    ///
    /// Throws for a number that no vocabulary has.
    public static func size(_ count: Int?, now: Int, multipleOf multiple: Int?) throws -> Int {
        var size = count ?? now
        if let multiple {
            guard (1...largest).contains(multiple) else {
                throw ModelError("pad_to_multiple_of expected an integer from 1 to \(largest), got \(multiple)")
            }
            let (padded, overflow) = size.addingReportingOverflow(multiple - 1)
            size = overflow ? .max : padded / multiple * multiple
        }
        guard (1...largest).contains(size) else {
            throw ModelError("new_num_tokens expected an integer from 1 to \(largest), got \(count ?? size)")
        }
        return size
    }
}

/// The tables that a resize changes, as they were before it.
public struct TokenEmbeddings {
    fileprivate let config: ModelConfig
    fileprivate let vocabulary: Vocabulary
    fileprivate let paddingIndex: Int?
    fileprivate let weights: [(weight: Weight, shape: [Int], value: Weight.Value)]
}

extension PretrainedModel {
    /// The weights with a row for each entry: the table of ids, and the matrix of a language head that is not tied to it.
    private var tokenWeights: [Weight] {
        let head = outputEmbedding.flatMap { $0.isTied ? nil : $0.weight }
        return [inputEmbedding.weight] + (head.map { [$0] } ?? [])
    }

    func resizeTokenEmbeddings(_ resize: VocabularyResize) throws -> TokenEmbeddings {
        let (now, size) = (config.vocabSize, resize.to)
        let before = TokenEmbeddings(
            config: config, vocabulary: vocabulary, paddingIndex: inputEmbedding.paddingIndex,
            weights: tokenWeights.map { ($0, $0.shape, $0.value) })
        guard size != now else { return before }
        if size < now { try checkIds(below: size) }
        do {
            for weight in tokenWeights { try self.resize(weight, resize, now: now) }
        } catch {
            restore(before)
            throw error
        }
        config.setVocabSize(size)
        if let padding = inputEmbedding.paddingIndex, padding >= size { inputEmbedding.paddingIndex = nil }
        vocabulary.resizes.append(VocabularyResize(from: now, to: size, start: resize.start))
        vocabulary.firstNewToken = min(vocabulary.firstNewToken ?? now, now, size)
        if vocabulary.firstNewToken == size { vocabulary.firstNewToken = nil }
        return before
    }

    func restore(_ embeddings: TokenEmbeddings) {
        (config, vocabulary) = (embeddings.config, embeddings.vocabulary)
        inputEmbedding.paddingIndex = embeddings.paddingIndex
        for (weight, shape, value) in embeddings.weights { (weight.shape, weight.value) = (shape, value) }
    }

    func settleVocabulary() { vocabulary = Vocabulary() }

    /// Throws where config.json names an id that would be cut off.
    private func checkIds(below size: Int) throws {
        for key in ["pad_token_id", "bos_token_id", "eos_token_id"] {
            guard let value = config.json[key] else { continue }
            let ids = value.array?.compactMap(\.int) ?? value.int.map { [$0] } ?? []
            if let id = ids.first(where: { (size..<config.vocabSize).contains($0) }) {
                throw ModelError(
                    "a vocabulary of \(size) entries has no room for \(key) \(id); new_num_tokens is at least \(id + 1)"
                )
            }
        }
    }

    private func resize(_ weight: Weight, _ resize: VocabularyResize, now: Int) throws {
        let width = weight.shape.last ?? 0
        let rows = min(now, resize.to)..<resize.to
        let places = rows.lowerBound * width..<rows.upperBound * width
        let deviation = Float(config.initializerRange)
        unsafe try weight.setRows(resize.to) { numbers in
            guard !rows.isEmpty, let start = numbers.baseAddress else { return }
            switch resize.start {
            case .mean:
                let mean = unsafe try Vocabulary.mean(start, rows: min(resize.from, now), width: width)
                for place in places { unsafe start[place] = mean[place % width] }
            case .normal(let seed):
                let key = RandomKey(seed: seed).child("resize_token_embeddings").child(weight.name)
                unsafe key.fillNormal(start, places, deviation: deviation)
            case .given(let read):
                let values = try read(weight.name, rows)
                guard values.count == places.count, values.allSatisfy(\.isFinite) else {
                    throw ModelError(
                        "new rows of '\(weight.name)' are not \(rows.count) rows of \(width) finite numbers")
                }
                for (place, value) in zip(places, values) { unsafe start[place] = value }
            }
        }
    }
}

extension Vocabulary {
    /// Mean of the first rows, summed in float64 one after the other, so that it is the same wherever it is taken.
    fileprivate static func mean(_ numbers: UnsafeMutablePointer<Float>, rows: Int, width: Int) throws -> [Float] {
        var sums = [Double](repeating: 0, count: width)
        for row in 0..<rows {
            if row % 1024 == 0 { try MemoryBudget.check() }
            let values = unsafe numbers + row * width
            for column in 0..<width { unsafe sums[column] += Double(values[column]) }
        }
        return sums.map { Float($0 / Double(max(rows, 1))) }
    }
}
