import Kernels

/// Cosines and sines of the angles by which the rows of a pass are rotated: made once, and shared by its layers.
public struct RotaryAngles {
    /// Cosines [rows, pairs].
    public let cos: Tensor
    /// Sines [rows, pairs].
    public let sin: Tensor

    /// Number of rows.
    public var rows: Int { cos.shape[0] }
    /// Pairs of numbers of a head that are rotated.
    public var pairs: Int { cos.shape[1] }

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
