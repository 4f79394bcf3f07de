import LuaBridge
import Options
import Tensors

/// What recipes see of tensors: the type `lorawb.Tensor`.
enum TensorLua {
    static var type: LuaType<Tensor> {
        LuaType(
            "lorawb.Tensor", "A dense array of float32 or int64 numbers.",
            methods: arithmetic + comparisons + shapes + reductions + functions + values,
            properties: properties, metamethods: metamethods, close: { $0.free() })
    }

    // MARK: Arguments

    /// A tensor, or a number as one.
    static func operand(_ call: borrowing LuaCall, _ position: Int) throws -> Tensor {
        if call.isObject(position, as: Tensor.self) { return try call.object(position) }
        guard call.isNumber(position) else { return try call.object(position, as: Tensor.self, "other") }
        return try Tensor(number(try call.value(position)))
    }

    static func number(_ value: LuaValue) -> Number {
        if case .integer(let integer) = value { return .integer(integer) }
        return .float(value.asNumber ?? .nan)
    }

    static func value(_ number: Number) -> LuaValue {
        switch number {
        case .integer(let integer): .integer(integer)
        case .float(let float): .number(float)
        }
    }

    /// A dimension as recipes count it, from 1 or from the end by -1, as tensors count it, from 0.
    static func dimension(_ call: borrowing LuaCall, _ position: Int, of tensor: Tensor) throws -> Int {
        let dimension = try call.integer(position, "dim")
        return try place(dimension, count: tensor.shape.count)
            ?? {
                throw call.argumentError(
                    position, "dim",
                    "shape \(tensor.shape) has the dimensions 1 to \(tensor.shape.count), got \(dimension)")
            }()
    }

    /// A position from 1, or from the end by -1, as a place from 0; nil outside.
    static func place(_ position: Int, count: Int) throws -> Int? {
        if (1...max(count, 1)).contains(position), count > 0 { return position - 1 }
        if position < 0, position >= -count { return count + position }
        return nil
    }

    private static func unary(
        _ name: String, _ doc: String, _ body: @escaping (Tensor) throws -> Tensor
    ) -> LuaMethod<Tensor> {
        LuaMethod(name, doc, returns: "lorawb.Tensor", example: "print(t:\(name)())") { tensor, _ in
            .object(try body(tensor))
        }
    }

    private static let other = LuaParameter(
        "other", .either([.object("lorawb.Tensor"), .number(.any)]), "The other operand; shapes are broadcast.")
    private static let dim = LuaParameter(
        "dim", .integer(.position), optional: true, "Dimension from 1, or from the end by -1; all where absent.")
    private static let keepdim = LuaParameter(
        "keepdim", .boolean, optional: true, "Whether the dimension stays, with size 1.")

    private static func binary(
        _ name: String, _ doc: String, _ body: @escaping (Tensor, Tensor) throws -> Tensor
    ) -> LuaMethod<Tensor> {
        LuaMethod(name, doc, parameters: [other], returns: "lorawb.Tensor", example: "print(t:\(name)(2))") {
            tensor, call in
            .object(try body(tensor, try operand(call, 1)))
        }
    }

    // MARK: Methods

    private static var arithmetic: [LuaMethod<Tensor>] {
        [
            binary("add", "Adds elementwise; the operator + does the same.") { try $0.add($1) },
            binary("sub", "Subtracts elementwise; the operator - does the same.") { try $0.sub($1) },
            binary("mul", "Multiplies elementwise; the operator * does the same.") { try $0.mul($1) },
            binary("div", "Divides elementwise; the operator / does the same.") { try $0.div($1) },
            LuaMethod(
                "matmul", "Multiplies matrices: [m, k] by [k, n], batches of them, or vectors.",
                parameters: [LuaParameter("other", .object("lorawb.Tensor"), "The right operand.")],
                returns: "lorawb.Tensor", example: "print(t:matmul(lorawb.randn(3, 4)))"
            ) { tensor, call in .object(try tensor.matmul(try call.object(1, as: Tensor.self, "other"))) },
            binary("pow", "Raises to a power elementwise; the operator ^ does the same.") { try $0.pow($1) },
        ]
    }

