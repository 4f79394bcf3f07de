import Kernels

/// Gradients of one backward pass: of each leaf that was reached, in a buffer of its own.
public struct Gradients {
    private var order: [Tensor] = []
    private var values: [ObjectIdentifier: Tensor] = [:]

    init() {}

    /// The leaves that were reached, in the order in which the pass reached them.
    public var leaves: [Tensor] { order }

    /// The gradient of `leaf`, nil where the pass did not reach it.
    public subscript(leaf: Tensor) -> Tensor? { values[ObjectIdentifier(leaf)] }

    /// Adds every gradient into the `grad` of its leaf.
    public consuming func accumulate() throws {
        for leaf in order {
            guard let gradient = self[leaf] else { continue }
            if let sum = leaf.grad {
                try sum.add(inPlace: gradient)
            } else {
                leaf.grad = gradient.ownsStorageAlone ? gradient : try gradient.copy()
            }
        }
    }

    mutating func add(_ gradient: Tensor, to leaf: Tensor) throws {
        guard gradient.shape == leaf.shape else {
            throw TensorError("backward: gradient of shape \(gradient.shape) for a leaf of shape \(leaf.shape)")
        }
        let key = ObjectIdentifier(leaf)
        if values[key] == nil { order.append(leaf) }
        try Gradients.add(gradient, to: &values[key])
    }

    /// sum = sum + gradient, in the buffer of sum where nobody else holds it.
    static func add(_ gradient: Tensor, to sum: inout Tensor?) throws {
        guard var current = sum else {
            sum = gradient
            return
        }
        sum = nil
        if isKnownUniquelyReferenced(&current), current.ownsStorageAlone {
            try current.add(inPlace: gradient)
            sum = current
        } else {
            let copy = try current.copy()
            try copy.add(inPlace: gradient)
            sum = copy
        }
    }
}

extension Tensor {
    /// Adds the gradient of this tensor with respect to each leaf into the leaf's `grad`.
    ///
    /// `seed` is the gradient of this tensor itself, 1 where this is a single number and nothing is given. The record is
    /// used up: what operations kept is released as the walk goes on.
    public func backward(_ seed: Tensor? = nil) throws {
        let span = Profile.phase("backward")
        defer { span.end() }
        try gradients(seed).accumulate()
    }

    /// Gradients of this tensor with respect to the leaves, in buffers of their own; see `backward`.
    public func gradients(_ seed: Tensor? = nil) throws -> Gradients {
        guard isTracked else {
            throw TensorError("backward: no operation was recorded and this tensor does not require a gradient")
        }
        let start: Tensor
        if let seed {
            guard seed.shape == shape else {
                throw TensorError("backward: the gradient has shape \(seed.shape), the tensor \(shape)")
            }
            start = try seed.bare()
        } else {
            guard count == 1 else {
                throw TensorError("backward: shape \(shape) is not a single number; reduce it, or give its gradient")
            }
            start = try Tensor.full(shape, 1)
        }
        var result = Gradients()
        guard let node else {
            try result.add(start, to: self)
            return result
        }
        try Recording.off {
            var walk = Walk()
            try walk.add(start, to: node)
            try walk.run(into: &result)
        }
        return result
    }
}

/// A walk from a result towards the leaves: a node's turn comes when every node deeper than it is done.
private struct Walk {
    private struct Entry {
        let node: Node
        let number: Int
        /// Deeper first; among equals in the order in which they were met.
        func precedes(_ other: Entry) -> Bool {
            node.depth != other.node.depth ? node.depth > other.node.depth : number < other.number
        }
    }

    private var heap: [Entry] = []
    private var met = 0
    private var sums: [ObjectIdentifier: Tensor] = [:]

    mutating func add(_ gradient: Tensor, to node: Node) throws {
        guard gradient.shape == node.shape else {
            throw TensorError("backward: gradient of shape \(gradient.shape) for a result of shape \(node.shape)")
        }
        let key = ObjectIdentifier(node)
        if sums[key] == nil {
            push(Entry(node: node, number: met))
            met += 1
        }
        try Gradients.add(gradient, to: &sums[key])
    }

    mutating func run(into result: inout Gradients) throws {
        while let node = pop()?.node {
            guard let dy = sums.removeValue(forKey: ObjectIdentifier(node)) else { continue }
            if let checkpoint = node.checkpoint, let edge = node.edges.first {
                (node.checkpoint, node.edges) = (nil, [])
                try add(dy, to: checkpoint.record(after: edge))
                continue
            }
            guard let op = node.op else {
                throw TensorError("backward: this graph was already used by a backward; run the forward again")
            }
            let edges = node.edges
            let needs = node.needs
            node.op = nil
            node.edges = []
            let span = Profile.backward(op, dy, module: node.module)
            let adder = op as? any AddingOp
            var lent = adder == nil ? [] : lend(to: edges)
            var gradients = try Trouble.dropping {
                try adder?.backward(dy, needs: needs, onto: lent) ?? op.backward(dy, needs: needs)
            }
            span.end()
            guard gradients.count == edges.count else {
                throw TensorError("\(type(of: op).name): \(gradients.count) gradients for \(edges.count) inputs")
            }
            takeBack(&lent, from: edges, &gradients)
            for (edge, gradient) in zip(edges, gradients) {
                guard let gradient else { continue }
                switch edge {
                case .none: break
                case .leaf(let leaf): try result.add(gradient, to: leaf)
                case .node(let input): try add(gradient, to: input)
                }
            }
        }
    }

    /// Takes the gradients so far of those inputs out for which nobody else holds them.
    private mutating func lend(to edges: [Node.Edge]) -> [Tensor?] {
        edges.map { edge in
            guard case .node(let input) = edge else { return nil }
            let key = ObjectIdentifier(input)
            guard var sum = sums.removeValue(forKey: key) else { return nil }
            if isKnownUniquelyReferenced(&sum), sum.ownsStorageAlone { return sum }
            sums[key] = sum
            return nil
        }
    }

    /// Puts them back; what was added to one already is no longer among `gradients`.
    private mutating func takeBack(_ lent: inout [Tensor?], from edges: [Node.Edge], _ gradients: inout [Tensor?]) {
        for (place, sum) in lent.enumerated() {
            guard let sum, case .node(let input) = edges[place] else { continue }
            sums[ObjectIdentifier(input)] = sum
            if gradients[place] === sum { gradients[place] = nil }
        }
        lent = []
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() -> Entry? {
        guard let last = heap.popLast() else { return nil }
        guard let top = heap.first else { return last }
        heap[0] = last
        var parent = 0
        while true {
            var first = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[first]) { first = child }
            if first == parent { return top }
            heap.swapAt(parent, first)
            parent = first
        }
    }
}
