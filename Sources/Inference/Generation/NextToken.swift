import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How one token is taken of the scores that there are.
enum NextToken {
    /// The first of the largest.
    static func greatest(_ scores: UnsafeBufferPointer<Float>) -> Int {
        var (best, place) = (-Float.infinity, 0)
        for index in scores.indices where unsafe scores[index] > best {
            unsafe (best, place) = (scores[index], index)
        }
        return place
    }

    /// The token in whose share of all probability, in the order of ids, `point` of [0, 1) lies.
    static func drawn(_ scores: [Float], at point: Double) -> Int {
        let largest = Double(scores.max() ?? 0)
        var (ids, powers, sum): ([Int], [Double], Double) = ([], [], 0)
        for (id, score) in scores.enumerated() where score > -.infinity {
            let power = exp(Double(score) - largest)
            ids.append(id)
            powers.append(power)
            sum += power
        }
        var reached = 0.0
        for (id, power) in zip(ids, powers) {
            reached += power
            if point * sum < reached { return id }
        }
        return ids.last ?? 0
    }

    /// The point at which one answer of one prompt draws the token of a position: a function of these and the seed alone.
    static func point(seed: UInt64, row: Int, answer: Int, position: Int) -> Double {
        RandomKey(seed: seed).child("generate").child(row).child(answer).uniform(position)
    }

    /// Throws where a score of a row is not finite.
    static func check(_ scores: UnsafeBufferPointer<Float>, row: Int, position: Int) throws {
        // 0 · x is 0 for finite numbers alone; the sum is one loop without branches.
        var sum: Float = 0
        for index in scores.indices { unsafe sum += scores[index] * 0 }
        guard sum == 0 else {
            throw InferenceError(
                "the logits for token \(position + 1) of sequence \(row + 1) are not finite; the model's weights or its adapter are broken"
            )
        }
    }
}
