import CLuaShim
import Memory

extension LuaHost {
    /// Declares a type: objects of its class can be given to scripts from now on.
    public func register<T: AnyObject>(_ type: LuaType<T>) throws {
        let number = try checked(lw_type_new(state.raw, type.name, type.close != nil), type.name)
        let close = type.close.map { close in
            { (object: AnyObject) throws in
                if let object = object as? T { try close(object) }
            }
        }
        entries[number] = Entry(name: type.name, close: close, accepts: { $0 is T })
        typeOfClass = typeOfClass.filter { entries[$0.value] != nil }
        typeOfClass[ObjectIdentifier(T.self)] = number
        LuaHost.remember(T.self, as: type.name)
        try confirm(lw_type_advice(state.raw, number, type.elements))
        document(type.name, .type, type.doc)
        for method in type.methods { try add(method, to: type, number) }
        for property in type.properties { try add(property, to: type, number) }
        for metamethod in type.metamethods { try add(metamethod, to: type, number) }
    }

    private func add<T>(_ method: LuaMethod<T>, to type: LuaType<T>, _ number: Int32) throws {
        let body = method.body
        let function = keep(
            method.name, path: "\(type.name):\(method.name)", isMethod: true, parameters: method.signature.parameters,
            checkSelf: { _ = try $0.selfObject(number, T.self) }
        ) { call in
            try body(try call.selfObject(number, T.self), call)
        }
        try confirm(lw_type_method(state.raw, number, method.name, function))
        document("\(type.name):\(method.name)", .method, method.signature)
    }

    private func add<T>(_ property: LuaProperty<T>, to type: LuaType<T>, _ number: Int32) throws {
        let get = property.get
        let getter = keep(property.name, isMethod: true) { call in
            .value(try get(try call.selfObject(number, T.self)))
        }
        let setter = property.set.map { set in
            keep(property.name, isMethod: true) { call in
                try set(try call.selfObject(number, T.self), call)
                return .nothing
            }
        }
        try confirm(lw_type_property(state.raw, number, property.name, getter, setter))
        document("\(type.name).\(property.name)", .property, property.signature)
    }

    private func add<T>(_ metamethod: LuaMetamethod<T>, to type: LuaType<T>, _ number: Int32) throws {
        let body = metamethod.body
        let isBinary = metamethod.isBinary
        let name = metamethod.event == "__index_names" ? "index" : String(metamethod.event.dropFirst(2))
        let checked = metamethod.event == "__call" ? metamethod.signature.parameters : nil
        let function = keep(name, isMethod: !isBinary, parameters: checked) { call in
            try body(isBinary ? nil : try call.selfObject(number, T.self), call)
        }
        try confirm(lw_type_metamethod(state.raw, number, metamethod.event, function))
        document("\(type.name) \(metamethod.event)", .metamethod, metamethod.signature)
    }

    /// Declares a kind of plain table with methods.
    public func register(_ type: LuaTableType) throws {
        let number = try checked(lw_table_type_new(state.raw, type.name), type.name)
        tableTypes[type.name] = number
        entries[number] = Entry(name: type.name, close: nil, accepts: { _ in false })
        document(type.name, .type, type.doc)
        for method in type.methods {
            let body = method.body
            let checkSelf: (borrowing LuaCall) throws -> Void = { try $0.checkSelfTable(type.name) }
            let function = keep(
                method.name, path: "\(type.name):\(method.name)", isMethod: true,
                parameters: method.signature.parameters, checkSelf: checkSelf
            ) { call in
                try checkSelf(call)
                return try body(call)
            }
            try confirm(lw_type_method(state.raw, number, method.name, function))
            document("\(type.name):\(method.name)", .method, method.signature)
        }
    }