    private static var comparisons: [LuaMethod<Tensor>] {
        [
            binary("eq", "1 where elements are equal, 0 elsewhere (int64).") { try $0.eq($1) },
            binary("ne", "1 where elements differ, 0 elsewhere (int64).") { try $0.ne($1) },
            binary("lt", "1 where an element is less, 0 elsewhere (int64).") { try $0.lt($1) },
            binary("gt", "1 where an element is greater, 0 elsewhere (int64).") { try $0.gt($1) },
            binary("le", "1 where an element is less or equal, 0 elsewhere (int64).") { try $0.le($1) },
            binary("ge", "1 where an element is greater or equal, 0 elsewhere (int64).") { try $0.ge($1) },
        ]
    }

    private static var shapes: [LuaMethod<Tensor>] {
        [
            unary("t", "Swaps the two dimensions of a matrix.") { try $0.t() },
            LuaMethod(
                "transpose", "Swaps two dimensions.",
                parameters: [
                    LuaParameter("first", .integer(.position), "One dimension, from 1."),
                    LuaParameter("second", .integer(.position), "The other."),
                ], returns: "lorawb.Tensor", example: "print(t:transpose(1, 2))"
            ) { tensor, call in
                .object(try tensor.transpose(try dimension(call, 1, of: tensor), try dimension(call, 2, of: tensor)))
            },
            LuaMethod(
                "permute", "Orders the dimensions anew: permute(3, 1, 2).",
                parameters: [
                    LuaParameter(
                        "...", .either([.integer(.position), .integers(.position)]),
                        "All dimensions, from 1, in their new order.")
                ],
                returns: "lorawb.Tensor", example: "print(lorawb.randn(2, 3, 4):permute(3, 1, 2))"
            ) { tensor, call in
                let order = try call.integers(from: 1, "dim")
                return .object(
                    try tensor.permute(
                        try order.map { dimension in
                            guard let place = try place(dimension, count: tensor.shape.count) else {
                                throw LuaFault("shape \(tensor.shape) has no dimension \(dimension)")
                            }
                            return place
                        }))
            },
            LuaMethod(
                "reshape", "Gives the same elements another shape; one size may be -1.",
                parameters: [
                    LuaParameter(
                        "...", .either([.integer(-1...1 << 31), .integers(-1...1 << 31)]),
                        "The sizes, or one list of them.")
                ],
                returns: "lorawb.Tensor", example: "print(t:reshape(3, -1))"
            ) { tensor, call in .object(try tensor.reshape(try call.integers(from: 1, "size"))) },
            LuaMethod(
                "narrow", "Cuts a range out of one dimension.",
                parameters: [
                    LuaParameter("dim", .integer(.position), "Dimension, from 1."),
                    LuaParameter("start", .integer(.position), "First position, from 1."),
                    LuaParameter("length", .count, "Number of positions."),
                ], returns: "lorawb.Tensor", example: "print(t:narrow(2, 1, 2))"
            ) { tensor, call in
                let dimension = try dimension(call, 1, of: tensor)
                let size = tensor.shape[dimension]
                let (start, length) = (try call.integer(2, "start"), try call.integer(3, "length"))
                guard start >= 1, length >= 0, start - 1 <= size, length <= size - (start - 1) else {
                    throw LuaFault(
                        "\(length) positions from \(start) on are outside 1 to \(size) of shape \(tensor.shape)"
                    )
                }
                return .object(try tensor.narrow(dimension, start: start - 1, length: length))
            },
            LuaMethod(
                "select", "Takes one position of a dimension, which goes away.",
                parameters: [
                    LuaParameter("dim", .integer(.position), "Dimension, from 1."),
                    LuaParameter("index", .integer(.position), "Position, from 1, or from the end by -1."),
                ], returns: "lorawb.Tensor", example: "print(t:select(1, -1))"
            ) { tensor, call in
                let dimension = try dimension(call, 1, of: tensor)
                let index = try call.integer(2, "index")
                guard let place = try place(index, count: tensor.shape[dimension]) else {
                    throw LuaFault(
                        "position \(index) is outside 1 to \(tensor.shape[dimension]) of shape \(tensor.shape)")
                }
                return .object(try tensor.select(dimension, place))
            },
            LuaMethod(
                "range", "Cuts the positions from first to last out of one dimension.",
                parameters: [
                    LuaParameter("first", .integer(.position), "First position, from 1, or from the end by -1."),
                    LuaParameter("last", .integer(.position), default: .words("the last"), "Last position, likewise."),
                    LuaParameter("dim", .integer(.position), default: 1, "Dimension, from 1."),
                ], returns: "lorawb.Tensor", example: "print(t:range(1, 2), t:range(-2, -1, 2))"
            ) { tensor, call in
                let dimension = call.isNil(3) ? 0 : try dimension(call, 3, of: tensor)
                return .object(
                    try range(
                        tensor, dimension, try call.integer(1, "first"), try call.optionalInteger(2, "last") ?? -1))
            },
            LuaMethod(
                "unsqueeze", "Puts in a dimension of size 1.",
                parameters: [
                    LuaParameter("dim", .integer(.position), "Its number, from 1, or from the end by -1.")
                ], returns: "lorawb.Tensor", example: "print(t:unsqueeze(1).shape[1])"
            ) { tensor, call in
                let dimension = try call.integer(1, "dim")
                guard let place = try place(dimension, count: tensor.shape.count + 1) else {
                    throw call.argumentError(
                        1, "dim", "a dimension from 1 to \(tensor.shape.count + 1) expected, got \(dimension)")
                }
                return .object(try tensor.unsqueeze(place))
            },
            LuaMethod(
                "squeeze", "Leaves out the dimensions of size 1, or one of them.", parameters: [dim],
                returns: "lorawb.Tensor", example: "print(t:unsqueeze(1):squeeze(1))"
            ) { tensor, call in .object(try tensor.squeeze(call.isNil(1) ? nil : try dimension(call, 1, of: tensor))) },
            LuaMethod(
                "expand", "Repeats dimensions of size 1; -1 keeps a size, and new dimensions come in front.",
                parameters: [
                    LuaParameter(
                        "...", .either([.integer(-1...1 << 31), .integers(-1...1 << 31)]),
                        "The sizes, or one list of them.")
                ],
                returns: "lorawb.Tensor", example: "print(t:unsqueeze(1):expand(4, -1, -1))"
            ) { tensor, call in .object(try tensor.expand(try call.integers(from: 1, "size"))) },
            LuaMethod(
                "gather", "Takes along a dimension the elements with these ids (from 0, as argmax gives them).",
                parameters: [
                    LuaParameter("dim", .integer(.position), "Dimension, from 1."),
                    LuaParameter(
                        "ids", .object("lorawb.Tensor"), "int64, of the tensor's shape but for that dimension."),
                ], returns: "lorawb.Tensor",
                example: "print(t:gather(2, t:argmax(2, true)))"
            ) { tensor, call in
                .object(
                    try tensor.gather(try dimension(call, 1, of: tensor), try call.object(2, as: Tensor.self, "ids")))
            },
            LuaMethod(
                "where", "Keeps the elements where a condition holds, and takes those of another tensor elsewhere.",
                parameters: [
                    LuaParameter(
                        "condition", .object("lorawb.Tensor"), "Holds where it is not 0, as comparisons give it."),
                    other,
                ], returns: "lorawb.Tensor", example: "print(t:where(t:gt(0), 0))"
            ) { tensor, call in
                .object(try tensor.where(try call.object(1, as: Tensor.self, "condition"), try operand(call, 2)))
            },
        ]
    }

