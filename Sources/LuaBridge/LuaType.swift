/// What a script sees of objects of a class: its Lua name, methods, properties and operators, as a value.
///
/// Every type works with `local x <close> =`: at the end of the block `close` runs and the handle is dead.
public struct LuaType<T: AnyObject> {
    /// The name in messages and documentation, such as `lorawb.Tensor`.
    public let name: String
    /// What the objects are, in one line.
    public let doc: String
    /// What is called on them.
    public let methods: [LuaMethod<T>]
    /// Their fields.
    public let properties: [LuaProperty<T>]
    /// What they do under operators.
    public let metamethods: [LuaMetamethod<T>]
    /// What to use where a recipe asks for an element by number, of objects that have none.
    public let elements: String
    /// Frees what the object holds; recipes also have it as `:free()`, after which the object itself must say that it was freed.
    public let close: ((T) throws -> Void)?

    /// Declares a type.
    public init(
        _ name: String, _ doc: String, methods: [LuaMethod<T>] = [], properties: [LuaProperty<T>] = [],
        metamethods: [LuaMetamethod<T>] = [], elements: String? = nil, close: ((T) throws -> Void)? = nil
    ) {
        let names = methods.map { ":\($0.name)" } + properties.map(\.name)
        self.elements = elements ?? (names.isEmpty ? "" : "it has " + names.prefix(12).joined(separator: ", "))
        self.name = name
        self.doc = doc
        self.properties = properties
        self.metamethods = metamethods
        self.close = close
        if let close, !methods.contains(where: { $0.name == "free" }) {
            let example = "\(name.split(separator: ".").last?.lowercased() ?? name):free()"
            let free = LuaMethod<T>(
                "free", "Frees the memory that it holds now; using it afterwards is an error.", example: example
            ) { object, _ in
                try close(object)
                return .nothing
            }
            self.methods = methods + [free]
        } else {
            self.methods = methods
        }
    }
}

/// Methods of plain tables that the host gives out: `LuaTable(fields:, type:)` with this name has them.
public struct LuaTableType {
    /// The name in messages and documentation.
    public let name: String
    /// What the tables are, in one line.
    public let doc: String
    /// What is called on them; `call.selfValue()` is the table, arguments are counted without it.
    public let methods: [LuaFunctionDeclaration]

    /// Declares a kind of table.
    public init(_ name: String, _ doc: String, methods: [LuaFunctionDeclaration]) {
        self.name = name
        self.doc = doc
        self.methods = methods
    }
}
