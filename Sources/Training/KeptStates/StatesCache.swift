import Formats
import Models
import Tensors

/// Where kept states lie.
protocol StatesRoom: AnyObject {
    /// Writes bytes at a place.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws
    /// Reads bytes that were written.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws
}

extension ScratchFile: StatesRoom {}

/// Room in memory: tensors of 32 MiB, made when they are first written to.
final class StatesMemory: StatesRoom {
    private static let size = 1 << 25
    private var pieces: [Tensor?]
    private let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        pieces = Array(repeating: nil, count: (byteCount + Self.size - 1) / Self.size)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        try walk(offset, bytes.count) { piece, inner, range in
            if pieces[piece] == nil {
                let size = min(Self.size, byteCount - piece * Self.size)
                pieces[piece] = try Tensor(uninitialized: [(size + 3) / 4])
            }
            guard let target = try unsafe pieces[piece]?.mutableFloats() else { return }
            unsafe UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(target) + inner, count: range.count)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        try walk(offset, bytes.count) { piece, inner, range in
            guard let source = try unsafe pieces[piece]?.floats() else {
                throw TrainingError("prefix_cache: states that were never kept were asked for")
            }
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                .copyMemory(from: UnsafeRawBufferPointer(start: UnsafeRawPointer(source) + inner, count: range.count))
        }
    }

    /// Cuts `count` bytes from `offset` on at the borders of the pieces.
    private func walk(
        _ offset: Int, _ count: Int, _ body: (_ piece: Int, _ inner: Int, _ range: Range<Int>) throws -> Void
    ) throws {
        guard offset >= 0, count <= byteCount, offset <= byteCount - count else {
            throw TrainingError("prefix_cache: \(count) bytes at \(offset) lie outside of \(byteCount)")
        }
        var done = 0
        while done < count {
            let (piece, inner) = (offset + done).quotientAndRemainder(dividingBy: Self.size)
            let length = min(count - done, Self.size - inner)
            try body(piece, inner, done..<done + length)
            done += length
        }
    }
}

/// The states of a dataset's rows where they enter a layer, a contiguous record [tokens, d] for each row.
final class StatesCache {
    /// How a number is kept.
    enum Precision: String {
        case float32, bfloat16

        var bytes: Int { self == .float32 ? 4 : 2 }
    }

    /// The layer that the states enter.
    let layer: Int
    /// How a number is kept.
    let precision: Precision
    private let width: Int
    private let room: any StatesRoom
    /// Rows of states before each row's: [rows + 1].
    private let starts: [Int]
    private var isKept: [Bool]

    /// Room for rows of `counts` rows of states each.
    init(layer: Int, counts: [Int], width: Int, precision: Precision, room: any StatesRoom) {
        (self.layer, self.width, self.precision, self.room) = (layer, width, precision, room)
        starts = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
        isKept = Array(repeating: false, count: counts.count)
    }

    /// Bytes that the states of rows of these counts take.
    static func byteCount(_ counts: [Int], width: Int, _ precision: Precision) -> Int {
        let (bytes, overflow) = counts.reduce(0, +).multipliedReportingOverflow(by: width * precision.bytes)
        return overflow ? .max : bytes
    }

    /// Whether the states of a row are kept.
    func keeps(_ row: Int) -> Bool { isKept[row] }

    /// Keeps the states [rows of states, d] of some rows.
    func keep(_ states: Tensor, of rows: [Int]) throws {
        let total = rows.reduce(0) { $0 + starts[$1 + 1] - starts[$1] }
        guard states.shape == [total, width] else {
            throw TrainingError("prefix_cache: states of shape \(states.shape), expected [\(total), \(width)]")
        }
        let numbers = unsafe try UnsafeBufferPointer(start: states.floats(), count: states.count)
        var rounded: [UInt16] = []
        if precision == .bfloat16 { rounded = unsafe numbers.map(HalfFloats.bfloat16) }
        try unsafe rounded.withUnsafeBytes { rounded in
            let all = unsafe precision == .float32 ? UnsafeRawBufferPointer(numbers) : rounded
            var place = 0
            for row in rows {
                let count = (starts[row + 1] - starts[row]) * width * precision.bytes
                unsafe try room.write(
                    UnsafeRawBufferPointer(rebasing: all[place..<place + count]),
                    at: starts[row] * width * precision.bytes)
                place += count
            }
        }
        for row in rows { isKept[row] = true }
    }

    /// The states of rows that are kept, one after the other.
    func states(of rows: [Int]) throws -> KeptStates {
        let total = rows.reduce(0) { $0 + starts[$1 + 1] - starts[$1] }
        let states = try Tensor(uninitialized: [total, width])
        let numbers = unsafe try UnsafeMutableBufferPointer(start: states.mutableFloats(), count: states.count)
        var place = 0
        for row in rows {
            let count = (starts[row + 1] - starts[row]) * width
            let target = unsafe UnsafeMutableBufferPointer(rebasing: numbers[place..<place + count])
            unsafe try read(into: target, at: starts[row] * width)
            place += count
        }
        return KeptStates(layer: layer, states: states)
    }

    private func read(into target: UnsafeMutableBufferPointer<Float>, at place: Int) throws {
        guard precision == .bfloat16 else {
            return unsafe try room.read(into: UnsafeMutableRawBufferPointer(target), at: place * 4)
        }
        let rounded = unsafe try [UInt16](unsafeUninitializedCapacity: target.count) { buffer, count in
            count = target.count
            unsafe try room.read(
                into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])),
                at: place * 2)
        }
        for index in target.indices { unsafe target[index] = HalfFloats.float(bfloat16: rounded[index]) }
    }
}