    /// Declares a module with all that is in it; `global` also gives it to scripts under that name without `require`.
    public func register(_ module: LuaModule, global: String? = nil) throws {
        try confirm(lw_module_new(state.raw, module.name))
        givenModules.insert(module.name)
        document(module.name, .module, module.doc)
        for function in module.functions {
            lw_out_reset(state.raw)
            let path = "\(module.name).\(function.name)"
            try encode(.callable(LuaCallable(function, path: path)))
            try confirm(lw_module_field(state.raw, module.name, function.name))
            document("\(module.name).\(function.name)", .function, function.signature)
        }
        for constant in module.constants {
            lw_out_reset(state.raw)
            try encode(constant.value)
            try confirm(lw_module_field(state.raw, module.name, constant.name))
            document(
                "\(module.name).\(constant.name)", .constant,
                LuaSignature(doc: constant.doc, returns: constant.annotation))
        }
        for property in module.properties {
            let getter = keep(property.name, property.get)
            try confirm(lw_module_property(state.raw, module.name, property.name, getter))
            document("\(module.name).\(property.name)", .property, property.signature)
        }
        for submodule in module.submodules {
            try register(submodule)
            let field = submodule.name.split(separator: ".").last.map(String.init) ?? submodule.name
            try confirm(lw_module_nest(state.raw, module.name, field, submodule.name))
        }
        if let global { try confirm(lw_module_global(state.raw, global, module.name)) }
    }

    /// Gives scripts a function without `require`.
    public func register(_ function: LuaFunctionDeclaration) throws {
        try setGlobal(function.name, .callable(LuaCallable(function, path: function.name)))
        document(function.name, .function, function.signature)
    }

    /// Defines a global.
    public func setGlobal(_ name: String, _ value: LuaValue) throws {
        lw_out_reset(state.raw)
        try encode(value)
        try confirm(lw_set_global(state.raw, name))
    }

    /// Makes `require` give a value for a name.
    public func setModule(_ name: String, _ value: LuaValue) throws {
        lw_out_reset(state.raw)
        try encode(value)
        try confirm(lw_set_module(state.raw, name))
        givenModules.insert(name)
    }

    /// Sets a field of a registered module, such as a function written in Lua.
    public func setField(_ name: String, of module: String, _ value: LuaValue) throws {
        lw_out_reset(state.raw)
        try encode(value)
        try confirm(lw_module_field(state.raw, module, name))
    }

    /// What a script is told that reads an undefined global of this name: `'io' is not available to recipes; <advice>`.
    public func setAdvice(_ advice: String, for name: String) throws { try confirm(lw_hint(state.raw, name, advice)) }

    private func keep(
        _ name: String, path: String? = nil, isMethod: Bool = false, parameters: [LuaParameter]? = nil,
        checkSelf: ((borrowing LuaCall) throws -> Void)? = nil, _ body: @escaping LuaBody
    ) -> UnsafeRawPointer {
        let function = HostFunction(
            name, path: path, isMethod: isMethod, parameters: parameters, checkSelf: checkSelf, body)
        functions.append(function)
        return function.pointer
    }

    /// The number of a new type.
    private func checked(_ number: Int32, _ name: String) throws -> Int32 {
        guard number != 0 else { throw MemoryRefusal.lua }
        guard number > 0 else { throw LuaFault("type '\(name)' cannot be registered: too many types") }
        return number
    }

    private func confirm(_ done: Bool) throws {
        guard done else { throw MemoryRefusal.lua }
    }
}

extension LuaCall {
    /// The object that a method was called on.
    func selfObject<T: AnyObject>(_ type: Int32, _: T.Type) throws -> T {
        let value = total > 0 ? lw_read(thread, 1) : lw_value()
        guard Int(value.tag) == LW_OBJECT else { throw badSelf(LuaHost.typeName(of: T.self)) }
        guard let pointer = value.pointer else {
            throw LuaFault("the \(host.entries[value.type]?.name ?? "object") was closed")
        }
        let object = Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue()
        // Only objects that are a T are ever given the number of T's type.
        if value.type == type { return unsafeDowncast(object, to: T.self) }
        guard let fitting = object as? T else { throw badSelf(LuaHost.typeName(of: T.self)) }
        return fitting
    }

    /// Throws where a method of tables was called on something else than a table.
    func checkSelfTable(_ type: String) throws {
        guard total > 0, Int(lw_read(thread, 1).tag) == LW_TABLE else { throw badSelf(type) }
    }

    private func badSelf(_ expected: String) -> LuaFault {
        let got = total > 0 ? host.shown(lw_read(thread, 1), thread: thread, place: 1) : "no value"
        return LuaFault(
            complete:
                "calling '\(functionName)' on bad self (\(expected) expected, got \(got)); a method is called with a colon: x:\(functionName)()"
        )
    }
}
