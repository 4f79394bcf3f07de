import Formats
import Kernels
import Memory
import Tensors

/// How a weight starts where no file gives it.
public enum Initialisation: Sendable, Equatable {
    /// The same number everywhere.
    case constant(Float)
    /// N(0, deviation²), what is farther out than `cutoff` deviations drawn again; the row `zeroRow` of a table stays 0.
    case normal(deviation: Float, zeroRow: Int? = nil, cutoff: Double? = nil)
    /// U(−bound, bound).
    case uniform(bound: Float)

    /// Writes rows × columns numbers, a function of the key and the place; throws where the work is to stop.
    func fill(_ target: UnsafeMutableBufferPointer<Float>, columns: Int, key: RandomKey) throws {
        guard let start = target.baseAddress else { return }
        nonisolated(unsafe) let numbers = unsafe start
        try Initialisation.share(target.count) { places in
            switch self {
            case .constant(let value):
                unsafe (numbers + places.lowerBound).update(repeating: value, count: places.count)
            case .uniform(let bound): unsafe key.fillUniform(numbers, places, low: -bound, high: bound)
            case .normal(let deviation, _, let cutoff):
                unsafe key.fillNormal(numbers, places, deviation: deviation, cutoff: cutoff)
            }
        }
        if case .normal(_, let zeroRow, _) = self {
            if let zeroRow, zeroRow >= 0, (zeroRow + 1) * columns <= target.count {
                unsafe (start + zeroRow * columns).update(repeating: 0, count: columns)
            }
        }
    }
}

extension Initialisation {
    /// Calls `body` with all places 0..<count, by all threads: a base of a hundred million numbers takes a while.
    private static func share(_ count: Int, _ body: @Sendable (Range<Int>) -> Void) throws {
        let (piece, round) = (1 << 16, 1 << 22)
        for first in stride(from: 0, to: count, by: round) {
            try MemoryBudget.check()
            let end = min(count, first + round)
            Workers.run(pieces: (end - first + piece - 1) / piece) { index in
                body(first + index * piece..<min(end, first + (index + 1) * piece))
            }
        }
    }
}

/// Where a model's weights come from: a checkpoint, random numbers, or nowhere.
public protocol WeightStore: AnyObject {
    /// The weight of this full name and shape; `isTransposed` says that it is a matrix W[out, in] stored as [in, out].
    func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight
}

/// A place in a model that is being made: modules ask it for their weights by local names.
public struct Scope {
    /// Path from the root of the model; empty at the root.
    public let path: String
    /// Where weights come from.
    public let store: any WeightStore

    /// Root of a model.
    public init(store: any WeightStore) { self.init(path: "", store: store) }

    private init(path: String, store: any WeightStore) { (self.path, self.store) = (path, store) }

    /// The place of a part.
    public func child(_ name: String) -> Scope { Scope(path: path.isEmpty ? name : "\(path).\(name)", store: store) }

    /// The weight of this local name; `isTransposed` says that it is a matrix W[out, in] stored as [in, out].
    public func weight(
        _ name: String, _ shape: [Int], _ initialisation: Initialisation, isTransposed: Bool = false
    ) throws -> Weight {
        try store.weight(
            path.isEmpty ? name : "\(path).\(name)", shape, startingWith: initialisation, isTransposed: isTransposed)
    }
}

/// Random weights: matrices frozen, as those of a checkpoint; or trainable, as those of modules of one's own.
public final class RandomStore: WeightStore {
    private let key: RandomKey
    private let isTrainable: Bool
    private let origin: Weight.Origin
    private let storage: MatrixStorage

    /// Weights drawn from `seed` and their names.
    public convenience init(seed: UInt64, isTrainable: Bool = false) {
        self.init(key: RandomKey(seed: seed), isTrainable: isTrainable)
    }

    /// Weights drawn from `key` and their names.
    public init(
        key: RandomKey, isTrainable: Bool = false, origin: Weight.Origin = .random,
        storage: MatrixStorage = MatrixStorage()
    ) {
        (self.key, self.isTrainable, self.origin, self.storage) = (key, isTrainable, origin, storage)
    }

