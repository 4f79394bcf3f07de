/// An expression of a template.
indirect enum Expression: Sendable {
    case constant(Constant)
    case name(Name)
    /// `name.attribute` as the target of an assignment.
    case namespaceAttribute(Name, String)
    case list([Expression])
    case tuple([Expression])
    case dict([Pair])
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, Slice)
    case call(Expression, CallArguments)
    case filter(Applied)
    case test(Applied)
    case negative(Expression)
    case positive(Expression)
    case not(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case arithmetic(Arithmetic, Expression, Expression)
    case concatenation([Expression])
    case comparison(Expression, [Operand])
    case conditional(Conditional)

    /// A value that is written in the template.
    enum Constant: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case float(Double)
        case text(Text)
    }
    /// A name where it is read or assigned; `place` tells such places apart.
    struct Name: Sendable {
        let name: String
        let place: Int
    }
    /// A key and its value.
    struct Pair: Sendable {
        let key: Expression
        let value: Expression
    }
    /// Where a slice begins, ends, and how it steps.
    struct Slice: Sendable {
        let start: Expression?
        let stop: Expression?
        let step: Expression?
    }
    /// What stands between the parentheses of a call.
    struct CallArguments: Sendable {
        var positional: [Expression] = []
        var named: [(name: String, value: Expression)] = []
        var unpacked: Expression?
        var unpackedNamed: Expression?

        /// All expressions of it.
        var expressions: [Expression] {
            positional + named.map(\.value) + [unpacked, unpackedNamed].compactMap { $0 }
        }
    }
    /// A filter or test with what it is applied to, nil for the text of a block.
    struct Applied: Sendable {
        let subject: Expression?
        let name: String
        let arguments: CallArguments
        let line: Int
    }
    /// `value if test else other`.
    struct Conditional: Sendable {
        let test: Expression
        let value: Expression
        let other: Expression?
        let line: Int
    }
    /// An operator of numbers, texts and lists.
    enum Arithmetic: String, Sendable {
        case add = "+", subtract = "-", multiply = "*", divide = "/", floorDivide = "//", modulo = "%", power = "**"
    }
    /// An operator that compares.
    enum Comparison: String, Sendable {
        case equal = "==", unequal = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">=",
            contained = "in", notContained = "not in"
    }
    /// An operator with what stands to its right.
    struct Operand: Sendable {
        let comparison: Comparison
        let value: Expression
    }

    /// What it is called in the message that it cannot be assigned to.
    var nodeName: String {
        switch self {
        case .constant: "const"
        case .name: "name"
        case .namespaceAttribute: "nsref"
        case .list: "list"
        case .tuple: "tuple"
        case .dict: "dict"
        case .attribute: "getattr"
        case .item, .slice: "getitem"
        case .call: "call"
        case .filter: "filter"
        case .test: "test"
        case .negative: "neg"
        case .positive: "pos"
        case .not: "not"
        case .and: "and"
        case .or: "or"
        case .concatenation: "concat"
        case .comparison: "compare"
        case .conditional: "condexpr"
        case .arithmetic(let operation, _, _):
            switch operation {
            case .add: "add"
            case .subtract: "sub"
            case .multiply: "mul"
            case .divide: "div"
            case .floorDivide: "floordiv"
            case .modulo: "mod"
            case .power: "pow"
            }
        }
    }

    /// The expressions that it is made of, in the order in which the reference visits them.
    var children: [Expression] {
        switch self {
        case .constant, .name, .namespaceAttribute: []
        case .list(let items), .tuple(let items), .concatenation(let items): items
        case .dict(let pairs): pairs.flatMap { [$0.key, $0.value] }
        case .attribute(let object, _): [object]
        case .item(let object, let key): [object, key]
        case .slice(let object, let slice): [object] + [slice.start, slice.stop, slice.step].compactMap { $0 }
        case .call(let function, let arguments): [function] + arguments.expressions
        case .filter(let applied), .test(let applied):
            (applied.subject.map { [$0] } ?? []) + applied.arguments.expressions
        case .negative(let value), .positive(let value), .not(let value): [value]
        case .and(let left, let right), .or(let left, let right), .arithmetic(_, let left, let right): [left, right]
        case .comparison(let value, let operands): [value] + operands.map(\.value)
        case .conditional(let choice): [choice.test, choice.value] + (choice.other.map { [$0] } ?? [])
        }
    }
}