    /// Positions from first to last of a dimension, both from 1 or from the end by -1; nothing where last comes before first.
    private static func range(_ tensor: Tensor, _ dimension: Int, _ first: Int, _ last: Int) throws -> Tensor {
        guard dimension < tensor.shape.count else { throw LuaFault("a number has no positions") }
        let size = tensor.shape[dimension]
        let (from, to) = (first < 0 ? size + first + 1 : first, last < 0 ? size + last + 1 : last)
        guard from >= 1, to <= size, from <= to + 1 else {
            throw LuaFault(
                "positions \(first) to \(last) are outside 1 to \(size) of dimension \(dimension + 1) of shape \(tensor.shape)"
            )
        }
        return try tensor.narrow(dimension, start: from - 1, length: to - from + 1)
    }

    /// `t[i]`, and `t[{ i, { first, last }, {} }]` with an entry for each dimension: a position, a range, or all.
    private static func indexed(_ tensor: Tensor, _ call: borrowing LuaCall) throws -> LuaReturn {
        guard call.isTable(1) else {
            let position = try call.integer(1, "position")
            guard let count = tensor.shape.first else { throw LuaFault("a number has no positions; t:item() gives it") }
            // The one after the last is where a loop by ipairs ends.
            if position == count + 1 { return .nil }
            guard let place = try place(position, count: count) else {
                throw LuaFault("position \(position) is outside 1 to \(count) of shape \(tensor.shape)")
            }
            return .object(try tensor.select(0, place))
        }
        guard let entries = try call.value(1).asElements, !entries.isEmpty, entries.count <= tensor.shape.count else {
            throw LuaFault(
                "a list with a position, { first, last } or {} for each dimension of shape \(tensor.shape) expected")
        }
        var (part, dimension) = (tensor, 0)
        for entry in entries {
            let size = part.shape[dimension]
            if let position = entry.asInteger {
                guard let place = try place(position, count: size) else {
                    throw LuaFault("position \(position) is outside 1 to \(size) of shape \(tensor.shape)")
                }
                part = try part.select(dimension, place)
            } else if let bounds = entry.asTable?.integers(), bounds.count == 2 || bounds.isEmpty {
                if bounds.count == 2 { part = try range(part, dimension, Int(bounds[0]), Int(bounds[1])) }
                dimension += 1
            } else {
                throw LuaFault("a position, { first, last } or {} expected for a dimension, got \(entry.shown)")
            }
        }
        return .object(part)
    }

