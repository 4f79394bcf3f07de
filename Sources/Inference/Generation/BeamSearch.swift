import Models
import Tensors
import Tokenizers

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Beam search as transformers' `_beam_search` (5.23, generation/utils.py) does it, token by token and score by score.
///
/// Each prompt is searched by itself, as in a batch of one there; the beams of all prompts go through the model together.
struct BeamSearch {
    private let model: any Model
    private let tokenizer: Tokenizer?
    private let options: GenerationOptions
    private let processors: LogitProcessors
    private let endIds: Set<Int>
    private var running: RunningSequences
    private var prompts: [Search]

    /// What stands for "not possible" among scores, as in the reference.
    private static let impossible: Float = -1e9

    /// A sequence that was found, or goes on.
    private struct Beam {
        /// Tokens behind the prompt.
        var tokens: [Int]
        /// Sum of log-probabilities; divided by the length's power where it is finished.
        var score: Float
        var isFinished = false
        /// Place among the running ones of what it goes on from.
        var origin = 0
    }

    /// The search of one prompt.
    private struct Search {
        let prompt: [Int]
        /// Most tokens behind the prompt.
        let limit: Int
        var running: [Beam]
        var finished: [Beam]
        /// Whether a running beam may still become better than the finished ones.
        var mayImprove = true
        var isDone = false
    }

    private init(_ prompts: [[Int]], _ model: any Model, _ tokenizer: Tokenizer?, _ options: GenerationOptions) throws {
        (self.model, self.tokenizer, self.options) = (model, tokenizer, options)
        (processors, endIds) = (LogitProcessors(options), Set(options.endIds))
        running = RunningSequences(model, prompts, room: options.maxNewTokens, usesCache: options.usesCache)
        let count = options.numBeams
        self.prompts = prompts.map { prompt in
            // At first all beams are the same, so only the first counts.
            let beams = (0..<count).map { Beam(tokens: [], score: $0 == 0 ? 0 : BeamSearch.impossible) }
            let none = Array(repeating: Beam(tokens: [], score: BeamSearch.impossible), count: count)
            return Search(prompt: prompt, limit: options.limit(of: prompt, model), running: beams, finished: none)
        }
        let kept = max(2, 1 + endIds.count) * count
        guard count.multipliedReportingOverflow(by: model.config.vocabSize).partialValue >= kept else {
            throw InferenceError(
                "num_beams \(count) with \(endIds.count) end ids needs \(kept) continuations, the vocabulary has \(model.config.vocabSize)"
            )
        }
    }

    /// The best sequences of each prompt.
    static func run(
        _ prompts: [[Int]], _ model: any Model, _ tokenizer: Tokenizer?, _ options: GenerationOptions
    ) throws -> [[Generation]] {
        var search = try BeamSearch(prompts, model, tokenizer, options)
        return try search.run()
    }

    private mutating func run() throws -> [[Generation]] {
        var logits = try running.logits()
        /// For each prompt that goes on, the rows of its beams.
        var rows = Dictionary(
            uniqueKeysWithValues: prompts.indices.map { ($0, Array(repeating: $0, count: options.numBeams)) })
        while true {
            var (places, ids): ([Int], [Int]) = ([], [])
            for index in prompts.indices {
                guard let own = rows[index] else { continue }
                try step(&prompts[index], logits, own, place: index)
                if prompts[index].isDone {
                    rows[index] = nil
                    continue
                }
                rows[index] = Array(places.count..<places.count + options.numBeams)
                for beam in prompts[index].running {
                    places.append(own[beam.origin])
                    ids.append(beam.tokens.last ?? 0)
                }
            }
            guard !places.isEmpty else { break }
            try running.select(places)
            running.append(ids)
            logits = try running.logits()
        }
        return try prompts.map { search in
            try search.finished.prefix(options.numReturnSequences).map { try generation(of: $0) }
        }
    }

