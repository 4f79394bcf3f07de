import Kernels
import LuaBridge
import Options
import Tensors

/// The functions of `lorawb` that make tensors, and those about recording and seeds.
enum TensorMaking {
    private static func shape(_ call: borrowing LuaCall) throws -> ([Int], LuaOptions) {
        var sizes: [Int] = []
        var position = 1
        if call.isTable(1), case let table = try call.table(1),
            table.count > 0 || table.fields.isEmpty && call.count == 1
        {
            sizes = try call.integers(1, "size").map(Int.init)
            position = 2
        } else {
            while position <= call.count, call.isNumber(position) {
                sizes.append(try call.integer(position, "size"))
                position += 1
            }
        }
        // What is neither options nor a number stands in a size's place.
        if !call.isNil(position), !call.isTable(position) { _ = try call.integer(position, "size") }
        if position < call.count {
            throw call.argumentError(position + 1, nil, "unexpected argument after the options")
        }
        return (sizes, try call.options(position, dtypeOption))
    }

    private static let dtypeOption = OptionTable([
        Option("dtype", .oneOf(["float32", "int64"]), default: .words("float32"), "Element type."),
        Option("requires_grad", .boolean, default: false, "Whether backward leaves a gradient."),
    ])

    static func dtype(_ options: LuaOptions) throws -> Tensor.DType? {
        options.optionalString("dtype").flatMap(Tensor.DType.init(rawValue:))
    }

    private static func made(_ tensor: Tensor, _ options: LuaOptions) throws -> LuaReturn {
        if options.optionalBoolean("requires_grad") == true { try tensor.setRequiresGrad(true) }
        return .object(tensor)
    }