    private static func reduction(
        _ name: String, _ doc: String, _ body: @escaping (Tensor, Int?, Bool) throws -> Tensor
    ) -> LuaMethod<Tensor> {
        LuaMethod(
            name, doc, parameters: [dim, keepdim], returns: "lorawb.Tensor", example: "print(t:\(name)(2))"
        ) { tensor, call in
            let dimension = call.isNil(1) ? nil : try dimension(call, 1, of: tensor)
            return .object(try body(tensor, dimension, call.isNil(2) ? false : try call.boolean(2, "keepdim")))
        }
    }

    /// A reduction with a correction of the number that it divides by.
    private static func spread(
        _ name: String, _ doc: String, _ body: @escaping (Tensor, Int?, Bool, Int) throws -> Tensor
    ) -> LuaMethod<Tensor> {
        let correction = LuaParameter(
            "correction", .count, default: 1, "What is taken off the number of elements that the sum is divided by.")
        return LuaMethod(
            name, doc, parameters: [dim, keepdim, correction], returns: "lorawb.Tensor", example: "print(t:\(name)(2))"
        ) { tensor, call in
            let dimension = call.isNil(1) ? nil : try dimension(call, 1, of: tensor)
            let keepdim = call.isNil(2) ? false : try call.boolean(2, "keepdim")
            return .object(try body(tensor, dimension, keepdim, try call.optionalInteger(3, "correction") ?? 1))
        }
    }

