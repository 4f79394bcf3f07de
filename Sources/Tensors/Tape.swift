import Kernels
import Memory

/// One differentiable operation: forward and backward side by side, in one file named after it.
///
/// An instance serves one call. It owns what backward needs, and nothing else keeps the inputs alive.
public protocol Op: AnyObject {
    /// Name in errors and in the list of operations.
    static var name: String { get }

    /// Result for `inputs`. `needs[i]` says whether a gradient of input i will be asked for; where none will, nothing is kept.
    ///
    /// The inputs are bare: they share the values of the caller's tensors but no record of how those were made, so an
    /// operation may keep them, and what it computes with them is not recorded.
    func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor

    /// Gradients of the inputs for the gradient `dy` of the result; nil where `needs[i]` is false, or where it is zero.
    ///
    /// Called once. `dy` may be returned as it is; it must not be written to.
    func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?]

    /// Shapes of what forward keeps for backward, for inputs of these shapes; used to plan memory.
    func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]]
}

extension Op {
    /// Most operations keep nothing.
    public func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { [] }
}

/// An operation that can add gradients of its inputs to what is there already, which saves a pass over both.
public protocol AddingOp: Op {
    /// As `backward`; where `sums[i]` is given, it is the gradient that input i has so far, of which nobody else knows.
    ///
    /// Either the gradient is added to it and it is returned, or another tensor is returned and it stays as it is.
    func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?]
}

extension AddingOp {
    /// Gradients on their own.
    public func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        try backward(dy, needs: needs, onto: needs.map { _ in nil })
    }
}

/// Whether operations are recorded.
///
/// A value of the task in progress, not a global: `off` binds it.
public enum Recording {
    @TaskLocal static var isOn = true

    /// Runs `body` without recording what it does.
    public static func off<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $isOn.withValue(false, operation: body)
    }

    /// Runs `body` and records what it does, within a backward.
    static func on<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $isOn.withValue(true, operation: body)
    }
}

/// A recorded operation: what to run backwards, and where its gradients go.
public final class Node {
    enum Edge {
        case none
        case leaf(Tensor)
        case node(Node)
    }

    /// The operation; nil once its backward has run, and where `checkpoint` stands for several.
    var op: (any Op)?
    /// What records operations again; nil once it did.
    var checkpoint: Checkpoint?
    var edges: [Edge]
    let needs: [Bool]
    /// One more than the deepest node among the inputs.
    let depth: Int
    let shape: [Int]
    /// Number of the module that ran it, while somebody profiles.
    let module = Profile.currentModule

    /// Bytes that a node takes with its operation.
    fileprivate static let overhead = 512

    init(op: any Op, edges: [Edge], needs: [Bool], depth: Int, shape: [Int]) {
        (self.op, self.edges, self.needs, self.depth, self.shape) = (op, edges, needs, depth, shape)
    }

    /// A node in place of those of several operations, the last of which was as deep.
    init(_ checkpoint: Checkpoint, after edge: Edge, depth: Int, shape: [Int]) throws {
        (self.checkpoint, edges, needs, self.depth, self.shape) = (checkpoint, [edge], [], depth, shape)
        try MemoryBudget.reserve(Node.overhead)
    }

    // A long chain of nodes must not be released by recursion: a recipe's loop can make one of a million. Nodes that
    // only this one holds are emptied one after the other; what an operation keeps has no node (see `Op.forward`).
    deinit {
        MemoryBudget.release(Node.overhead)
        var pending = Node.inputs(of: edges)
        edges = []
        while var node = pending.popLast() {
            guard isKnownUniquelyReferenced(&node) else { continue }
            pending.append(contentsOf: Node.inputs(of: node.edges))
            node.edges = []
        }
    }

    private static func inputs(of edges: [Edge]) -> [Node] {
        edges.compactMap { if case .node(let node) = $0 { node } else { nil } }
    }
}

extension Tensor {
    /// Runs `op` on `inputs` and records it where a gradient flows to any of them.
    public static func apply(_ op: any Op, _ inputs: [Tensor]) throws -> Tensor {
        let recording = Recording.isOn
        let needs = inputs.map { recording && $0.isTracked }
        let span = Profile.forward(op, inputs)
        let result = try Trouble.dropping { try op.forward(inputs.map { try $0.bare() }, needs: needs) }
        span.end()
        guard needs.contains(true) else { return result }
        var depth = 0
        let edges = zip(inputs, needs).map { input, need -> Node.Edge in
            guard need else { return .none }
            if let node = input.node {
                depth = Swift.max(depth, node.depth)
                return .node(node)
            }
            return .leaf(input)
        }
        try MemoryBudget.reserve(Node.overhead)
        result.node = Node(op: op, edges: edges, needs: needs, depth: depth + 1, shape: result.shape)
        return result
    }
}