    static func functions(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        func filled(_ name: String, _ doc: String, _ body: @escaping ([Int], Tensor.DType) throws -> Tensor)
            -> LuaFunctionDeclaration
        {
            LuaFunctionDeclaration(
                name, doc,
                parameters: [
                    LuaParameter("...", .either([.count, .integers(.count)]), "The sizes, or one list of them."),
                    LuaParameter("options", dtypeOption),
                ],
                returns: "lorawb.Tensor", example: "local x = lorawb.\(name)(2, 3)"
            ) { call in
                let (sizes, options) = try shape(call)
                return try made(try body(sizes, try dtype(options) ?? .float32), options)
            }
        }
        return [
            LuaFunctionDeclaration(
                "tensor", "Makes a tensor of nested lists of numbers; integers alone give int64.",
                parameters: [
                    LuaParameter(
                        "values", .either([.table, .number, .object("lorawb.Tensor")]),
                        "Nested lists, a number, or a tensor, of which it is a copy."),
                    LuaParameter("options", dtypeOption),
                ],
                returns: "lorawb.Tensor",
                example: "local x = lorawb.tensor({ { 1, 2 }, { 3, 4 } }, { dtype = \"float32\" })"
            ) { call in
                let options = try call.options(2, dtypeOption)
                var tensor: Tensor
                if call.isObject(1, as: Tensor.self) {
                    let given = try call.object(1, as: Tensor.self, "values")
                    guard !given.isFreed else { throw LuaFault("the tensor was freed") }
                    tensor =
                        given.dtype == .float32
                        ? try Tensor(given.floatArray(), shape: given.shape)
                        : try Tensor(given.integerArray(), shape: given.shape)
                } else if call.isNumber(1) {
                    tensor = try Tensor(TensorLua.number(try call.value(1)))
                } else {
                    switch try call.table(1, "values").nestedNumbers() {
                    case .integers(let values, let shape): tensor = try Tensor(values, shape: shape)
                    case .numbers(let values, let shape): tensor = try Tensor(values.map { Float($0) }, shape: shape)
                    }
                }
                if let dtype = try dtype(options) { tensor = try tensor.to(dtype) }
                return try made(tensor, options)
            },
            filled("zeros", "Makes a tensor of zeros.") { try Tensor.zeros($0, dtype: $1) },
            filled("ones", "Makes a tensor of ones.") { try Tensor.ones($0, dtype: $1) },
            LuaFunctionDeclaration(
                "full", "Makes a tensor of one number.",
                parameters: [
                    LuaParameter("shape", .integers(.count), "The sizes."),
                    LuaParameter("value", .number(.any), "The number."),
                    LuaParameter("options", dtypeOption),
                ], returns: "lorawb.Tensor", example: "local x = lorawb.full({ 2, 3 }, 0.5)"
            ) { call in
                let sizes = try call.integers(1, "shape").map(Int.init)
                let options = try call.options(3, dtypeOption)
                _ = try call.number(2, "value")
                switch TensorLua.number(try call.value(2)) {
                case .integer(let value) where try dtype(options) == .int64:
                    return try made(try Tensor.full(sizes, integer: value), options)
                case let value:
                    return try made(
                        try Tensor.full(sizes, Float(value.double)).to(try dtype(options) ?? .float32), options)
                }
            },
            filled("randn", "Makes a tensor of normally distributed numbers.") {
                try Tensor.randn($0, key: context.nextKey()).to($1)
            },
            filled("rand", "Makes a tensor of numbers evenly distributed in [0, 1).") {
                try Tensor.rand($0, key: context.nextKey()).to($1)
            },
            LuaFunctionDeclaration(
                "arange", "Makes a vector from start up to and without stop: arange(stop) begins at 0.",
                parameters: [
                    LuaParameter("start", .number, "First number, or the end where it stands alone."),
                    LuaParameter("stop", .number, optional: true, "Where to end."),
                    LuaParameter("step", .number, default: 1, "Difference."),
                ], returns: "lorawb.Tensor", example: "local x = lorawb.arange(0, 10, 2)"
            ) { call in
                _ = try call.number(1, "start")
                let start = TensorLua.number(try call.value(1))
                if call.isNil(2) { return .object(try Tensor.arange(.integer(0), start)) }
                _ = try call.number(2, "stop")
                _ = try call.optionalNumber(3, "step")
                let step = call.isNil(3) ? .integer(1) : TensorLua.number(try call.value(3))
                return .object(try Tensor.arange(start, TensorLua.number(try call.value(2)), step: step))
            },
            LuaFunctionDeclaration(
                "eye", "Makes a matrix with ones on its diagonal.",
                parameters: [
                    LuaParameter("rows", .count, "Number of rows."),
                    LuaParameter("columns", .count, default: .words("rows"), "Number of columns."),
                ], returns: "lorawb.Tensor", example: "local x = lorawb.eye(3)"
            ) { call in .object(try Tensor.eye(try call.integer(1, "rows"), try call.optionalInteger(2, "columns"))) },
            joining("cat", "Joins tensors along a dimension.") { try Tensor.cat($0, $1) },
            joining("stack", "Puts tensors of equal shape side by side along a new dimension.") {
                try Tensor.stack($0, $1)
            },
            LuaFunctionDeclaration(
                "where", "Elements of a where a condition holds, of b elsewhere; shapes are broadcast.",
                parameters: [
                    LuaParameter(
                        "condition", .object("lorawb.Tensor"), "Holds where it is not 0, as comparisons give it."),
                    LuaParameter("a", .either([.object("lorawb.Tensor"), .number(.any)]), "Where it holds."),
                    LuaParameter("b", .either([.object("lorawb.Tensor"), .number(.any)]), "Elsewhere."),
                ], returns: "lorawb.Tensor", example: "print(lorawb.where(t:gt(0), t, 0.0))"
            ) { call in
                let condition = try call.object(1, as: Tensor.self, "condition")
                return .object(try TensorLua.operand(call, 2).where(condition, try TensorLua.operand(call, 3)))
            },
            LuaFunctionDeclaration(
                "unpack", "Cuts the rows of a tensor into one tensor a sequence.",
                parameters: [
                    LuaParameter("tensor", .object("lorawb.Tensor"), "Rows of all sequences, [total tokens, ...]."),
                    LuaParameter("cu_seqlens", .integers, "0, n1, n1 + n2, ..."),
                ], returns: "lorawb.Tensor[]", example: "local parts = lorawb.unpack(lorawb.randn(5, 2), { 0, 2, 5 })"
            ) { call in
                let tensor = try call.object(1, as: Tensor.self, "tensor")
                let ends =
                    call.isTable(2)
                    ? try call.integers(2, "cu_seqlens")
                    : try call.object(2, as: Tensor.self, "cu_seqlens").integerArray()
                guard let rows = tensor.shape.first, ends.first == 0, ends.last == Int64(rows) else {
                    throw LuaFault(
                        "cu_seqlens must go from 0 to the \(tensor.shape.first ?? 0) rows of shape \(tensor.shape)")
                }
                return .list(
                    try zip(ends, ends.dropFirst()).map { first, last in
                        guard first <= last, first >= 0, last <= Int64(rows) else {
                            throw LuaFault("cu_seqlens must ascend")
                        }
                        return .object(try tensor.narrow(0, start: Int(first), length: Int(last - first)))
                    })
            },
            LuaFunctionDeclaration(
                "no_grad", "Calls fn without recording what it does, and gives what it gives.",
                parameters: [LuaParameter("fn", .function("function"), "What to run.")], returns: "any",
                example: "local y = lorawb.no_grad(function() return t:relu() end)"
            ) { call in
                let function = try call.function(1, "fn")
                return .values(try Recording.off { try function.call([]) })
            },
            LuaFunctionDeclaration(
                "manual_seed", "Sets the seed of random numbers: new weights, randn, dropout.",
                parameters: [LuaParameter("seed", .integer, "Any integer.")], example: "lorawb.manual_seed(1)"
            ) { call in
                context.setSeed(try call.integer(1, "seed"))
                return .nothing
            },
        ]
    }

    private static func joining(
        _ name: String, _ doc: String, _ body: @escaping ([Tensor], Int) throws -> Tensor
    ) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            name, doc,
            parameters: [
                LuaParameter("tensors", .list(.object("lorawb.Tensor")), "A list of tensors."),
                LuaParameter("dim", .integer(.position), default: 1, "Dimension from 1."),
            ], returns: "lorawb.Tensor", example: "local x = lorawb.\(name)({ t, t }, 1)"
        ) { call in
            let tensors = try call.table(1, "tensors").values.enumerated().map { index, value in
                guard let tensor = value.asObject(Tensor.self) else {
                    throw LuaFault("entry \(index + 1) expected lorawb.Tensor, got \(value.shown)")
                }
                return tensor
            }
            guard let first = tensors.first else { throw LuaFault("an empty list of tensors") }
            let rank = first.shape.count + (name == "stack" ? 1 : 0)
            let dimension = try call.optionalInteger(2, "dim") ?? 1
            guard let place = try TensorLua.place(dimension, count: rank) else {
                throw call.argumentError(2, "dim", "1 to \(rank) expected, got \(dimension)")
            }
            return .object(try body(tensors, place))
        }
    }
}
