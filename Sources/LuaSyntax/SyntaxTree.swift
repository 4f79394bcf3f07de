import Memory

/// A chunk of Lua as a tree, with the bytes of each part and what each name stands for.
///
/// Expressions and variables are kept in lists and named by their place there, so that a chain of any length is freed and walked without
/// going deep.
public struct SyntaxTree: Sendable {
    /// The text.
    public let source: SourceText
    /// All functions; the first is the chunk itself.
    public internal(set) var functions: [Function] = []
    /// All local variables.
    public internal(set) var variables: [Variable] = []
    /// Every mention of a name that is no local variable.
    public internal(set) var globals: [GlobalUse] = []
    /// Whether `_ENV` is named, so that a name may be anything.
    public internal(set) var namesEnvironment = false
    /// All expressions in the order in which they end: what one is made of comes before it.
    public let expressionIDs: [ExpressionID]
    var expressions: [Expression]

    /// Parses a text; throws a `SyntaxError` where Lua would not compile it, and a refusal where there is no memory for the tree.
    public init(_ bytes: [UInt8]) throws {
        source = SourceText(bytes)
        // A node for every two or three bytes, of about a hundred bytes.
        try MemoryBudget.reserve(bytes.count, of: 64)
        var parser = try Parser(source)
        try parser.chunk()
        (functions, variables, globals) = (parser.functions, parser.variables, parser.globals)
        (expressions, namesEnvironment) = (parser.expressions, parser.namesEnvironment)
        expressionIDs = expressions.indices.map { ExpressionID(place: $0) }
    }

    /// An expression.
    public subscript(id: ExpressionID) -> Expression { expressions[id.place] }

    /// Number of expressions.
    public var expressionCount: Int { expressions.count }

    /// The statements of the chunk.
    public var main: Block { functions[0].body }
}

/// The name of an expression in its tree.
public struct ExpressionID: Hashable, Sendable {
    /// Its place in the list of expressions.
    public let place: Int
}

/// A name as it is written.
public struct Name: Sendable, Equatable {
    /// The name.
    public let text: String
    /// Its bytes.
    public let range: Range<Int>
}

/// Something that has a value.
public struct Expression: Sendable {
    /// What it is.
    public enum Kind: Sendable {
        case `nil`
        case boolean(Bool)
        case integer(Int64)
        case number(Double)
        /// A text, its escapes read.
        case string([UInt8])
        /// `...`
        case varargs
        /// A local variable, by its place in the tree's list.
        case local(Int)
        /// A name that is no local variable.
        case global(String)
        /// `of.name`
        case field(of: ExpressionID, Name)
        /// `of[key]`
        case element(of: ExpressionID, key: ExpressionID)
        /// `callee(arguments)`, `callee"text"`, `callee{table}`
        case call(ExpressionID, arguments: [ExpressionID])
        /// `of:name(arguments)`
        case methodCall(of: ExpressionID, Name, arguments: [ExpressionID])
        /// A function, by its place in the tree's list.
        case function(Int)
        case table([TableEntry])
        /// A binary operator, as it is written.
        case binary(String, ExpressionID, ExpressionID)
        /// `-`, `not`, `#`, `~`
        case unary(String, ExpressionID)
        /// `(inner)`, which has one value.
        case parenthesis(ExpressionID)
    }

    /// What it is.
    public let kind: Kind
    /// Its bytes.
    public let range: Range<Int>
    /// How deep the tree below it is.
    public let depth: Int
}

/// An entry of a table constructor.
public struct TableEntry: Sendable {
    /// Where the value goes.
    public enum Key: Sendable {
        /// To the end of the sequence.
        case next
        /// `name = value`
        case name(Name)
        /// `[key] = value`
        case computed(ExpressionID)
    }

    /// Where the value goes.
    public let key: Key
    /// The value.
    public let value: ExpressionID
}

/// Statements one after another.
public struct Block: Sendable {
    /// The statements.
    public internal(set) var statements: [Statement] = []
}

/// Something that is done.
public struct Statement: Sendable {
    /// A condition with what is done where it holds.
    public struct Branch: Sendable {
        /// The condition.
        public let condition: ExpressionID
        /// What is done.
        public let body: Block
    }

    /// What is done.
    public indirect enum Kind: Sendable {
        /// A call whose values nobody uses.
        case call(ExpressionID)
        /// `local variables = values`
        case local([Int], values: [ExpressionID])
        /// `local function name`
        case localFunction(Int, ExpressionID)
        /// `targets = values`
        case assignment([ExpressionID], values: [ExpressionID])
        /// `function target.name()`
        case function(ExpressionID, isMethod: Bool, ExpressionID)
        case block(Block)
        case whileLoop(ExpressionID, Block)
        case repeatLoop(Block, until: ExpressionID)
        case branches([Branch], otherwise: Block?)
        case numericFor(Int, [ExpressionID], Block)
        case genericFor([Int], [ExpressionID], Block)
        case returning([ExpressionID])
        case breaking
        case goto(String)
        case label(String)
    }

    /// What is done.
    public let kind: Kind
    /// Its bytes.
    public let range: Range<Int>
}

/// A function, or the chunk itself.
public struct Function: Sendable {
    /// The function that it stands in; nil of the chunk.
    public let enclosing: Int?
    /// Its parameters; of `function a:b()` the first is self.
    public internal(set) var parameters: [Int] = []
    /// Whether it takes any number of arguments.
    public internal(set) var isVararg = false
    /// What it does.
    public internal(set) var body = Block()
    /// Its bytes.
    public internal(set) var range: Range<Int>
}

/// A local variable.
public struct Variable: Sendable {
    /// What may be done with it.
    public enum Attribute: Sendable { case regular, constant, closed }
    /// How it came to be.
    public enum Origin: Sendable {
        /// `local name = value`: the value, of which the first counts where it is a call; nil where there is none.
        case declaration(ExpressionID?)
        /// `local a, b = f()`: a further result of the last value; its first is 0.
        case result(ExpressionID, Int)
        /// A parameter of a function.
        case parameter
        /// The variable of a loop over numbers.
        case counter
        /// A variable of a loop over what its expressions give, of which this is the place among its variables.
        case loop([ExpressionID], Int)
    }

    /// Its name.
    public let name: Name
    /// The function that it belongs to.
    public let function: Int
    /// What may be done with it.
    public internal(set) var attribute = Attribute.regular
    /// How it came to be.
    public internal(set) var origin = Origin.parameter
    /// What is assigned to it later; nil for a further value of a call.
    public internal(set) var assigned: [ExpressionID?] = []
    /// Where it is named, as a value or to be assigned to.
    public internal(set) var uses: [ExpressionID] = []
}

/// A mention of a name that is no local variable.
public struct GlobalUse: Sendable {
    /// The name.
    public let name: Name
    /// The function that it stands in.
    public let function: Int
    /// Whether it is given a value here.
    public internal(set) var isAssigned = false
}
