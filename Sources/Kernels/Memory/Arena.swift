import Memory
import Synchronization

/// Memory in large regions from the system, cut into blocks of any size; free neighbours become one block again.
///
/// What batches of changing lengths need fits into the memory of the batches before: a large block is cut up for small ones and
/// whole again after them. Free blocks are listed by size, in classes 1/32 apart, as in two-level segregated fit (Masmano,
/// Ripoll, Crespo, Real 2004); taking and giving cost about as much however many there are. Large regions also let the
/// system use large pages.
public final class Arena: Sendable {
    /// What blocks begin at and are multiples of, in bytes: a line of the cache.
    static let unit = 64

    /// A block that is in use.
    public struct Block: Sendable {
        fileprivate let index: Int
        private let address: UInt
        /// Bytes that it has.
        public let byteCount: Int

        fileprivate init(index: Int, address: UInt, byteCount: Int) {
            (self.index, self.address, self.byteCount) = (index, address, byteCount)
        }

        /// Its first byte, aligned to 64; nil for no block of an arena.
        public var start: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: address) }
    }

    /// Counts of an arena.
    public struct Counts: Sendable {
        /// Bytes in blocks that are in use.
        public var live = 0
        /// The most bytes in use at once, ever or since `resetPeak`.
        public var peak = 0
        /// Bytes of all regions.
        public var held = 0
        /// The most bytes of regions at once.
        public var heldPeak = 0
        /// Bytes of regions that it began with.
        public var heldAtStart = 0
        /// Regions asked from the system so far.
        public var regions = 0
    }

    private let state: Mutex<State>
    /// Whether there are addresses alone.
    private let isImagined: Bool

    /// An arena; `keepsRegions` says whether regions stay for later blocks when nothing is in them.
    public init(regionBytes: Int = 32 << 20, keepsRegions: Bool = true) {
        state = Mutex(State(regionBytes: regionBytes, keepsRegions: keepsRegions))
        isImagined = false
    }

    /// An arena of addresses without memory, as large and as full as one with these counts: what is taken from it, and how its regions
    /// grow, is counted as of any other, and the budget is not asked.
    init(like counts: Counts, regionBytes: Int = 32 << 20, keepsRegions: Bool = true) {
        state = Mutex(State(regionBytes: regionBytes, keepsRegions: keepsRegions, like: counts))
        isImagined = true
    }

    /// What it holds now.
    public var counts: Counts { state.withLock { $0.counts } }

    /// Begins to measure the peak anew.
    public func resetPeak() { state.withLock { $0.counts.peak = $0.counts.live } }

    /// Bytes that a block for `byteCount` bytes has.
    public static func rounded(_ byteCount: Int) -> Int { (max(byteCount, 1) + unit - 1) / unit * unit }

    /// A block of at least `byteCount` bytes, uninitialised; nil where the system has no more memory.
    ///
    /// Throws where a new region would be more than the memory budget allows. What fits into the regions that are there costs no look
    /// at the budget: they were asked for when they came.
    public func take(byteCount: Int) throws -> Block? {
        guard byteCount <= Arena.largest else { return nil }
        let units = Arena.rounded(byteCount) / Arena.unit
        if let block = state.withLock({ $0.take(units: units, growing: false) }) { return block }
        // Outside of the lock: who is asked may free blocks of this arena.
        if !isImagined { try MemoryBudget.reserve(state.withLock { $0.regionBytes(units) }) }
        return state.withLock { $0.take(units: units, growing: true) }
    }

    deinit {
        if isImagined { state.withLock { $0.forgetAll() } }
    }

    /// Takes a block back.
    public func give(_ block: Block) { state.withLock { $0.give(block.index) } }

    /// Gives the regions in which nothing is in use back to the system.
    public func trim() { state.withLock { $0.release(downTo: 0) } }

    /// The largest block: more than any machine has.
    static let largest = 1 << 46
}

/// A piece of a region, in use or free.
private struct Piece {
    var address: UInt
    var units: Int
    var isFree = false
    /// Neighbours in the region, and in the list of free pieces of the class; `none` at the ends.
    var before = State.none
    var after = State.none
    var previous = State.none
    var next = State.none
}

private struct State {
    static let none = -1
    /// Classes of each power of two.
    static let steps = 32

    let regionBytes: Int
    let keepsRegions: Bool
    private var isImagined = false
    var counts = Arena.Counts()
    private var pieces: [Piece] = []
    /// Places in `pieces` that are not used.
    private var vacant: [Int] = []
    /// First free piece of each class, and which classes have one.
    private var first = [Int](repeating: State.none, count: (State.class(Arena.largest / Arena.unit) + 64) / 64 * 64)
    private var filled: [UInt64]

    init(regionBytes: Int, keepsRegions: Bool) {
        (self.regionBytes, self.keepsRegions) = (regionBytes, keepsRegions)
        filled = [UInt64](repeating: 0, count: first.count / 64)
    }

    /// A state of addresses without memory, of one region as large and as full as `counts` say.
    init(regionBytes: Int, keepsRegions: Bool, like counts: Arena.Counts) {
        self.init(regionBytes: regionBytes, keepsRegions: keepsRegions)
        isImagined = true
        let units = max(counts.held, counts.live) / Arena.unit
        if units > 0, grow(units) != nil { _ = take(units: max(1, counts.live / Arena.unit), growing: false) }
        self.counts.heldPeak = self.counts.held
        self.counts.heldAtStart = self.counts.held
    }

    /// The class of pieces of this size: sizes below `steps` have one each, then every power of two has `steps`.
    static func `class`(_ units: Int) -> Int {
        guard units >= steps else { return units }
        let shift = Int.bitWidth - 1 - units.leadingZeroBitCount - 5
        return steps * shift + (units >> shift)
    }

