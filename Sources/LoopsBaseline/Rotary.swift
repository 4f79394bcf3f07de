/// Rotations of pairs of numbers of one head (see Kernels/Elements/Rotation.swift); y may be x.
///
/// Vectors are read whole before they are written: a loop over scalars that reads and writes the same place would not be vector
/// instructions.
extension Loops {
    /// (y[i], y[i + pairs]) = (x[i] · c − x[i + pairs] · s, x[i + pairs] · c + x[i] · s), s = sign · sin[i].
    package static func rotateHalves(
        _ x: UnsafePointer<Float>, cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, sign: Float,
        _ y: UnsafeMutablePointer<Float>, _ pairs: Int
    ) {
        var i = 0
        while i &+ 16 <= pairs {
            let (a, b) = (load(x, i), load(x, i &+ pairs))
            let (c, s) = (load(cos, i), load(sin, i) * sign)
            store(a * c - b * s, y, i)
            store(b * c + a * s, y, i &+ pairs)
            i &+= 16
        }
        while i < pairs {
            let (a, b) = (x[i], x[i &+ pairs])
            let (c, s) = (cos[i], sin[i] * sign)
            y[i] = a * c - b * s
            y[i &+ pairs] = b * c + a * s
            i &+= 1
        }
    }

    /// (y[2i], y[2i + 1]) = (x[2i] · c − x[2i + 1] · s, x[2i + 1] · c + x[2i] · s), s = sign · sin[i].
    package static func rotateNeighbours(
        _ x: UnsafePointer<Float>, cos: UnsafePointer<Float>, sin: UnsafePointer<Float>, sign: Float,
        _ y: UnsafeMutablePointer<Float>, _ pairs: Int
    ) {
        var i = 0
        while i &+ 8 <= pairs {
            let both = load(x, 2 &* i)
            let (a, b) = (both.evenHalf, both.oddHalf)
            let c = UnsafeRawPointer(cos + i).loadUnaligned(as: SIMD8<Float>.self)
            let s = UnsafeRawPointer(sin + i).loadUnaligned(as: SIMD8<Float>.self) * sign
            var turned = SIMD16<Float>(repeating: 0)
            turned.evenHalf = a * c - b * s
            turned.oddHalf = b * c + a * s
            store(turned, y, 2 &* i)
            i &+= 8
        }
        while i < pairs {
            let (a, b) = (x[2 &* i], x[2 &* i &+ 1])
            let (c, s) = (cos[i], sin[i] * sign)
            y[2 &* i] = a * c - b * s
            y[2 &* i &+ 1] = b * c + a * s
            i &+= 1
        }
    }
}
