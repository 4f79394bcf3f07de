import Options

/// One parameter of a host function: what is checked before the function is called, and what documentation shows.
///
/// An object, since it is looked at in every call and never changes.
public final class LuaParameter: Sendable {
    /// Its name; "..." stands for all arguments from here on.
    public let name: String
    /// What it may hold, with its range.
    public let type: OptionType
    /// What it means.
    public let doc: String
    /// Whether it may be left out.
    public let isOptional: Bool
    /// What it is where it is left out.
    public let standard: OptionLiteral?
    /// What its texts name; of a function, the fields of its first argument.
    public let values: OptionValues?

    /// Declares a parameter; one with a default may be left out.
    public init(
        _ name: String, _ type: OptionType, default standard: OptionLiteral? = nil, optional: Bool = false,
        values: OptionValues? = nil, _ doc: String
    ) {
        self.values = values
        (self.name, self.type, self.standard, self.doc) = (name, type, standard, doc)
        isOptional = optional || standard != nil
    }

    /// Declares a table of options, which may be left out where none of them is required.
    public convenience init(_ name: String = "options", _ options: OptionTable, _ doc: String = "Options.") {
        self.init(
            name, .options(options),
            optional: !options.options.contains(where: \.isRequired) && options.positional == nil, doc)
    }

    /// The keys, where it is a table of options.
    public var options: OptionTable? { type.table }

    /// Its type in the notation of the Lua language server, `?` at the end where it may be left out.
    public var annotation: String { type.annotation + (isOptional ? "?" : "") }
}

/// What is said of a function, method or property.
public struct LuaSignature: Sendable {
    /// What it does: a sentence in the present tense, with shapes in brackets.
    public let doc: String
    /// Its parameters in order.
    public let parameters: [LuaParameter]
    /// What it gives, in the notation of the Lua language server; empty for nothing.
    public let returns: String
    /// Lines of Lua that use it, as a recipe would.
    public let example: String

    /// What is said of something.
    public init(doc: String, parameters: [LuaParameter] = [], returns: String = "", example: String = "") {
        (self.doc, self.parameters, self.returns, self.example) = (doc, parameters, returns, example)
    }
}

/// A function of a module, or a global one.
public struct LuaFunctionDeclaration {
    /// Its name.
    public let name: String
    /// What is said of it.
    public let signature: LuaSignature
    let body: LuaBody

    /// Declares a function.
    public init(
        _ name: String, _ doc: String, parameters: [LuaParameter] = [], returns: String = "", example: String = "",
        body: @escaping LuaBody
    ) {
        self.name = name
        signature = LuaSignature(doc: doc, parameters: parameters, returns: returns, example: example)
        self.body = body
    }
}

/// A method of a type.
public struct LuaMethod<T: AnyObject> {
    /// Its name.
    public let name: String
    /// What is said of it.
    public let signature: LuaSignature
    let body: (T, borrowing LuaCall) throws -> LuaReturn

    /// Declares a method; the object comes first, arguments are counted without it.
    public init(
        _ name: String, _ doc: String, parameters: [LuaParameter] = [], returns: String = "", example: String = "",
        body: @escaping (T, borrowing LuaCall) throws -> LuaReturn
    ) {
        self.name = name
        signature = LuaSignature(doc: doc, parameters: parameters, returns: returns, example: example)
        self.body = body
    }
}

/// A field of a type that is computed when read.
public struct LuaProperty<T: AnyObject> {
    /// Its name.
    public let name: String
    /// What is said of it.
    public let signature: LuaSignature
    let get: (T) throws -> LuaValue
    let set: ((T, borrowing LuaCall) throws -> Void)?

    /// Declares a property; a setter finds the new value as argument 1.
    public init(
        _ name: String, _ doc: String, type: String, example: String = "", get: @escaping (T) throws -> LuaValue,
        set: ((T, borrowing LuaCall) throws -> Void)? = nil
    ) {
        self.name = name
        signature = LuaSignature(doc: doc, returns: type, example: example)
        self.get = get
        self.set = set
    }
}

/// What a type does under an operator.
public struct LuaMetamethod<T: AnyObject> {
    /// The binary operators.
    ///
    /// The operands are arguments 1 and 2, and either may be the object.
    public enum Operator: String, Sendable {
        /// a + b
        case add = "__add"
        /// a - b
        case sub = "__sub"
        /// a * b
        case mul = "__mul"
        /// a / b
        case div = "__div"
        /// a % b
        case mod = "__mod"
        /// a ^ b
        case pow = "__pow"
        /// a // b
        case idiv = "__idiv"
        /// a == b, asked of two objects only
        case eq = "__eq"
        /// a < b
        case lt = "__lt"
        /// a <= b
        case le = "__le"
        /// a .. b
        case concat = "__concat"
    }

    let event: String
    let isBinary: Bool
    /// What is said of it.
    public let signature: LuaSignature
    let body: (T?, borrowing LuaCall) throws -> LuaReturn

    private init(
        _ event: String, _ isBinary: Bool, _ signature: LuaSignature,
        _ body: @escaping (T?, borrowing LuaCall) throws -> LuaReturn
    ) {
        self.event = event
        self.isBinary = isBinary
        self.signature = signature
        self.body = body
    }

    private static func unary(
        _ event: String, _ doc: String, _ parameters: [LuaParameter], _ returns: String,
        _ body: @escaping (T, borrowing LuaCall) throws -> LuaReturn
    ) -> LuaMetamethod {
        LuaMetamethod(event, false, LuaSignature(doc: doc, parameters: parameters, returns: returns)) { object, call in
            guard let object else { return .nothing }
            return try body(object, call)
        }
    }

    /// A binary operator: the operands are arguments 1 and 2.
    public static func binary(_ op: Operator, _ doc: String, returns: String, body: @escaping LuaBody) -> LuaMetamethod
    {
        LuaMetamethod(op.rawValue, true, LuaSignature(doc: doc, parameters: [], returns: returns)) { _, call in
            try body(call)
        }
    }

    /// The operator of `-a`.
    public static func negate(
        _ doc: String, returns: String, body: @escaping (T) throws -> LuaReturn
    ) -> LuaMetamethod { unary("__unm", doc, [], returns) { object, _ in try body(object) } }

    /// The operator of `#a`.
    public static func length(_ doc: String, body: @escaping (T) throws -> Int) -> LuaMetamethod {
        unary("__len", doc, [], "integer") { object, _ in .integer(try body(object)) }
    }

    /// `a[i]` for keys that are no strings; with `names` also for strings that name neither a method nor a property.
    ///
    /// The key is argument 1. Without `names` an unknown name is an error that suggests the nearest one.
    public static func index(
        _ doc: String, returns: String, names: Bool = false, body: @escaping (T, borrowing LuaCall) throws -> LuaReturn
    ) -> LuaMetamethod { unary(names ? "__index_names" : "__index", doc, [], returns, body) }

    /// The operator of `a(...)`.
    public static func call(
        _ doc: String, parameters: [LuaParameter] = [], returns: String,
        body: @escaping (T, borrowing LuaCall) throws -> LuaReturn
    ) -> LuaMetamethod { unary("__call", doc, parameters, returns, body) }

    /// `tostring(a)` and `print(a)`; without one the type's name is shown.
    public static func text(_ doc: String, body: @escaping (T) throws -> String) -> LuaMetamethod {
        unary("__tostring", doc, [], "string") { object, _ in .string(try body(object)) }
    }
}
