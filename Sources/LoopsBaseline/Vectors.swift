extension Loops {
    /// y = 0.
    package static func zero(_ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = 0 }
    }

    /// z = x + y.
    package static func add(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { z[i] = x[i] + y[i] }
    }

    /// z = x − y.
    package static func subtract(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { z[i] = x[i] - y[i] }
    }

    /// z = x · y, elementwise.
    package static func multiply(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { z[i] = x[i] * y[i] }
    }

    /// z = x / y, elementwise.
    package static func divide(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { z[i] = x[i] / y[i] }
    }

    /// y = y + x.
    package static func accumulate(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] += x[i] }
    }

    /// z = z + x · y, elementwise.
    package static func accumulateProduct(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count { z[i] += x[i] * y[i] }
    }

    /// Whether no x is infinite or NaN: no exponent is all ones.
    package static func areFinite(_ x: UnsafePointer<Float>, _ count: Int) -> Bool {
        var found: UInt32 = 0
        for i in 0..<count { found |= (x[i].bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0 }
        return found == 0
    }

    /// y = y + a · x.
    package static func axpy(_ a: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] += a * x[i] }
    }

    /// y = a · x.
    package static func scale(_ a: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = a * x[i] }
    }

    /// Σ x, in 16 lanes that are added at the end: an order that depends on the count alone.
    package static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = SIMD16<Float>(repeating: 0)
        let whole = count & ~15
        let raw = UnsafeRawPointer(x)
        var i = 0
        while i < whole {
            lanes += raw.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
            i &+= 16
        }
        var rest: Float = 0
        while i < count {
            rest += x[i]
            i &+= 1
        }
        return fold(lanes) + rest
    }

    /// Σ (x − c)².
    package static func squaredDistance(_ x: UnsafePointer<Float>, from c: Float, _ count: Int) -> Float {
        var lanes = SIMD16<Float>(repeating: 0)
        let whole = count & ~15
        let raw = UnsafeRawPointer(x)
        let center = SIMD16<Float>(repeating: c)
        var i = 0
        while i < whole {
            let d = raw.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self) - center
            lanes += d * d
            i &+= 16
        }
        var rest: Float = 0
        while i < count {
            rest += (x[i] - c) * (x[i] - c)
            i &+= 1
        }
        return fold(lanes) + rest
    }

    /// Σ x · y.
    package static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = SIMD16<Float>(repeating: 0)
        let whole = count & ~15
        let (a, b) = (UnsafeRawPointer(x), UnsafeRawPointer(y))
        var i = 0
        while i < whole {
            lanes +=
                a.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
                * b.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
            i &+= 16
        }
        var rest: Float = 0
        while i < count {
            rest += x[i] * y[i]
            i &+= 1
        }
        return fold(lanes) + rest
    }

    /// Σ x · y · z.
    package static func dot(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ count: Int
    ) -> Float {
        var lanes = SIMD16<Float>(repeating: 0)
        let whole = count & ~15
        let (a, b, c) = (UnsafeRawPointer(x), UnsafeRawPointer(y), UnsafeRawPointer(z))
        var i = 0
        while i < whole {
            lanes +=
                a.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
                * b.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
                * c.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self)
            i &+= 16
        }
        var rest: Float = 0
        while i < count {
            rest += x[i] * y[i] * z[i]
            i &+= 1
        }
        return fold(lanes) + rest
    }

    /// The largest x (-infinity for none; NaN is passed over, the sum that follows shows it).
    package static func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        var (a, b, c, d) = (-Float.infinity, -Float.infinity, -Float.infinity, -Float.infinity)
        let whole = count & ~3
        var i = 0
        while i < whole {
            a = x[i] > a ? x[i] : a
            b = x[i &+ 1] > b ? x[i &+ 1] : b
            c = x[i &+ 2] > c ? x[i &+ 2] : c
            d = x[i &+ 3] > d ? x[i &+ 3] : d
            i &+= 4
        }
        while i < count {
            a = x[i] > a ? x[i] : a
            i &+= 1
        }
        a = b > a ? b : a
        c = d > c ? d : c
        return c > a ? c : a
    }

    @inline(__always)
    package static func fold(_ v: SIMD16<Float>) -> Float {
        let a = v.lowHalf + v.highHalf
        let b = a.lowHalf + a.highHalf
        return (b[0] + b[2]) + (b[1] + b[3])
    }
}
