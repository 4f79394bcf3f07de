import Memory

/// Operations of which nothing is kept but what went in: backward runs them again when it comes to them
/// (activation checkpointing; Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174).
///
/// The walk then goes on through the new record in place of the first. Its nodes are as deep and have the same edges, so gradients
/// are added in the same order, and each has the same bits, where `body` computes what it did.
struct Checkpoint {
    /// What went in, without a record.
    let input: Tensor
    /// The operations.
    let body: (Tensor) throws -> Tensor

    /// Runs the operations again, recorded as following `edge`.
    func record(after edge: Node.Edge) throws -> Node {
        let start: Tensor
        switch edge {
        case .none: start = input
        case .leaf(let leaf): start = leaf
        case .node(let node):
            start = try input.bare()
            start.node = node
        }
        let span = Profile.phase("forward again")
        defer { span.end() }
        guard let node = try Recording.on({ try body(start) }).node else {
            throw TensorError(
                "backward: what is run again leads to nothing that requires a gradient; leave requires_grad as it was in forward"
            )
        }
        return node
    }
}

extension Tensor {
    /// Keeps `input` alone of what `body`, which made this tensor from it, recorded; backward runs `body` again.
    ///
    /// Nothing changes where nothing was recorded. `body` must give the same bits at any time, and depend on no other tensor that an
    /// operation made.
    public func checkpoint(from input: Tensor, _ body: @escaping (Tensor) throws -> Tensor) throws {
        guard let node, node !== input.node else { return }
        let edge: Node.Edge = input.node.map { .node($0) } ?? (input.requiresGrad ? .leaf(input) : .none)
        self.node = try Node(
            Checkpoint(input: input.bare(), body: body), after: edge, depth: node.depth, shape: shape)
    }
}
