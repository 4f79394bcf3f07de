/// Elementary functions by polynomials of our own, so that loops over them become vector instructions.
///
/// Only arithmetic, comparisons and bit patterns: no calls. Coefficients are least-squares fits at Chebyshev nodes,
/// rounded to float32; the tests compare with the C library.
enum Approximation {
    /// a · b + c, rounded once where the processor can.
    @inline(__always)
    static func fused(_ a: Float, _ b: Float, _ c: Float) -> Float {
        #if FUSED
            c.addingProduct(a, b)
        #else
            a * b + c
        #endif
    }

    /// e^x to about 2 units in the last place: 2^n · e^r with n = round(x / ln 2), |r| <= ln 2 / 2.
    ///
    /// Below -87.3 it is 0 (no subnormal results), above 88.72 infinite; NaN stays NaN.
    @inline(__always)
    static func exp(_ x: Float) -> Float {
        let low: Float = x < -87.3 ? -87.3 : x
        let bounded: Float = low > 88.72 ? 88.72 : low
        let magic: Float = 12_582_912  // 1.5 · 2^23: adding it leaves the rounded integer in the low bits
        let shifted = fused(bounded, 1.442_695_04, magic)
        let n = shifted - magic
        let r = fused(n, -1.428_606_8e-6, fused(n, -0.693_145_75, bounded))
        var p: Float = 0.001_393_388_374_708_593
        p = fused(p, r, 0.008_363_335_393_369_198)
        p = fused(p, r, 0.041_666_463_017_463_684)
        p = fused(p, r, 0.166_665_762_662_887_57)
        p = fused(p, r, 0.5)
        let mantissa = 1 + fused(r * r, p, r)
        let scaled = Float(bitPattern: mantissa.bitPattern &+ (shifted.bitPattern << 23))
        let upper: Float = x > 88.72 ? .infinity : scaled
        let result: Float = x < -87.3 ? 0 : upper
        return x == x ? result : x
    }

    /// The error function to 4e-7: x · P(x²) / Q(x²) on |x| <= 3.95, beyond which float32 rounds it to ±1.
    @inline(__always)
    static func erf(_ x: Float) -> Float {
        let low: Float = x < -3.95 ? -3.95 : x
        let bounded: Float = low > 3.95 ? 3.95 : low
        let z = bounded * bounded
        var p: Float = 2.025_936_510_108_295e-6
        p = fused(p, z, 0.000_284_683_017_525_821_9)
        p = fused(p, z, 0.003_807_972_185_313_701_6)
        p = fused(p, z, 0.052_874_866_873_025_894)
        p = fused(p, z, 0.191_545_963_287_353_52)
        p = fused(p, z, 1.128_379_106_521_606_4)
        var q: Float = 3.783_184_729_400_091e-5
        q = fused(q, z, 0.001_170_678_879_134_357)
        q = fused(q, z, 0.015_054_713_003_337_383)
        q = fused(q, z, 0.114_557_817_578_315_73)
        q = fused(q, z, 0.503_085_851_669_311_5)
        q = fused(q, z, 1)
        return bounded * p / q
    }

    /// The hyperbolic tangent: x + x³ · P(x²) below 0.625, 1 − 2 / (e^2|x| + 1) above.
    @inline(__always)
    static func tanh(_ x: Float) -> Float {
        let size: Float = x < 0 ? -x : x
        let z = x * x
        var p: Float = -0.006_149_835_884_571_075_4
        p = fused(p, z, 0.021_040_914_580_225_945)
        p = fused(p, z, -0.053_862_493_485_212_326)
        p = fused(p, z, 0.133_328_750_729_560_85)
        p = fused(p, z, -0.333_333_313_465_118_4)
        let small = x + x * z * p
        let large: Float = 1 - 2 / (exp(size + size) + 1)
        let signed: Float = x < 0 ? -large : large
        return size < 0.625 ? small : signed
    }

    /// The logistic function 1 / (1 + e^-x).
    @inline(__always)
    static func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
}