    /// One more token for the beams of a prompt; `rows` are theirs among the logits.
    private func step(_ search: inout Search, _ logits: Tensor, _ rows: [Int], place: Int) throws {
        let count = options.numBeams
        let made = (search.running.first?.tokens.count ?? 0) + 1
        let best = try continuations(of: search, logits, rows, place: place)
        let ends = try best.map { beam in
            try made >= search.limit || beam.tokens.last.map(endIds.contains) == true || isStopped(beam.tokens)
        }
        let open = zip(best, ends).map { beam, ends -> Beam in
            var beam = beam
            beam.score += ends ? BeamSearch.impossible : 0
            return beam
        }
        search.running = BeamSearch.largest(open, count)
        // Only the best are finished by what ends them; the others are there so that enough go on.
        let isFull = search.finished.allSatisfy(\.isFinished) && options.earlyStopping == .yes
        let closed = best.enumerated().map { index, beam -> Beam in
            var beam = beam
            beam.isFinished = ends[index] && index < count
            beam.score /= Float(pow(Double(made), options.lengthPenalty))
            for isRefused in [isFull, !search.mayImprove, !beam.isFinished] where isRefused {
                beam.score += BeamSearch.impossible
            }
            return beam
        }
        search.finished = BeamSearch.largest(search.finished + closed, count)
        let length = options.earlyStopping == .never && options.lengthPenalty > 0 ? search.limit : made
        let possible = (search.running.first?.score ?? 0) / Float(pow(Double(length), options.lengthPenalty))
        let worst = search.finished.map(\.score).min() ?? 0
        let canImprove = search.finished.contains { possible > ($0.isFinished ? worst : BeamSearch.impossible) }
        search.mayImprove = search.mayImprove && canImprove
        let isComplete = options.earlyStopping == .yes && search.finished.allSatisfy(\.isFinished)
        search.isDone = !search.mayImprove || isComplete || !ends.contains(false)
    }

    /// The best continuations of all beams by one token, the best first.
    private func continuations(
        of search: Search, _ logits: Tensor, _ rows: [Int], place: Int
    ) throws -> [Beam] {
        let kept = max(2, 1 + endIds.count) * options.numBeams
        var best: [(score: Float, beam: Int, id: Int)] = []
        best.reserveCapacity(kept + 1)
        var known: (row: Int, scores: [Float])?
        for (index, beam) in search.running.enumerated() {
            let tokens = search.prompt + beam.tokens
            if known?.row != rows[index] {
                let row = unsafe try logits.row(rows[index])
                unsafe try NextToken.check(row, row: place, position: tokens.count)
                var scores = unsafe LogitProcessors.logSoftmax(Array(row))
                processors.apply(to: &scores, after: tokens, prompt: search.prompt.count)
                known = (rows[index], scores)
            }
            for (id, score) in (known?.scores ?? []).enumerated() {
                let total = score + beam.score
                if best.count == kept, let last = best.last, total <= last.score { continue }
                // Behind what is equal: the first of equals is the better one.
                let position = best.firstIndex { $0.score < total } ?? best.count
                best.insert((total, index, id), at: position)
                if best.count > kept { best.removeLast() }
            }
        }
        return best.map { Beam(tokens: search.running[$0.beam].tokens + [$0.id], score: $0.score, origin: $0.beam) }
    }

    /// The largest by score; of equals the first.
    private static func largest(_ beams: [Beam], _ count: Int) -> [Beam] {
        let order = beams.indices.sorted {
            beams[$0].score != beams[$1].score ? beams[$0].score > beams[$1].score : $0 < $1
        }
        return order.prefix(count).map { beams[$0] }
    }

    private func isStopped(_ tokens: [Int]) throws -> Bool {
        guard !options.stop.isEmpty, let tokenizer else { return false }
        var text = AnswerText(tokenizer, stop: options.stop)
        for id in tokens { _ = try text.push(id) }
        return text.isStopped
    }

    private func generation(of beam: Beam) throws -> Generation {
        var text = tokenizer.map { AnswerText($0, stop: options.stop) }
        for id in beam.tokens where !endIds.contains(id) { _ = try text?.push(id) }
        _ = try text?.end()
        let isStopped = beam.tokens.last.map(endIds.contains) == true || text?.isStopped == true
        return Generation(tokens: beam.tokens, text: text?.text, finishReason: isStopped ? .stop : .length)
    }
}