    /// A new weight.
    public func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight {
        guard let columns = shape.last, shape.allSatisfy({ $0 >= 0 && $0 <= 1 << 31 }) else {
            throw ModelError("'\(name)' cannot have shape \(shape)")
        }
        let key = key.child(name)
        if shape.count == 2, !isTrainable {
            let matrix = unsafe try FrozenMatrix(
                rows: shape[isTransposed ? 1 : 0], columns: shape[isTransposed ? 0 : 1], name: name,
                dtype: storage.resolved(.float32), packing: storage.packing, isTransposed: isTransposed
            ) {
                unsafe try initialisation.fill($0, columns: columns, key: key)
            }
            return Weight(name: name, shape: shape, value: .matrix(matrix), origin: origin)
        }
        let tensor = try Tensor(uninitialized: shape)
        unsafe try initialisation.fill(
            UnsafeMutableBufferPointer(start: try tensor.mutableFloats(), count: tensor.count), columns: columns,
            key: key)
        if isTrainable { try tensor.setRequiresGrad(true) }
        return Weight(name: name, shape: shape, value: .tensor(tensor), origin: origin)
    }
}

/// Shapes without values, for counts and plans.
public final class ShapeStore: WeightStore {
    private let storage: MatrixStorage
    private let fileType: FrozenMatrix.DType
    private let isMapped: Bool

    /// New store; how matrices would be stored, which plans ask: by `storage`, out of files that have them as `fileType` and, where they
    /// can be read as they are, mapped.
    public init(
        storage: MatrixStorage = MatrixStorage(), fileType: FrozenMatrix.DType = .float32, isMapped: Bool = true
    ) {
        (self.storage, self.fileType, self.isMapped) = (storage, fileType, isMapped)
    }

    /// A store for shapes whose values would come from these files; float32 where nobody can tell.
    convenience init(storage: MatrixStorage, files: (any WeightSource)?) {
        var (fileType, isMapped, most) = (FrozenMatrix.DType.float32, true, 0)
        // Matrices of a checkpoint are stored alike: that of the most rows stands for all.
        for name in files?.names ?? [] {
            guard let entry = files?.entry(name), entry.shape.count == 2, entry.shape[0] > most else { continue }
            most = entry.shape[0]
            fileType = entry.dtype == "BF16" ? .bfloat16 : .float32
            isMapped = files?.mappedNumbers(of: name) != nil
        }
        self.init(storage: storage, fileType: fileType, isMapped: isMapped)
    }

    /// A weight of which only the shape is known.
    public func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight {
        let weight = Weight(name: name, shape: shape, value: .absent, origin: .shapeOnly)
        if shape.count == 2 {
            let dtype = storage.resolved(fileType)
            weight.imagined = FrozenMatrix(
                shapeOnlyRows: shape[isTransposed ? 1 : 0], columns: shape[isTransposed ? 0 : 1], name: name,
                dtype: dtype, packing: storage.packing, isTransposed: isTransposed,
                isOwned: !isMapped || fileType == .bfloat16 && dtype == .float32)
        }
        return weight
    }
}

/// Adds up what weights would take, and makes none.
final class SizeStore: WeightStore {
    private let isMade: (String) -> Bool
    /// Bytes of the weights that are made; `Int.max` where they are beyond counting.
    private(set) var bytes = 0
    /// Name and shape of the largest of them.
    private(set) var largest = ""
    private(set) var largestShape: [Int] = []
    private var largestBytes = 0

    /// A store that counts the weights for which `isMade` holds.
    init(_ isMade: @escaping (_ name: String) -> Bool) { self.isMade = isMade }

    func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight {
        if isMade(name) {
            let own = shape.reduce(4) { SizeStore.checked($0.multipliedReportingOverflow(by: $1)) }
            bytes = SizeStore.checked(bytes.addingReportingOverflow(own))
            if own > largestBytes { (largest, largestShape, largestBytes) = (name, shape, own) }
        }
        return Weight(name: name, shape: shape, value: .absent, origin: .shapeOnly)
    }

    private static func checked(_ result: (partialValue: Int, overflow: Bool)) -> Int {
        result.overflow ? Int.max : result.partialValue
    }
}
