import CProcessor

/// Products of rows with a panel: some columns of a constant matrix, packed so that those of one of its rows lie together.
///
/// Three vectors wide. The sums of some rows stay in registers while `depth` runs, each a chain of additions in the order of
/// `depth`: what a row gives does not depend on the rows beside it, nor on how they were cut. Eight rows at once fill the 32
/// registers of AVX-512, four the 16 of what came before. The first rows wait for memory: for them the panel is asked for some way ahead,
/// since what the processor asks for by itself ends with every page; the others find it in cache.
extension Loops {
    #if WIDE
        private typealias Lanes = SIMD16<Float>
        private typealias Words = SIMD16<UInt32>
        private static var lanes: Int { 16 }
    #elseif FUSED
        private typealias Lanes = SIMD8<Float>
        private typealias Words = SIMD8<UInt32>
        private static var lanes: Int { 8 }
    #else
        private typealias Lanes = SIMD4<Float>
        private typealias Words = SIMD4<UInt32>
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
        let panel = Panel(start: UnsafeRawPointer(panel), isFar: true)
        var i = 0
        #if WIDE
            if rows >= 8 {
                eightRows(depth, x, ldx, panel, bias, adding, y, ldy)
                i = 8
            }
            while i &+ 8 <= rows {
                eightRows(depth, x + i &* ldx, ldx, panel.near, bias, adding, y + i &* ldy, ldy)
                i &+= 8
            }
        #endif
        if i == 0, rows >= 4 {
            fourRows(depth, x, ldx, panel, bias, adding, y, ldy)
            i = 4
        }
        while i &+ 4 <= rows {
            fourRows(depth, x + i &* ldx, ldx, panel.near, bias, adding, y + i &* ldy, ldy)
            i &+= 4
        }
        let last = i == 0 ? panel : panel.near
        if i &+ 2 <= rows {
            twoRows(depth, x + i &* ldx, ldx, last, bias, adding, y + i &* ldy, ldy)
            i &+= 2
        }
        if i < rows { oneRow(depth, x + i &* ldx, last, bias, adding, y + i &* ldy) }
    }

    /// The same with a panel of bfloat16, widened as it is read, to the same bits: for few rows, where memory is waited for.
    ///
    /// Two rows of the panel lie together, the numbers of a column in one word, the first row's below: a shift or a mask widens them. Of an
    /// odd depth the last row has zeros above.
    package static func multiply(
        rows: Int, depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, halves panel: UnsafePointer<UInt32>,
        bias: UnsafePointer<Float>?, adding: Bool, into y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        let panel = Panel(start: UnsafeRawPointer(panel), isFar: true)
        var i = 0
        #if WIDE
            while i &+ 8 <= rows {
                eightRowsOfHalves(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
                i &+= 8
            }
        #endif
        while i &+ 4 <= rows {
            fourRowsOfHalves(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
            i &+= 4
        }
        if i &+ 2 <= rows {
            twoRowsOfHalves(depth, x + i &* ldx, ldx, panel, bias, adding, y + i &* ldy, ldy)
            i &+= 2
        }
        if i < rows { oneRowOfHalves(depth, x + i &* ldx, panel, bias, adding, y + i &* ldy) }
    }

    /// target[depth, panelColumns] = a panel of bfloat16 (see `multiply`), widened.
    package static func widen(
        halves panel: UnsafePointer<UInt32>, depth: Int, into target: UnsafeMutablePointer<Float>
    ) {
        var (panel, target) = (Panel(start: UnsafeRawPointer(panel), isFar: true), target)
        var l = 0
        while l < depth {
            let words = panel.nextWords()
            words.lower.store(target)
            if l &+ 1 < depth { words.upper.store(target + panelColumns) }
            target += 2 &* panelColumns
            l &+= 2
        }
    }

    /// Bytes of a panel between what is read and what is asked for.
    private static var ahead: Int { 2048 }

    /// The rows of a panel, one after the other.
    private struct Panel {
        var start: UnsafeRawPointer
        /// Whether it comes from memory, so that it is asked for ahead.
        let isFar: Bool

        /// The same once it is in cache.
        var near: Panel {
            @inline(__always) get { Panel(start: start, isFar: false) }
        }

        @inline(__always)
        mutating func next() -> Strip {
            let row = Strip(start)
            advance()
            return row
        }

        /// Two rows of bfloat16.
        @inline(__always)
        mutating func nextWords() -> TwoStrips {
            let words = TwoStrips(start)
            advance()
            return words
        }

        @inline(__always)
        private mutating func advance() {
            if isFar {
                processor_prefetch(start + ahead)
                if lanes > 4 { processor_prefetch(start + (ahead &+ 64)) }
                if lanes > 8 { processor_prefetch(start + (ahead &+ 128)) }
            }
            start += 4 &* panelColumns
        }
    }

    /// Two rows of bfloat16: the upper halves of float32.
    private struct TwoStrips {
        private let first, second, third: Words

        @inline(__always)
        init(_ x: UnsafeRawPointer) {
            first = x.loadUnaligned(as: Words.self)
            second = x.loadUnaligned(fromByteOffset: 4 &* lanes, as: Words.self)
            third = x.loadUnaligned(fromByteOffset: 8 &* lanes, as: Words.self)
        }

        /// The first row.
        var lower: Strip {
            @inline(__always) get {
                Strip(
                    unsafeBitCast(first &<< 16, to: Lanes.self), unsafeBitCast(second &<< 16, to: Lanes.self),
                    unsafeBitCast(third &<< 16, to: Lanes.self))
            }
        }

        /// The second row.
        var upper: Strip {
            @inline(__always) get {
                Strip(
                    unsafeBitCast(first & 0xFFFF_0000, to: Lanes.self),
                    unsafeBitCast(second & 0xFFFF_0000, to: Lanes.self),
                    unsafeBitCast(third & 0xFFFF_0000, to: Lanes.self))
            }
        }
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

        @inline(__always)
        init(_ first: Lanes, _ second: Lanes, _ third: Lanes) {
            (self.first, self.second, self.third) = (first, second, third)
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
            _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel,
            _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
        ) {
            var s0 = Pair(bias, adding, y, ldy)
            var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
            var s4 = Pair(bias, adding, y + 4 &* ldy, ldy)
            var s6 = Pair(bias, adding, y + 6 &* ldy, ldy)
            var (x, b) = (x, panel)
            var l = 0
            while l < depth {
                let row = b.next()
                s0.add(x, ldx, row)
                s2.add(x + 2 &* ldx, ldx, row)
                s4.add(x + 4 &* ldx, ldx, row)
                s6.add(x + 6 &* ldx, ldx, row)
                x += 1
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
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel,
        _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var s0 = Pair(bias, adding, y, ldy)
        var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            let row = b.next()
            s0.add(x, ldx, row)
            s2.add(x + 2 &* ldx, ldx, row)
            x += 1
            l &+= 1
        }
        s0.store(y, ldy)
        s2.store(y + 2 &* ldy, ldy)
    }

    @inline(__always)
    private static func twoRows(
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel,
        _ bias: UnsafePointer<Float>?, _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var sums = Pair(bias, adding, y, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            sums.add(x, ldx, b.next())
            x += 1
            l &+= 1
        }
        sums.store(y, ldy)
    }

    @inline(__always)
    private static func oneRow(
        _ depth: Int, _ x: UnsafePointer<Float>, _ panel: Panel, _ bias: UnsafePointer<Float>?,
        _ adding: Bool, _ y: UnsafeMutablePointer<Float>
    ) {
        var sums = Strip(bias, adding, y)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            sums.add(x, b.next())
            x += 1
            l &+= 1
        }
        sums.store(y)
    }

    #if WIDE
        @inline(__always)
        private static func eightRowsOfHalves(
            _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel, _ bias: UnsafePointer<Float>?,
            _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
        ) {
            var s0 = Pair(bias, adding, y, ldy)
            var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
            var s4 = Pair(bias, adding, y + 4 &* ldy, ldy)
            var s6 = Pair(bias, adding, y + 6 &* ldy, ldy)
            var (x, b) = (x, panel)
            var l = 0
            while l < depth {
                let rows = b.nextWords()
                let lower = rows.lower
                s0.add(x, ldx, lower)
                s2.add(x + 2 &* ldx, ldx, lower)
                s4.add(x + 4 &* ldx, ldx, lower)
                s6.add(x + 6 &* ldx, ldx, lower)
                if l &+ 1 < depth {
                    let (upper, z) = (rows.upper, x + 1)
                    s0.add(z, ldx, upper)
                    s2.add(z + 2 &* ldx, ldx, upper)
                    s4.add(z + 4 &* ldx, ldx, upper)
                    s6.add(z + 6 &* ldx, ldx, upper)
                }
                x += 2
                l &+= 2
            }
            s0.store(y, ldy)
            s2.store(y + 2 &* ldy, ldy)
            s4.store(y + 4 &* ldy, ldy)
            s6.store(y + 6 &* ldy, ldy)
        }
    #endif

    @inline(__always)
    private static func twoRowsOfHalves(
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel, _ bias: UnsafePointer<Float>?,
        _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var sums = Pair(bias, adding, y, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            let rows = b.nextWords()
            sums.add(x, ldx, rows.lower)
            if l &+ 1 < depth { sums.add(x + 1, ldx, rows.upper) }
            x += 2
            l &+= 2
        }
        sums.store(y, ldy)
    }

    @inline(__always)
    private static func fourRowsOfHalves(
        _ depth: Int, _ x: UnsafePointer<Float>, _ ldx: Int, _ panel: Panel, _ bias: UnsafePointer<Float>?,
        _ adding: Bool, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
    ) {
        var s0 = Pair(bias, adding, y, ldy)
        var s2 = Pair(bias, adding, y + 2 &* ldy, ldy)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            let rows = b.nextWords()
            let lower = rows.lower
            s0.add(x, ldx, lower)
            s2.add(x + 2 &* ldx, ldx, lower)
            if l &+ 1 < depth {
                let upper = rows.upper
                s0.add(x + 1, ldx, upper)
                s2.add(x + (2 &* ldx &+ 1), ldx, upper)
            }
            x += 2
            l &+= 2
        }
        s0.store(y, ldy)
        s2.store(y + 2 &* ldy, ldy)
    }

    @inline(__always)
    private static func oneRowOfHalves(
        _ depth: Int, _ x: UnsafePointer<Float>, _ panel: Panel, _ bias: UnsafePointer<Float>?, _ adding: Bool,
        _ y: UnsafeMutablePointer<Float>
    ) {
        var sums = Strip(bias, adding, y)
        var (x, b) = (x, panel)
        var l = 0
        while l < depth {
            let rows = b.nextWords()
            sums.add(x, rows.lower)
            if l &+ 1 < depth { sums.add(x + 1, rows.upper) }
            x += 2
            l &+= 2
        }
        sums.store(y)
    }
}
