#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The numbers of a matrix one after the other, owned or in a mapped file.
struct PlainNumbers: @unchecked Sendable {
    /// The first number.
    let start: UnsafeRawPointer
    /// Type of an element in memory.
    let type: FrozenMatrix.DType
    /// Number of elements.
    let count: Int
    /// What keeps the memory.
    let owner: AnyObject
    /// Whether the memory is a file's: what is given back is read again where it is looked at.
    let isMapped: Bool
    /// Reads bytes of the file past the mapping, counted from `start`.
    let read: FrozenMatrix.Read?

    /// Copies elements from `index` on as float32, rounded to `type`.
    func copy(from index: Int, count: Int, as type: FrozenMatrix.DType, to target: UnsafeMutablePointer<Float>) {
        switch self.type {
        case .bfloat16: Loops.widen(start.assumingMemoryBound(to: UInt16.self) + index, target, count)
        case .float32:
            let source = start.assumingMemoryBound(to: Float.self) + index
            guard type == .bfloat16 else { return target.update(from: source, count: count) }
            for i in 0..<count { target[i] = Bfloat16.rounded(source[i]) }
        }
    }

    /// As `copy`, for a few elements of a table of which most are never looked at.
    ///
    /// Around every page of a mapping that is looked at the system maps its neighbours too: a table of a hundred megabytes
    /// would soon count as memory in use, and giving its pages back costs a fault for every row of the next batch.
    func fetch(from index: Int, count: Int, as type: FrozenMatrix.DType, to target: UnsafeMutablePointer<Float>) {
        guard let read, self.count * self.type.size > PlainNumbers.staysMapped else {
            return copy(from: index, count: count, as: type, to: target)
        }
        var done = false
        switch self.type {
        case .float32:
            done = read(4 * index, UnsafeMutableRawBufferPointer(start: target, count: 4 * count))
            if done, type == .bfloat16 { for i in 0..<count { target[i] = Bfloat16.rounded(target[i]) } }
        case .bfloat16:
            Scratch.with((count + 1) / 2) { scratch in
                let halves = UnsafeMutableRawBufferPointer(start: scratch, count: 2 * count)
                done = read(2 * index, halves)
                if done { Loops.widen(UnsafeRawPointer(scratch).assumingMemoryBound(to: UInt16.self), target, count) }
            }
        }
        // What the mapping does then (end the process with a message) is right for a file that shrank.
        if !done { copy(from: index, count: count, as: type, to: target) }
    }

    /// Bytes of tables whose pages are simply looked at.
    private static let staysMapped = 4 << 20

    /// Has the system read a table of a file ahead of which single rows are wanted.
    ///
    /// On their own they would come from the disk one by one.
    func readAhead() {
        guard read != nil else { return }
        let page = Int(getpagesize())
        let first = Int(bitPattern: start) / page * page
        guard let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
        _ = madvise(address, Int(bitPattern: start) + count * type.size - first, MADV_WILLNEED)
    }

    /// Lets go of the pages of a mapped file, which then take no memory of this process until they are read again.
    func giveBack() {
        guard isMapped else { return }
        let page = Int(getpagesize())
        let first = (Int(bitPattern: start) + page - 1) / page * page
        let end = (Int(bitPattern: start) + count * type.size) / page * page
        guard first < end, let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
        // Of a private mapping that nobody writes to, the system drops the pages and keeps the file's in its cache.
        _ = madvise(address, end - first, MADV_DONTNEED)
    }
}
