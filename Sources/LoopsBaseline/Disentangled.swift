/// What disentangled attention adds to a query's scores by the places of keys (see Kernels/Attention/DisentangledKernel.swift).
///
/// `places` has for each key the place of its distance from the query; `first` is the one at which `content` and the rows of `position` begin.
extension Loops {
    /// bias[key] = scale · (content[place] + position[key, place]) of `count` keys; either of the two may be missing.
    package static func disentangledBias(
        _ places: UnsafePointer<Int32>, first: Int, count: Int, scale: Float, content: UnsafePointer<Float>?,
        position: UnsafePointer<Float>?, ld: Int, _ bias: UnsafeMutablePointer<Float>
    ) {
        if let content, let position {
            for j in 0..<count {
                let place = Int(places[j]) &- first
                bias[j] = scale * (content[place] + position[j &* ld &+ place])
            }
        } else if let content {
            for j in 0..<count { bias[j] = scale * content[Int(places[j]) &- first] }
        } else if let position {
            for j in 0..<count { bias[j] = scale * position[j &* ld &+ Int(places[j]) &- first] }
        } else {
            for j in 0..<count { bias[j] = 0 }
        }
    }

    /// Adds a query's gradients of `count` scores to content[place] and position[key, place].
    package static func disentangledGradient(
        _ places: UnsafePointer<Int32>, first: Int, count: Int, _ gradients: UnsafePointer<Float>,
        content: UnsafeMutablePointer<Float>?, position: UnsafeMutablePointer<Float>?, ld: Int
    ) {
        if let content {
            for j in 0..<count { content[Int(places[j]) &- first] += gradients[j] }
        }
        if let position {
            for j in 0..<count { position[j &* ld &+ Int(places[j]) &- first] += gradients[j] }
        }
    }
}