    private static var reductions: [LuaMethod<Tensor>] {
        [
            reduction("sum", "Sums all elements, or along a dimension.") { try $0.sum($1, keepdim: $2) },
            reduction("mean", "Averages all elements, or along a dimension.") { tensor, dimension, keepdim in
                try (tensor.dtype == .int64 ? tensor.to(.float32) : tensor).mean(dimension, keepdim: keepdim)
            },
            LuaMethod(
                "max", "Largest element, or along a dimension the largest elements and their ids (from 0).",
                parameters: [dim, keepdim], returns: "lorawb.Tensor, lorawb.Tensor?",
                example: "local values, ids = t:max(2)"
            ) { tensor, call in
                guard !call.isNil(1) else { return .object(try tensor.max()) }
                let keepdim = call.isNil(2) ? false : try call.boolean(2, "keepdim")
                let (values, indices) = try tensor.max(try dimension(call, 1, of: tensor), keepdim: keepdim)
                return .values([.object(values), .object(indices)])
            },
            LuaMethod(
                "min", "Smallest element, or along a dimension the smallest elements and their ids (from 0).",
                parameters: [dim, keepdim], returns: "lorawb.Tensor, lorawb.Tensor?",
                example: "local values, ids = t:min(2)"
            ) { tensor, call in
                guard !call.isNil(1) else { return .object(try tensor.min()) }
                let keepdim = call.isNil(2) ? false : try call.boolean(2, "keepdim")
                let (values, indices) = try tensor.min(try dimension(call, 1, of: tensor), keepdim: keepdim)
                return .values([.object(values), .object(indices)])
            },
            spread("var", "Variance of all elements, or along a dimension.") {
                try $0.var($1, keepdim: $2, correction: $3)
            },
            spread("std", "Standard deviation of all elements, or along a dimension.") {
                try $0.std($1, keepdim: $2, correction: $3)
            },
            LuaMethod(
                "cumsum", "Sum of each element and those before it along a dimension.",
                parameters: [LuaParameter("dim", .integer(.position), "Dimension, from 1.")], returns: "lorawb.Tensor",
                example: "print(t:cumsum(2))"
            ) { tensor, call in .object(try tensor.cumsum(try dimension(call, 1, of: tensor))) },
            reduction("argmin", "Ids (from 0) of the smallest elements.") { try $0.argmin($1, keepdim: $2) },
            reduction("argmax", "Ids (from 0) of the largest elements.") { try $0.argmax($1, keepdim: $2) },
            LuaMethod(
                "topk", "The k largest elements along a dimension and their ids (from 0), largest first.",
                parameters: [
                    LuaParameter("k", .count, "How many."),
                    LuaParameter(
                        "dim", .integer(.position), optional: true, "Dimension from 1; the last where absent."),
                ], returns: "lorawb.Tensor, lorawb.Tensor", example: "local values, ids = t:topk(2)"
            ) { tensor, call in
                let dimension = call.isNil(2) ? -1 : try dimension(call, 2, of: tensor)
                let (values, indices) = try tensor.topk(try call.integer(1, "k"), dimension)
                return .values([.object(values), .object(indices)])
            },
        ]
    }