    mutating func take(units: Int, growing: Bool) -> Arena.Block? {
        guard let index = find(units) ?? (growing ? grow(units) : nil) else { return nil }
        unlist(index)
        let rest = pieces[index].units - units
        if rest > 0 {
            let after = pieces[index].after
            let piece = Piece(
                address: pieces[index].address + UInt(units * Arena.unit), units: rest, before: index, after: after)
            let cut = add(piece)
            if after != State.none { pieces[after].before = cut }
            pieces[index].after = cut
            pieces[index].units = units
            list(cut)
        }
        counts.live += units * Arena.unit
        counts.peak = max(counts.peak, counts.live)
        return Arena.Block(index: index, address: pieces[index].address, byteCount: units * Arena.unit)
    }

    mutating func give(_ index: Int) {
        counts.live -= pieces[index].units * Arena.unit
        var index = index
        let (before, after) = (pieces[index].before, pieces[index].after)
        if after != State.none, pieces[after].isFree {
            unlist(after)
            join(index, after)
        }
        if before != State.none, pieces[before].isFree {
            unlist(before)
            join(before, index)
            index = before
        }
        list(index)
        if !keepsRegions, isRegion(index) { release(index) }
    }

    /// Gives unused regions back until at most `bytes` are held beyond what is in use.
    mutating func release(downTo bytes: Int) {
        for index in pieces.indices where counts.held - counts.live > bytes {
            if pieces[index].isFree, isRegion(index) { release(index) }
        }
    }

    /// Gives all addresses back, whatever is in use.
    mutating func forgetAll() {
        for index in pieces.indices where pieces[index].isFree { unlist(index) }
        for index in pieces.indices where pieces[index].before == State.none && !vacant.contains(index) {
            var (bytes, next) = (0, index)
            while next != State.none {
                bytes += pieces[next].units * Arena.unit
                next = pieces[next].after
            }
            if let start = UnsafeMutableRawPointer(bitPattern: pieces[index].address) {
                Pages.forget(start, byteCount: bytes)
            }
        }
    }

    /// A free piece of at least `units`.
    private func find(_ units: Int) -> Int? {
        // Pieces of the size's own class may be too small: some are looked at.
        var index = first[State.class(units)]
        for _ in 0..<16 where index != State.none {
            if pieces[index].units >= units { return index }
            index = pieces[index].next
        }
        let from = State.class(units) + 1
        for word in from / 64..<filled.count {
            let bits = filled[word] & (word == from / 64 ? ~0 << UInt64(from % 64) : ~0)
            if bits != 0 { return first[word * 64 + bits.trailingZeroBitCount] }
        }
        return nil
    }

    /// Bytes of a new region for a block; few under a small limit, so that little of it lies idle.
    func regionBytes(_ units: Int) -> Int {
        Pages.rounded(max(min(regionBytes, MemoryBudget.limit / 16), units * Arena.unit))
    }

    /// A new region, as one free piece.
    private mutating func grow(_ units: Int) -> Int? {
        let bytes = regionBytes(units)
        // What is held stays below half more than was ever in use at once, and a few regions.
        let allowed = counts.peak + counts.peak / 2 + 4 * regionBytes
        release(downTo: max(0, allowed - bytes - counts.live))
        var address = isImagined ? Pages.imagine(byteCount: bytes) : Pages.map(byteCount: bytes)
        if address == nil, !isImagined {
            release(downTo: 0)
            address = Pages.map(byteCount: bytes)
        }
        guard let address else { return nil }
        counts.held += bytes
        counts.heldPeak = max(counts.heldPeak, counts.held)
        counts.regions += 1
        let index = add(Piece(address: UInt(bitPattern: address), units: bytes / Arena.unit))
        list(index)
        return index
    }

    private func isRegion(_ index: Int) -> Bool {
        pieces[index].before == State.none && pieces[index].after == State.none
    }

    private mutating func release(_ index: Int) {
        unlist(index)
        let bytes = pieces[index].units * Arena.unit
        if let start = UnsafeMutableRawPointer(bitPattern: pieces[index].address) {
            if isImagined { Pages.forget(start, byteCount: bytes) } else { Pages.unmap(start, byteCount: bytes) }
        }
        counts.held -= bytes
        pieces[index].isFree = false
        vacant.append(index)
    }

    /// Makes two neighbours, neither of them listed, one piece.
    private mutating func join(_ left: Int, _ right: Int) {
        pieces[left].units += pieces[right].units
        pieces[left].after = pieces[right].after
        if pieces[right].after != State.none { pieces[pieces[right].after].before = left }
        pieces[right].isFree = false
        vacant.append(right)
    }

    private mutating func add(_ piece: Piece) -> Int {
        guard let index = vacant.popLast() else {
            pieces.append(piece)
            return pieces.count - 1
        }
        pieces[index] = piece
        return index
    }

    private mutating func list(_ index: Int) {
        let place = State.class(pieces[index].units)
        let head = first[place]
        if head != State.none { pieces[head].previous = index }
        (pieces[index].isFree, pieces[index].previous, pieces[index].next) = (true, State.none, head)
        first[place] = index
        filled[place / 64] |= 1 << UInt64(place % 64)
    }

    private mutating func unlist(_ index: Int) {
        let (previous, next) = (pieces[index].previous, pieces[index].next)
        if next != State.none { pieces[next].previous = previous }
        if previous != State.none {
            pieces[previous].next = next
        } else {
            let place = State.class(pieces[index].units)
            first[place] = next
            if next == State.none { filled[place / 64] &= ~(1 << UInt64(place % 64)) }
        }
        pieces[index].isFree = false
    }
}
