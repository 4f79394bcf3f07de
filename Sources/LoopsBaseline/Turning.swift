/// Parts of a panel (see Panels.swift), rows and columns exchanged: what a product with the transposed matrix reads.
extension Loops {
    private static var side: Int { 4 }

    /// target[j, i] = panel[i, j] for i in 0..<rows, j in 0..<columns, and zeros for i up to `panelColumns`.
    ///
    /// `panel` begins at the first number that is wanted; its rows lie `panelColumns` apart, as do those of `target`.
    package static func turn(
        panel: UnsafePointer<Float>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let width = panelColumns
        if rows < width { zero(target, columns &* width) }
        var i = 0
        while i < rows {
            var j = 0
            while j < columns {
                let (from, to) = (panel + (i &* width &+ j), target + (j &* width &+ i))
                if i &+ side <= rows, j &+ side <= columns {
                    turnSquare(from, width, to)
                } else {
                    for a in 0..<min(side, rows &- i) {
                        for b in 0..<min(side, columns &- j) { to[b &* width &+ a] = from[a &* width &+ b] }
                    }
                }
                j &+= side
            }
            i &+= side
        }
    }

    /// The same from a panel of bfloat16, widened; `rows` counts rows of numbers, of which two share a word.
    package static func turn(
        halves panel: UnsafePointer<UInt32>, rows: Int, columns: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let width = panelColumns
        if rows < width { zero(target, columns &* width) }
        var i = 0
        while i < rows {
            let words = panel + i / 2 &* width
            let isPair = i &+ 1 < rows
            for j in 0..<columns {
                let (word, to) = (words[j], target + (j &* width &+ i))
                to[0] = Float(bitPattern: word &<< 16)
                if isPair { to[1] = Float(bitPattern: word & 0xFFFF_0000) }
            }
            i &+= 2
        }
    }

    /// A square of four by four; rows lie `ld` apart on both sides.
    @inline(__always)
    private static func turnSquare(_ x: UnsafePointer<Float>, _ ld: Int, _ y: UnsafeMutablePointer<Float>) {
        let (a, b, c, d) = (four(x), four(x + ld), four(x + 2 &* ld), four(x + 3 &* ld))
        let (ab, cd) = (SIMD4(a[0], b[0], a[1], b[1]), SIMD4(c[0], d[0], c[1], d[1]))
        let (abRest, cdRest) = (SIMD4(a[2], b[2], a[3], b[3]), SIMD4(c[2], d[2], c[3], d[3]))
        store(ab.lowHalf, y)
        store(cd.lowHalf, y + 2)
        store(ab.highHalf, y + ld)
        store(cd.highHalf, y + (ld &+ 2))
        store(abRest.lowHalf, y + 2 &* ld)
        store(cdRest.lowHalf, y + (2 &* ld &+ 2))
        store(abRest.highHalf, y + 3 &* ld)
        store(cdRest.highHalf, y + (3 &* ld &+ 2))
    }

    @inline(__always)
    private static func four(_ x: UnsafePointer<Float>) -> SIMD4<Float> {
        UnsafeRawPointer(x).loadUnaligned(as: SIMD4<Float>.self)
    }

    @inline(__always)
    private static func store(_ x: SIMD2<Float>, _ y: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(y).storeBytes(of: x, as: SIMD2<Float>.self)
    }
}