    private static var functions: [LuaMethod<Tensor>] {
        [
            unary("exp", "e to the power of each element.") { try $0.exp() },
            unary("log", "Natural logarithm of each element.") { try $0.log() },
            unary("sqrt", "Square root of each element.") { try $0.sqrt() },
            unary("tanh", "Hyperbolic tangent of each element.") { try $0.tanh() },
            unary("sigmoid", "Logistic function of each element, 1 / (1 + exp(-x)).") { try $0.sigmoid() },
            unary("abs", "Each element without its sign.") { try $0.abs() },
            LuaMethod(
                "clamp", "Each element, or the bound that it lies beyond.",
                parameters: [
                    LuaParameter("min", .number(.any), optional: true, "The smallest; none where nil."),
                    LuaParameter("max", .number(.any), optional: true, "The largest; none where nil."),
                ], returns: "lorawb.Tensor", example: "print(t:clamp(-1, 1))"
            ) { tensor, call in
                let low = call.isNil(1) ? nil : number(try call.value(1))
                let high = call.isNil(2) ? nil : number(try call.value(2))
                guard low != nil || high != nil else { throw LuaFault("give min, max, or both") }
                return .object(try tensor.clamp(min: low, max: high))
            },
            unary("relu", "Each element, or 0 where it is negative.") { try $0.relu() },
            LuaMethod(
                "gelu", "Gaussian error linear unit of each element.",
                parameters: [
                    LuaParameter("approximate", .oneOf(["none", "tanh"]), default: "none", "\"none\" is by erf.")
                ],
                returns: "lorawb.Tensor", example: "print(t:gelu(\"tanh\"))"
            ) { tensor, call in
                let form = call.isNil(1) ? "none" : try call.string(1, "approximate", oneOf: ["none", "tanh"])
                return .object(try tensor.gelu(tanh: form == "tanh"))
            },
            unary("silu", "Each element times its logistic function.") { try $0.silu() },
            LuaMethod(
                "softmax", "Softmax along a dimension.",
                parameters: [
                    LuaParameter("dim", .integer(.position), optional: true, "Dimension from 1; the last where absent.")
                ],
                returns: "lorawb.Tensor", example: "print(t:softmax(2))"
            ) { tensor, call in .object(try tensor.softmax(call.isNil(1) ? -1 : try dimension(call, 1, of: tensor))) },
            LuaMethod(
                "log_softmax", "Logarithm of the softmax along a dimension.",
                parameters: [
                    LuaParameter("dim", .integer(.position), optional: true, "Dimension from 1; the last where absent.")
                ],
                returns: "lorawb.Tensor", example: "print(t:log_softmax(2))"
            ) { tensor, call in .object(try tensor.logSoftmax(call.isNil(1) ? -1 : try dimension(call, 1, of: tensor)))
            },
        ]
    }

    private static var values: [LuaMethod<Tensor>] {
        [
            LuaMethod(
                "item", "The number of a tensor that has just one.", returns: "number", example: "print(t:sum():item())"
            ) { tensor, _ in
                .value(value(try tensor.item()))
            },
            LuaMethod(
                "tolist", "The numbers as nested lists; of a tensor without dimensions the number.",
                returns: "table|number", example: "print(t:tolist()[1][3])"
            ) {
                tensor, _ in .value(try list(tensor))
            },
            LuaMethod("numel", "Number of elements.", returns: "integer", example: "print(t:numel())") { tensor, _ in
                guard !tensor.isFreed else { throw TensorError("tensor was freed") }
                return .integer(tensor.count)
            },
            LuaMethod(
                "map", "A tensor of fn(element), without a gradient; slow, for odd jobs.",
                parameters: [LuaParameter("fn", .function("function"), "Gives a number for a number.")],
                returns: "lorawb.Tensor", example: "print(t:map(function(x) return x * 2 end))"
            ) { tensor, call in
                let function = try call.function(1, "fn")
                return .object(
                    try tensor.map { number in
                        let result = try function.call([value(number)]).first ?? .nil
                        guard result.asNumber != nil else {
                            throw LuaFault("fn gave \(result.shown), expected a number")
                        }
                        return self.number(result)
                    })
            },
            LuaMethod(
                "backward",
                "Adds the gradients of this number into `grad` of everything it was made of that requires them.",
                parameters: [
                    LuaParameter(
                        "gradient", .object("lorawb.Tensor"), optional: true,
                        "Gradient of this tensor; 1 where it is a number.")
                ],
                example:
                    "local w = lorawb.ones(3, { requires_grad = true })\nlocal loss = (w * 2):sum()\nloss:backward()\nprint(w.grad)"
            ) { tensor, call in
                try tensor.backward(try call.optionalObject(1, as: Tensor.self, "gradient"))
                return .nothing
            },
            unary("detach", "The same numbers, cut off from how they were made.") { try $0.detach() },
            unary("clone", "A copy through which gradients flow.") { try $0.clone() },
            LuaMethod(
                "to", "The same numbers in another element type.",
                parameters: [LuaParameter("dtype", .oneOf(["float32", "int64"]), "Element type.")],
                returns: "lorawb.Tensor", example: "print(t:to(\"int64\"))"
            ) { tensor, call in
                let name = try call.string(1, "dtype", oneOf: ["float32", "int64"])
                return .object(try tensor.to(name == "int64" ? .int64 : .float32))
            },
        ]
    }

