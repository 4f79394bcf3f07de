/// What can make its result again, to the bit, from what it keeps for its own backward.
protocol Rebuildable: AnyObject {
    /// The result, in new storage.
    func rebuild() throws -> Tensor
}

/// An input that an operation needs in backward.
///
/// The tensor is kept, unless the operation that made it can make it again: that operation's backward comes later, so what it keeps
/// is there anyway.
public struct Saved {
    private enum Form {
        case tensor(Tensor)
        case origin(any Rebuildable, shape: [Int])
    }

    private let form: Form

    /// Saves `x`, which must not be tracked (as the inputs of `Op.forward` are not).
    public init(_ x: Tensor) {
        if let origin = x.origin { form = .origin(origin, shape: x.shape) } else { form = .tensor(x) }
    }

    /// The values as they were when saved.
    public func value() throws -> Tensor {
        switch form {
        case .tensor(let tensor): tensor
        case .origin(let origin, let shape): try Tensor(view: try origin.rebuild(), shape: shape, offset: 0)
        }
    }
}
