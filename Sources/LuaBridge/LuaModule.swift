/// A field of a module that is computed when read.
public struct LuaModuleProperty {
    /// Its name.
    public let name: String
    /// What is said of it.
    public let signature: LuaSignature
    let get: LuaBody

    /// Declares a property of a module.
    public init(_ name: String, _ doc: String, type: String, example: String = "", get: @escaping LuaBody) {
        self.name = name
        signature = LuaSignature(doc: doc, returns: type, example: example)
        self.get = get
    }
}

/// A constant of a module.
public struct LuaConstant {
    /// Its name.
    public let name: String
    /// What it is.
    public let doc: String
    /// Its value.
    public let value: LuaValue

    /// Its type in the notation of the Lua language server.
    var annotation: String {
        switch value {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        default: "any"
        }
    }

    /// Declares a constant.
    public init(_ name: String, _ doc: String, _ value: LuaValue) {
        self.name = name
        self.doc = doc
        self.value = value
    }
}

/// A table of functions that a script gets by `require`; reading a name that it has not got is an error.
public struct LuaModule {
    /// The name by which it is required, such as `lorawb.nn` for the field `nn` of `lorawb`.
    public let name: String
    /// What it is for, in one line.
    public let doc: String
    /// Its functions.
    public let functions: [LuaFunctionDeclaration]
    /// Its constants.
    public let constants: [LuaConstant]
    /// Its computed fields.
    public let properties: [LuaModuleProperty]
    /// Modules within it, each a field by the last part of its name.
    public let submodules: [LuaModule]

    /// Declares a module.
    public init(
        _ name: String, _ doc: String, functions: [LuaFunctionDeclaration] = [], constants: [LuaConstant] = [],
        properties: [LuaModuleProperty] = [], submodules: [LuaModule] = []
    ) {
        self.name = name
        self.doc = doc
        self.functions = functions
        self.constants = constants
        self.properties = properties
        self.submodules = submodules
    }
}
