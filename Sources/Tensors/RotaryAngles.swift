import Kernels

/// Cosines and sines of the angles by which the rows of a pass are rotated: made once, and shared by its layers.
public struct RotaryAngles: @unchecked Sendable {
    // Sendable since nothing writes to angles once they are made.

    /// Cosines [rows, pairs].
    public let cos: Tensor
    /// Sines [rows, pairs].
    public let sin: Tensor

    /// Number of rows.
    public var rows: Int { cos.shape[0] }
    /// Pairs of numbers of a head that are rotated.
    public var pairs: Int { cos.shape[1] }

    private init(cos: Tensor, sin: Tensor) { (self.cos, self.sin) = (cos, sin) }

    /// Angles of some rows after those of others.
    public init(joining parts: [RotaryAngles]) throws {
        self.init(cos: try Tensor.cat(parts.map(\.cos)), sin: try Tensor.cat(parts.map(\.sin)))
    }

    /// The angles of some rows, in the order given.
    public func rows(_ indices: [Int]) throws -> RotaryAngles {
        RotaryAngles(cos: try cos.gatherRows(indices), sin: try sin.gatherRows(indices))
    }

    /// Angles position · frequency, their cosines and sines times `scaling` (what transformers calls `attention_scaling`).
    ///
    /// - Parameters:
    ///   - positions: place of each row in its sequence, from 0.
    ///   - frequencies: `inv_freq` of the reference, one for each pair.
    public init(positions: [Int], frequencies: [Float], scaling: Float = 1) throws {
        cos = try Tensor(uninitialized: [positions.count, frequencies.count])
        sin = try Tensor(uninitialized: [positions.count, frequencies.count])
        Rotation.angles(
            positions: positions, frequencies: frequencies, scaling: scaling, cos: try cos.mutableFloats(),
            sin: try sin.mutableFloats())
    }
}
