import Foundation
import Kernels
import Synchronization
import Testing

/// Products with frozen matrices against the naive twin.
///
/// scripts/test runs this on every backend.
@Suite struct FrozenMatrixTests {
    /// (x's rows, W's columns, W's rows): below and above panels of 24, 48 and 192 columns and pieces of 64 and 128 rows, odd and even;
    /// sums longer than are taken at once.
    static let shapes = [
        (1, 5, 3), (7, 33, 5), (16, 768, 200), (130, 96, 192), (129, 400, 385), (300, 64, 577), (5, 1, 1), (0, 8, 8),
        (9, 30, 9001), (70, 9001, 30),
    ]

    /// What a product sees of x: oneDNN takes bfloat16 alone, our own loops widen the matrix instead.
    ///
    /// The twin takes the rounded numbers, so only the order of the float32 sums differs.
    private func seen(_ x: [Float], _ dtype: FrozenMatrix.DType) -> [Float] {
        Backend.of(dtype) == .onednn ? rounded(x, dtype) : x
    }

    /// Rounded to this type.
    private func rounded(_ x: [Float], _ dtype: FrozenMatrix.DType) -> [Float] {
        guard dtype == .bfloat16 else { return x }
        return x.map { x in
            let bits = x.bitPattern
            return Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000)
        }
    }

    private func types() -> [FrozenMatrix.DType] { [.float32, .bfloat16].filter(Backend.multiplies) }

    /// Sums of up to 768 products of numbers below 1: rounding grows as the square root, well below 1e-5.
    @Test(arguments: shapes)
    func products(_ m: Int, _ columns: Int, _ rows: Int) throws {
        for type in types() {
            let (w, x, bias, dy) = (
                random(rows * columns, 1), random(m * columns, 2), random(rows, 3), random(m * rows, 4)
            )
            let matrix = try FrozenMatrix(rows: rows, columns: columns, dtype: type) {
                _ = $0.update(fromContentsOf: w)
            }
            let (rw, rx, rdy) = (rounded(w, type), seen(x, type), seen(dy, type))
            let y = try output(m * rows) { try matrix.multiply(x: x, m: m, bias: bias, into: $0) }
            let product = Reference.gemm(rx, rw, m: m, n: rows, k: columns, transposeB: true)
            #expect(distance(y, product.enumerated().map { $1 + Double(bias[$0 % rows]) }) < 1e-5)
            let bare = try output(m * rows) { try matrix.multiply(x: x, m: m, bias: nil, into: $0) }
            #expect(distance(bare, product) < 1e-5)
            let gradient = Reference.gemm(rdy, rw, m: m, n: columns, k: rows)
            let dx = try output(m * columns) { try matrix.multiplyTransposed(dy: dy, m: m, into: $0) }
            #expect(distance(dx, gradient) < 1e-5)
            let sum = try output(m * columns, start: x) {
                try matrix.multiplyTransposed(dy: dy, m: m, into: $0, accumulate: true)
            }
            #expect(distance(sum, zip(gradient, x).map { $0 + Double($1) }) < 1e-5)
        }
    }

    /// A matrix that is stored column by column is the same matrix, packed or not, mapped or owned: what it computes has the bits of one
    /// that is stored row by row (but for OpenBLAS, which sums in another order).
    @Test(
        arguments: [(7, 33, 5), (16, 200, 96), (130, 40, 385), (1, 5, 3)], [FrozenMatrix.Packing.none, .once, .twice])
    func storedColumnByColumn(_ shape: (Int, Int, Int), _ packing: FrozenMatrix.Packing) throws {
        let (m, columns, rows) = shape
        for type in types() where packing != .none || type == .float32 {
            let w = rounded(random(rows * columns, 1), type)
            let stored = (0..<rows * columns).map { w[$0 % rows * columns + $0 / rows] }
            let straight = try FrozenMatrix(rows: rows, columns: columns, dtype: type, packing: packing) {
                _ = $0.update(fromContentsOf: w)
            }
            let owned = try FrozenMatrix(
                rows: rows, columns: columns, dtype: type, packing: packing, isTransposed: true
            ) {
                _ = $0.update(fromContentsOf: stored)
            }
            let data =
                type == .float32
                ? stored.withUnsafeBytes { Data($0) }
                : stored.map { UInt16($0.bitPattern >> 16) }.withUnsafeBytes { Data($0) }
            let url = FileManager.default.temporaryDirectory.appendingPathComponent("lorawb-\(UUID().uuidString)")
            try data.write(to: url)
            defer { try? FileManager.default.removeItem(at: url) }
            let file = try MappedNumbers(url.path, byteCount: data.count)
            let mapped = FrozenMatrix(
                rows: rows, columns: columns, mapped: UnsafeRawPointer(file.start), type, owner: file,
                packing: packing, isTransposed: true)
            let (x, dy, bias) = (random(m * columns, 2), random(m * rows, 3), random(rows, 4))
            let (b, a) = (random(rows * 2, 5), random(2 * columns, 6))
            func results(_ matrix: FrozenMatrix) throws -> (products: [[Float]], numbers: [[Float]]) {
                let before = [
                    try output(w.count) { try matrix.copy(to: $0) },
                    try output(w.count) { try matrix.adding(scale: 0.5, b: b, a: a, rank: 2).copy(to: $0) },
                    try output(columns) { try matrix.copyRow(rows - 1, to: $0) },
                ]
                let products = [
                    try output(m * rows) { try matrix.multiply(x: x, m: m, bias: bias, into: $0) },
                    try output(m * columns) { try matrix.multiplyTransposed(dy: dy, m: m, into: $0) },
                    try output(m * columns, start: x) {
                        try matrix.multiplyTransposed(dy: dy, m: m, into: $0, accumulate: true)
                    },
                ]
                let after = [
                    try output(w.count) { try matrix.copy(to: $0) },
                    try output(2 * columns) { try matrix.copyRows([rows / 2, 0], to: $0) },
                    try matrix.values(at: [0, rows * columns - 1, columns - 1]),
                ]
                return (products, before + after)
            }
            let expected = try results(straight)
            #expect(expected.numbers[0] == w && expected.numbers[3] == w)
            for matrix in [owned, mapped] {
                #expect(matrix.isTransposed && !straight.isTransposed)
                let got = try results(matrix)
                // The sum of a merge is BLAS's, in another order; rounded to bfloat16 it may fall on the other side.
                let tolerance = type == .float32 ? 1e-6 : 0x1p-8
                #expect(distance(got.numbers[1], doubles(expected.numbers[1])) < tolerance)
                let areSame = [0, 2, 3, 4, 5].allSatisfy { got.numbers[$0] == expected.numbers[$0] }
                #expect(areSame)
                for (mine, other) in zip(got.products, expected.products) {
                    if packing != .none, Backend.of(type) != .openblas {
                        let isSame = mine == other
                        #expect(isSame)
                    } else {
                        #expect(distance(mine, doubles(other)) < 1e-5)
                    }
                }
                let again = try output(w.count) { try matrix.copyStored(to: $0) } == stored
                #expect(again)
            }
            let again = try output(w.count) { try straight.copyStored(to: $0) } == w
            #expect(again)
        }
    }

    /// Our own loops give the bits of the same numbers in float32, for few rows and many, odd sums, and sums longer than are taken at once.
    @Test(arguments: [(1, 5, 3), (3, 96, 200), (5, 577, 96), (8, 33, 50), (9, 33, 50), (70, 200, 96), (9, 30, 9001)])
    func halvesWidened(_ m: Int, _ columns: Int, _ rows: Int) throws {
        guard Backend.of(.bfloat16) == .native, Backend.of(.float32) == .native else { return }
        let w = rounded(random(rows * columns, 1), .bfloat16)
        let (whole, half) = (
            try FrozenMatrix(rows: rows, columns: columns) { _ = $0.update(fromContentsOf: w) },
            try FrozenMatrix(rows: rows, columns: columns, dtype: .bfloat16) { _ = $0.update(fromContentsOf: w) }
        )
        let (x, dy, bias) = (random(m * columns, 2), random(m * rows, 3), random(rows, 4))
        func results(_ matrix: FrozenMatrix) throws -> [[UInt32]] {
            [
                try output(m * rows) { try matrix.multiply(x: x, m: m, bias: bias, into: $0) },
                try output(m * columns) { try matrix.multiplyTransposed(dy: dy, m: m, into: $0) },
                try output(m * columns, start: x) {
                    try matrix.multiplyTransposed(dy: dy, m: m, into: $0, accumulate: true)
                },
                try output(rows * columns) { try matrix.copy(to: $0) },
            ].map { $0.map(\.bitPattern) }
        }
        let areSame = try results(whole) == results(half)
        #expect(areSame)
        #expect(half.bytes < whole.bytes)
    }

    /// A group gives what its members give one by one, bit for bit forward; backward the sums have another order.
    @Test(arguments: [1, 40, 208])
    func groups(_ m: Int) throws {
        for type in types() {
            let (columns, sizes) = (96, [200, 96, 384])
            let matrices = try sizes.enumerated().map { index, rows in
                try FrozenMatrix(
                    rows: rows, columns: columns, normal: 0.1, key: RandomKey(seed: UInt64(index)), dtype: type)
            }
            let (x, bias) = (random(m * columns, 2), random(384, 3))
            let alone = try matrices.map { matrix in
                try output(m * matrix.rows) { try matrix.multiply(x: x, m: m, bias: bias, into: $0) }
            }
            let addresses = sizes.map { UnsafeMutablePointer<Float>.allocate(capacity: m * $0) }
            defer { addresses.forEach { $0.deallocate() } }
            try bias.withUnsafeBufferPointer { bias in
                let products = zip(matrices, addresses).map { FrozenProduct($0, bias: bias.baseAddress, into: $1) }
                try FrozenMatrix.multiply(x: x, m: m, products)
            }
            let areSame = zip(zip(addresses, sizes), alone).allSatisfy { part, alone in
                alone == Array(UnsafeBufferPointer(start: part.0, count: m * part.1))
            }
            #expect(areSame)
            let expected = try zip(matrices, alone).reduce([Double](repeating: 0, count: m * columns)) { sum, part in
                let dx = try output(m * columns) { try part.0.multiplyTransposed(dy: part.1, m: m, into: $0) }
                return zip(sum, dx).map { $0 + Double($1) }
            }
            let dx = try output(m * columns) { target in
                try FrozenMatrix.multiplyTransposed(
                    zip(matrices, addresses).map { FrozenGradient($0, dy: $1) }, m: m, into: target)
            }
            #expect(distance(dx, expected) < 1e-5)
        }
    }

    /// What is packed can be read back: the bits that went in, rounded once.
    @Test func valuesAfterPacking() throws {
        for type in types() {
            let w = random(100 * 200, 1)
            let matrix = try FrozenMatrix(rows: 100, columns: 200, name: "w", dtype: type) {
                _ = $0.update(fromContentsOf: w)
            }
            let before = matrix.bytes
            _ = try output(100) { try matrix.multiply(x: random(200, 2), m: 1, bias: nil, into: $0) }
            _ = try output(200) { try matrix.multiplyTransposed(dy: random(100, 2), m: 1, into: $0) }
            #expect(Backend.of(type) == .openblas || matrix.bytes >= 2 * before)
            let expected = rounded(w, type)
            #expect(try output(20_000) { try matrix.copy(to: $0) } == expected)
            #expect(try output(200) { try matrix.copyRow(7, to: $0) } == Array(expected[1400..<1600]))
            #expect(try matrix.values(at: [0, 777, 19_999]) == [expected[0], expected[777], expected[19_999]])
            #expect(throws: (any Error).self) { try matrix.values(at: [20_000]) }
            #expect(throws: (any Error).self) { try output(200) { try matrix.copyRow(-1, to: $0) } }
        }
    }

    /// A product that takes an activation along gives the bits of the two done apart, forward and backward.
    @Test(arguments: shapes, [Elementwise.Unary.gelu, .geluTanh, .silu])
    func activations(_ shape: (Int, Int, Int), _ function: Elementwise.Unary) throws {
        let (m, columns, rows) = shape
        for type in types() {
            let w = random(rows * columns, 1)
            let matrix = try FrozenMatrix(rows: rows, columns: columns, dtype: type) {
                _ = $0.update(fromContentsOf: w)
            }
            let (x, bias, dy) = (random(m * columns, 2), random(rows, 3), random(m * rows, 4))
            let fx = output(m * columns) { Elementwise.forward(function, x, $0, count: x.count) }
            let apart = try output(m * rows) { try matrix.multiply(x: fx, m: m, bias: bias, into: $0) }
            let along = try output(m * rows) {
                try matrix.multiply(x: x, m: m, applying: function, bias: bias, into: $0)
            }
            #expect(along.map(\.bitPattern) == apart.map(\.bitPattern), "\(type)")
            let product = try output(m * columns) { try matrix.multiplyTransposed(dy: dy, m: m, into: $0) }
            let dx = output(m * columns) {
                Elementwise.backward(function, kept: x, product, $0, count: product.count)
            }
            let alongBackward = try x.withUnsafeBufferPointer { x in
                guard let kept = x.baseAddress else { return [Float]() }
                let derivative = FrozenMatrix.Derivative(of: function, kept: kept)
                return try output(m * columns) {
                    try matrix.multiplyTransposed(dy: dy, m: m, times: derivative, into: $0)
                }
            }
            #expect(alongBackward.map(\.bitPattern) == dx.map(\.bitPattern), "\(type)")
            #expect(m == 0 || along.contains { $0 != 0 } && alongBackward.contains { $0 != 0 })
        }
    }

    /// One copy serves both products, and stays.
    @Test func onePlainCopy() throws {
        let w = random(64 * 96, 1)
        let matrix = try FrozenMatrix(rows: 64, columns: 96, packing: .none) { _ = $0.update(fromContentsOf: w) }
        let x = random(40 * 96, 2)
        let y = try output(40 * 64) { try matrix.multiply(x: x, m: 40, bias: nil, into: $0) }
        #expect(distance(y, Reference.gemm(x, w, m: 40, n: 64, k: 96, transposeB: true)) < 1e-5)
        let dx = try output(40 * 96) { try matrix.multiplyTransposed(dy: y, m: 40, into: $0) }
        #expect(distance(dx, Reference.gemm(y, w, m: 40, n: 96, k: 64)) < 1e-4)
        #expect(matrix.bytes == 64 * 96 * 4)
    }

    /// One packed copy gives both products the bits of two: of one matrix and of sums of two, in bfloat16 as well; widths that are no
    /// whole panels, and sums so long that they are cut.
    @Test(arguments: [(7, 33, 5), (70, 200, 96), (9, 51, 4200), (530, 96, 49), (1, 5, 3), (64, 100, 9000)])
    func oneCopyGivesTheBitsOfTwo(_ shape: (Int, Int, Int)) throws {
        let (m, columns, rows) = shape
        for type in types() where Backend.of(type) == .native {
            let w = rounded(random(rows * columns, 1), type)
            func matrix(_ packing: FrozenMatrix.Packing) throws -> FrozenMatrix {
                try FrozenMatrix(rows: rows, columns: columns, dtype: type, packing: packing) {
                    _ = $0.update(fromContentsOf: w)
                }
            }
            let (x, dy, bias) = (random(m * columns, 2), random(m * rows, 3), random(rows, 4))
            func results(_ matrix: FrozenMatrix) throws -> [[Float]] {
                [
                    try output(m * columns) { try matrix.multiplyTransposed(dy: dy, m: m, into: $0) },
                    try output(m * columns, start: x) {
                        try matrix.multiplyTransposed(dy: dy, m: m, into: $0, accumulate: true)
                    },
                    try output(m * columns) { target in
                        try FrozenMatrix.multiplyTransposed(
                            [FrozenGradient(matrix, dy: dy), FrozenGradient(matrix, dy: dy)], m: m, into: target)
                    },
                    try output(m * rows) { try matrix.multiply(x: x, m: m, bias: bias, into: $0) },
                    try output(w.count) { try matrix.copy(to: $0) },
                ]
            }
            let (once, twice) = (try matrix(.once), try matrix(.twice))
            let areSame = try results(once) == results(twice)
            #expect(areSame)
            #expect(try results(once)[4] == w)
            #expect(once.bytes < twice.bytes)
        }
    }

    /// A file's pages are given back when it is packed, and read again where they are asked for.
    @Test func mappedNumbers() throws {
        let numbers = random(300 * 256, 1)
        let data = numbers.withUnsafeBytes { Data($0) }
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("lorawb-\(UUID().uuidString)")
        try data.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try MappedNumbers(url.path, byteCount: data.count)
        for type in types() {
            let matrix = FrozenMatrix(
                rows: 300, columns: 256, mapped: UnsafeRawPointer(file.start), .float32, owner: file, dtype: type)
            let x = random(3 * 256, 2)
            for _ in 0..<2 {
                let y = try output(900) { try matrix.multiply(x: x, m: 3, bias: nil, into: $0) }
                let expected = Reference.gemm(
                    seen(x, type), rounded(numbers, type), m: 3, n: 300, k: 256, transposeB: true)
                #expect(distance(y, expected) < 1e-5)
            }
            // A small table is looked at, not read.
            let rows = try output(512) { try matrix.copyRows([299, 3], to: $0) }
            #expect(rows == Array(rounded(numbers, type)[(299 * 256)...] + rounded(numbers, type)[768..<1024]))
            #expect(try output(256) { try matrix.copyRow(299, to: $0) } == Array(rounded(numbers, type).suffix(256)))
        }
    }

    /// Single rows of a large table are read from its file, past the mapping; where that fails, from the mapping.
    @Test(arguments: [FrozenMatrix.DType.float32, .bfloat16], [true, false])
    func rowsOfALargeTable(_ stored: FrozenMatrix.DType, _ canRead: Bool) throws {
        let (rows, columns) = (4099, 515)
        let numbers = rounded(random(rows * columns, 1), stored)
        let halves = numbers.map { UInt16($0.bitPattern >> 16) }
        let file = stored == .float32 ? numbers.withUnsafeBytes { Data($0) } : halves.withUnsafeBytes { Data($0) }
        let reads = Mutex(0)
        // What is mapped holds nothing but zeros.
        let mapped = Zeros(byteCount: file.count)
        let kinds = types().filter { stored == .float32 || $0 == .bfloat16 }
        for type in kinds {
            let matrix = FrozenMatrix(
                rows: rows, columns: columns, mapped: UnsafeRawPointer(mapped.start), stored, owner: mapped,
                dtype: type,
                read: { offset, target in
                    reads.withLock { $0 += 1 }
                    file.withUnsafeBytes {
                        target.copyMemory(from: .init(rebasing: $0[offset..<offset + target.count]))
                    }
                    return canRead
                })
            let wanted = (0..<60).map { $0 * 1811 % rows } + [0, rows - 1]
            let got = try output(wanted.count * columns) { try matrix.copyRows(wanted, to: $0) }
            let expected = wanted.flatMap { Array(rounded(numbers, type)[$0 * columns..<($0 + 1) * columns]) }
            #expect(got == (canRead ? expected : expected.map { _ in 0 }))
            #expect(throws: (any Error).self) { try output(columns) { try matrix.copyRows([rows], to: $0) } }
        }
        #expect(reads.withLock { $0 } >= 62 * kinds.count)
    }

    /// Sums stay in float32 and are rounded once, to the type of the matrix.
    @Test func additions() throws {
        for type in types() {
            let (w, b, a) = (random(20 * 30, 1), random(20 * 2, 2), random(2 * 30, 3))
            let matrix = try FrozenMatrix(rows: 20, columns: 30, dtype: type) { _ = $0.update(fromContentsOf: w) }
            let delta = Reference.gemm(b, a, m: 20, n: 30, k: 2)
            let exact = zip(rounded(w, type), delta).map { Double($0) + 0.5 * $1 }
            let sum = try output(600) { try matrix.adding(scale: 0.5, b: b, a: a, rank: 2).copy(to: $0) }
            // Half a unit in the last place of bfloat16 is 2^-9 of the number.
            #expect(zip(sum, exact).allSatisfy { abs(Double($0) - $1) <= abs($1) * (type == .float32 ? 1e-5 : 0x1p-8) })
        }
    }

    @Test func bfloat16Rounding() throws {
        guard Backend.multiplies(.bfloat16) else { return }
        let values: [Float] = [1, 1 + 0x1p-8, 1 + 0x1.8p-8, 1 + 0x1p-9, -3.14159, 0, .infinity, .nan, 1e-30]
        let matrix = try FrozenMatrix(rows: 1, columns: values.count, dtype: .bfloat16) {
            _ = $0.update(fromContentsOf: values)
        }
        let stored = try output(values.count) { try matrix.copy(to: $0) }
        #expect(stored[0] == 1 && stored[1] == 1 && stored[2] == 1 + 0x1p-7 && stored[3] == 1)
        #expect(abs(stored[4] + 3.140625) < 1e-6 && stored[5] == 0 && stored[6] == .infinity && stored[7].isNaN)
    }
}

/// Memory that nobody filled.
private final class Zeros {
    let start: UnsafeMutableRawPointer

    init(byteCount: Int) {
        start = .allocate(byteCount: byteCount, alignment: 64)
        start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { start.deallocate() }
}

/// A private mapping of a file.
private final class MappedNumbers {
    let start: UnsafeMutableRawPointer
    private let byteCount: Int

    init(_ path: String, byteCount: Int) throws {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let address = try #require(mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0))
        try #require(address != MAP_FAILED)
        (start, self.byteCount) = (address, byteCount)
    }

    deinit { munmap(start, byteCount) }
}
