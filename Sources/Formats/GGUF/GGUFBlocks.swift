/// Expands blocks of GGUF tensors to float32, to the bits of the Python package `gguf` (0.19, quants.py).
///
/// Layouts are those of ggml's block structures. d and m are scales of a block, q its small integers; each number is one product and
/// at most one sum in float32, in the oracle's order. Sums and products of two NaN may give either.
enum GGUFBlocks {
    /// Expands `blocks` blocks that begin at `source` to `target`.
    typealias Expansion = (_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) -> Void

    /// How a type is expanded; nil for the types that are not read.
    static func expansion(of type: GGUFType) -> Expansion? {
        switch type {
        case .f32: f32
        case .f16: f16
        case .bf16: bf16
        case .q4_0: q4_0
        case .q4_1: q4_1
        case .q5_0: q5_0
        case .q5_1: q5_1
        case .q8_0: q8_0
        case .q2_K: q2_K
        case .q3_K: q3_K
        case .q4_K: q4_K
        case .q5_K: q5_K
        case .q6_K: q6_K
        default: nil
        }
    }

    // MARK: Plain numbers

    private static func f32(_ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count &* 4)
    }

    private static func f16(_ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutablePointer<Float>) {
        for i in 0..<count { target[i] = half(source + i &* 2) }
    }

    private static func bf16(_ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutablePointer<Float>) {
        for i in 0..<count {
            target[i] = HalfFloats.float(bfloat16: (source + i &* 2).loadUnaligned(as: UInt16.self))
        }
    }

    // MARK: Blocks of 32: a scale d, perhaps a least number m, and the integers

    /// d, 16 bytes: x = d · (q − 8); low halves of the bytes come first.
    private static func q4_0(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 18, target + block &* 32)
            let (d, q) = (half(from), bytes(from + 2))
            for i in 0..<16 {
                to[i] = d * Float(Int32(q[i] & 15) &- 8)
                to[i &+ 16] = d * Float(Int32(q[i] >> 4) &- 8)
            }
        }
    }

    /// d, m, 16 bytes: x = d · q + m.
    private static func q4_1(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 20, target + block &* 32)
            let (d, m, q) = (half(from), half(from + 2), bytes(from + 4))
            for i in 0..<16 {
                to[i] = d * Float(Int32(q[i] & 15)) + m
                to[i &+ 16] = d * Float(Int32(q[i] >> 4)) + m
            }
        }
    }

    /// d, 32 fifth bits, 16 bytes: x = d · (q − 16).
    private static func q5_0(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 22, target + block &* 32)
            let (d, high, q) = (half(from), (from + 2).loadUnaligned(as: UInt32.self), bytes(from + 6))
            for i in 0..<16 {
                let (low, up) = (high &>> UInt32(i) & 1, high &>> UInt32(i &+ 16) & 1)
                to[i] = d * Float(Int32(q[i] & 15) &+ Int32(low &* 16) &- 16)
                to[i &+ 16] = d * Float(Int32(q[i] >> 4) &+ Int32(up &* 16) &- 16)
            }
        }
    }

    /// d, m, 32 fifth bits, 16 bytes: x = d · q + m.
    private static func q5_1(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 24, target + block &* 32)
            let (d, m) = (half(from), half(from + 2))
            let (high, q) = ((from + 4).loadUnaligned(as: UInt32.self), bytes(from + 8))
            for i in 0..<16 {
                let (low, up) = (high &>> UInt32(i) & 1, high &>> UInt32(i &+ 16) & 1)
                to[i] = d * Float(Int32(q[i] & 15) &+ Int32(low &* 16)) + m
                to[i &+ 16] = d * Float(Int32(q[i] >> 4) &+ Int32(up &* 16)) + m
            }
        }
    }

    /// d, 32 signed bytes: x = d · q.
    private static func q8_0(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 34, target + block &* 32)
            let (d, q) = (half(from), (from + 2).assumingMemoryBound(to: Int8.self))
            for i in 0..<32 { to[i] = d * Float(Int32(q[i])) }
        }
    }

    // MARK: Blocks of 256: scales of the parts are small integers too

    /// 16 bytes of scales (low half for d, high half for the least number), 64 bytes of pairs of bits, d, m.
    private static func q2_K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 84, target + block &* 256)
            let (scales, q) = (bytes(from), bytes(from + 16))
            let (d, m) = (half(from + 80), half(from + 82))
            for part in 0..<16 {
                let (dl, ml) = (d * Float(Int32(scales[part] & 15)), m * Float(Int32(scales[part] >> 4)))
                // Parts 0…7 lie in the first 32 bytes, two to a pair of bits.
                let (from, shift) = (q + (part >> 3 &* 32 &+ part & 1 &* 16), UInt8(part >> 1 & 3) &* 2)
                let to = to + part &* 16
                for i in 0..<16 { to[i] = dl * Float(Int32(from[i] &>> shift & 3)) - ml }
            }
        }
    }

    /// 32 bytes of third bits (set: nothing is taken off), 64 bytes of pairs of bits, 16 scales of 6 bits, d.
    private static func q3_K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 110, target + block &* 256)
            let (high, q, scales, d) = (bytes(from), bytes(from + 32), bytes(from + 96), half(from + 108))
            for part in 0..<16 {
                let low = part < 8 ? scales[part] & 15 : scales[part &- 8] >> 4
                let up = scales[8 &+ part & 3] >> (UInt8(part >> 2) &* 2) & 3
                let dl = d * Float(Int32(low | up << 4) &- 32)
                let (from, shift) = (q + (part >> 3 &* 32 &+ part & 1 &* 16), UInt8(part >> 1 & 3) &* 2)
                let (mask, bit, to) = (high + part & 1 &* 16, UInt8(part >> 1), to + part &* 16)
                for i in 0..<16 {
                    let less = Int32((mask[i] &>> bit & 1) ^ 1) &* 4
                    to[i] = dl * Float(Int32(from[i] &>> shift & 3) &- less)
                }
            }
        }
    }

    /// d, m, 8 pairs of 6-bit scales in 12 bytes, 128 bytes: x = d · scale · q − m · least.
    private static func q4_K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 144, target + block &* 256)
            let (d, m, scales, q) = (half(from), half(from + 2), bytes(from + 4), bytes(from + 16))
            for part in 0..<8 {
                let (scale, least) = scalePair(scales, part)
                let (dl, ml) = (d * Float(Int32(scale)), m * Float(Int32(least)))
                let (from, shift, to) = (q + part >> 1 &* 32, UInt8(part & 1) &* 4, to + part &* 32)
                for i in 0..<32 { to[i] = dl * Float(Int32(from[i] &>> shift & 15)) - ml }
            }
        }
    }

    /// As Q4_K, with 32 bytes of fifth bits before the 128: bit j belongs to part j.
    private static func q5_K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 176, target + block &* 256)
            let (d, m, scales) = (half(from), half(from + 2), bytes(from + 4))
            let (high, q) = (bytes(from + 16), bytes(from + 48))
            for part in 0..<8 {
                let (scale, least) = scalePair(scales, part)
                let (dl, ml) = (d * Float(Int32(scale)), m * Float(Int32(least)))
                let (from, shift, to) = (q + part >> 1 &* 32, UInt8(part & 1) &* 4, to + part &* 32)
                let bit = UInt8(part)
                for i in 0..<32 {
                    to[i] = dl * Float(Int32(from[i] &>> shift & 15 | (high[i] &>> bit & 1) << 4)) - ml
                }
            }
        }
    }

    /// 128 bytes of low halves, 64 of upper pairs of bits, 16 signed scales, d: x = d · scale · (q − 32).
    private static func q6_K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let (from, to) = (source + block &* 210, target + block &* 256)
            let (low, high, d) = (bytes(from), bytes(from + 128), half(from + 208))
            let scales = (from + 192).assumingMemoryBound(to: Int8.self)
            for part in 0..<16 {
                let dl = d * Float(Int32(scales[part]))
                // A half of the block is 8 parts: 64 bytes whose low halves are parts 0…3, whose high ones are parts 4…7.
                let (half, inner) = (part >> 3, part & 7)
                let (from, shift) = (low + (half &* 64 &+ inner & 3 &* 16), UInt8(inner >> 2) &* 4)
                let (up, upShift) = (high + (half &* 32 &+ inner & 1 &* 16), UInt8(inner >> 1) &* 2)
                let to = to + part &* 16
                for i in 0..<16 {
                    to[i] = dl * Float(Int32(from[i] &>> shift & 15 | (up[i] &>> upShift & 3) << 4) &- 32)
                }
            }
        }
    }

    /// Scale and least number of one of the 8 parts of a Q4_K or Q5_K block, 6 bits each in 12 bytes.
    @inline(__always) private static func scalePair(_ s: UnsafePointer<UInt8>, _ part: Int) -> (UInt8, UInt8) {
        if part < 4 { return (s[part] & 63, s[part &+ 4] & 63) }
        return (s[part &+ 4] & 15 | s[part &- 4] >> 2 & 0x30, s[part &+ 4] >> 4 | s[part] >> 2 & 0x30)
    }

    @inline(__always) private static func half(_ at: UnsafeRawPointer) -> Float {
        HalfFloats.float(float16: at.loadUnaligned(as: UInt16.self))
    }

    @inline(__always) private static func bytes(_ at: UnsafeRawPointer) -> UnsafePointer<UInt8> {
        at.assumingMemoryBound(to: UInt8.self)
    }
}