    private static var properties: [LuaProperty<Tensor>] {
        [
            LuaProperty("shape", "Sizes of the dimensions.", type: "integer[]", get: { .integers($0.shape) }),
            LuaProperty(
                "dtype", "Element type: \"float32\" or \"int64\".", type: "string", get: { .string($0.dtype.rawValue) }),
            LuaProperty(
                "grad", "Gradient gathered by backward, or nil; assign nil to clear it.", type: "lorawb.Tensor?",
                get: { tensor in tensor.grad.map { .object($0) } ?? .nil },
                set: { tensor, call in
                    let gradient = try call.optionalObject(1, as: Tensor.self, "grad")
                    if let gradient, gradient.shape != tensor.shape {
                        throw LuaFault("a gradient of shape \(gradient.shape) for a tensor of shape \(tensor.shape)")
                    }
                    tensor.grad = gradient
                }),
            LuaProperty(
                "requires_grad", "Whether backward leaves a gradient.", type: "boolean",
                get: { .boolean($0.requiresGrad || $0.node != nil) },
                set: { tensor, call in try tensor.setRequiresGrad(try call.boolean(1, "requires_grad")) }),
        ]
    }

    private static var metamethods: [LuaMetamethod<Tensor>] {
        func arithmetic(
            _ op: LuaMetamethod<Tensor>.Operator, _ doc: String, _ body: @escaping (Tensor, Tensor) throws -> Tensor
        ) -> LuaMetamethod<Tensor> {
            .binary(op, doc, returns: "lorawb.Tensor") { call in
                .object(try body(try operand(call, 1), try operand(call, 2)))
            }
        }
        return [
            arithmetic(.add, "Adds elementwise.") { try $0.add($1) },
            arithmetic(.sub, "Subtracts elementwise.") { try $0.sub($1) },
            arithmetic(.mul, "Multiplies elementwise.") { try $0.mul($1) },
            arithmetic(.div, "Divides elementwise.") { try $0.div($1) },
            arithmetic(.pow, "Raises to a power elementwise.") { try $0.pow($1) },
            .index(
                "The part at a position of the first dimension, from 1 or from the end by -1; `t[{ 2, { 1, 3 } }]` has a position, a range or {} for each dimension.",
                returns: "lorawb.Tensor?"
            ) { tensor, call in try indexed(tensor, call) },
            .negate("Changes the sign of each element.", returns: "lorawb.Tensor") { .object(try $0.neg()) },
            .binary(.eq, "Whether shapes and all elements are equal; `:eq` compares elementwise.", returns: "boolean") {
                call in
                .boolean(try operand(call, 1).equals(try operand(call, 2)))
            },
            .length("Size of the first dimension.") { $0.shape.first ?? 0 },
            .text("Element type, shape and the first values.") { $0.description },
        ]
    }

    /// The numbers of a tensor as nested lists.
    static func list(_ tensor: Tensor) throws -> LuaValue {
        if tensor.shape.isEmpty { return value(try tensor.item()) }
        let (floats, integers) =
            tensor.dtype == .float32 ? (try tensor.floatArray(), []) : ([], try tensor.integerArray())
        func nest(_ dimension: Int, _ start: Int, _ count: Int) throws -> LuaValue {
            if count > 1 << 12 { try LuaInterrupt.check() }
            let size = tensor.shape[dimension]
            if dimension == tensor.shape.count - 1 {
                return tensor.dtype == .float32
                    ? .numbers(floats[start..<start + size].map(Double.init))
                    : .integers(Array(integers[start..<start + size]))
            }
            guard size > 0 else { return .list([]) }
            let step = count / size
            return .list(try (0..<size).map { try nest(dimension + 1, start + $0 * step, step) })
        }
        return try nest(0, 0, tensor.count)
    }
}
