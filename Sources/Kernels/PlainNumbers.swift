#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The numbers of a matrix row by row, owned or in a mapped file.
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
