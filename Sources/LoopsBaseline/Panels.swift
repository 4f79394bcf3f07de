/// Products of rows with a panel: some columns of a constant matrix, packed so that those of one of its rows lie together.
///
/// Three vectors wide. The sums of some rows stay in registers while `depth` runs, each a chain of additions in the order of
/// `depth`: what a row gives does not depend on the rows beside it, nor on how they were cut. Eight rows at once fill the 32
/// registers of AVX-512, four the 16 of what came before.
extension Loops {
    #if WIDE
        private typealias Lanes = SIMD16<Float>
        private static var lanes: Int { 16 }
    #elseif FUSED
        private typealias Lanes = SIMD8<Float>
        private static var lanes: Int { 8 }
    #else
        private typealias Lanes = SIMD4<Float>
        private static var lanes: Int { 4 }
    #endif

    /// Columns of a panel.
    package static var panelColumns: Int { 3 &* lanes }

    /// y[rows, panelColumns] = x[rows, depth] · panel[depth, panelColumns], begun with the bias where there is one, with y where `adding` is set.
    ///
    /// Rows of x lie `ldx` apart, those of y `ldy`.
    package static func multiply(
        rows: Int, depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, panel: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var i = 0
        #if WIDE
            while i &+ 8 <= rows {
                eightRows(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
                i &+= 8
            }
        #endif
        while i &+ 4 <= rows {
            fourRows(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
            i &+= 4
        }
        if i &+ 2 <= rows {
            twoRows(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
            i &+= 2
        }
        if i < rows { oneRow(depth, x + i &* ldx, panel, bias, adding, y + i &* ldy) }
    }

    /// The sums of one row.
    private struct Strip {
        var first, second, third: Lanes

        @inline(__always)
        init(_ x: UnsafeRawPointer) {
            first = x.loadUnaligned(as: Lanes.self)
            second = x.loadUnaligned(fromByteOffset: 4 &* lanes, as: Lanes.self)
            third = x.loadUnaligned(fromByteOffset: 8 &* lanes, as: Lanes.self)
        }

        /// What the sums begin with.
        @inline(__always)
        init(_ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>) {
            (first, second, third) = (Lanes(repeating: 0), Lanes(repeating: 0), Lanes(repeating: 0))
            if adding {
                self = Strip(UnsafeRawPointer(y))
            } else if let bias {
                self = Strip(UnsafeRawPointer(bias))
            }
        }

        /// self + x · b.
        @inline(__always)
        mutating func add(_ x: UnsafePointer<Float>, _ b: Strip) {
            let a = Lanes(repeating: x[0])
            #if FUSED
                first = first.addingProduct(a, b.first)
                second = second.addingProduct(a, b.second)
                third = third.addingProduct(a, b.third)
            #else
                first += a * b.first
                second += a * b.second
                third += a * b.third
            #endif
        }

        @inline(__always)
        func store(_ y: UnsafeMutablePointer<Float>) {
            let y = UnsafeMutableRawPointer(y)
            y.storeBytes(of: first, as: Lanes.self)
            y.storeBytes(of: second, toByteOffset: 4 &* lanes, as: Lanes.self)
            y.storeBytes(of: third, toByteOffset: 8 &* lanes, as: Lanes.self)
        }
    }

    /// The sums of two rows, `ld` apart in y and in x.
    private struct Pair {
        var upper, lower: Strip

        @inline(__always)
        init(_ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ld: Int) {
            upper = Strip(bias, adding, y)
            lower = Strip(bias, adding, y + ld)
        }

        @inline(__always)
        mutating func add(_ x: UnsafePointer<Float>, _ ld: Int, _ b: Strip) {
            upper.add(x, b)
            lower.add(x + ld, b)
        }

        @inline(__always)
        func store(_ y: UnsafeMutablePointer<Float>, _ ld: Int) {
            upper.store(y)
            lower.store(y + ld)
        }
    }

    #if WIDE
        @inline(__always)
        private static func eightRows(
            _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: UnsafePointer<Float>,
            _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
        ) {
            var s0 = Pair(bias, adding, y, ldy)
            var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
            var s4 = Pair(bias, adding, y + 4 &* ldy, ldy)
            var s6 = Pair(bias, adding, y + 6 &* ldy, ldy)
            var (x, b) = (x, panel)
            var l = 0
            while l < depth {
                let row = Strip(UnsafeRawPointer(b))
                s0.add(x, ldx, row)
                s2.add(x + 2 &* ldx, ldx, row)
                s4.add(x + 4 &* ldx, ldx, row)
                s6.add(x + 6 &* ldx, ldx, row)
                x += 1
                b += panelColumns
                l &+= 1
            }
            s0.store(y, ldy)
            s2.store(y + 2 &* ldy, ldy)
            s4.store(y + 4 &* ldy, ldy)
            s6.store(y + 6 &* ldy, ldy)
        }
    #endif

    @inline(__always)
    private static func fourRows(
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var s0 = Pair(bias, adding, y, ldy)
        var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            let row = Strip(UnsafeRawPointer(b))
            s0.add(x, ldx, row)
            s2.add(x + 2 &* ldx, ldx, row)
            x += 1
            b += panelColumns
            l &+= 1
        }
        s0.store(y, ldy)
        s2.store(y + 2 &* ldy, ldy)
    }

    @inline(__always)
    private static func twoRows(
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var sums = Pair(bias, adding, y, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            sums.add(x, ldx, Strip(UnsafeRawPointer(b)))
            x += 1
            b += panelColumns
            l &+= 1
        }
        sums.store(y, ldy)
    }

    @inline(__always)
    private static func oneRow(
        _ depth: Int, _ x: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ adding: Bool, _ y: UnsafeMutablePointer<Float>
    ) {
        var sums = Strip(bias, adding, y)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            sums.add(x, Strip(UnsafeRawPointer(b)))
            x += 1
            b += panelColumns
            l &+= 1
        }
        sums.store(y)
    }
}
