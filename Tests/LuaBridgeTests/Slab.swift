import Foundation
import LuaBridge
import Memory
import Options
import Synchronization

/// A host object for tests: a buffer that can be freed, with its number of living ones counted by a census.
final class Slab {
    let census: Census
    private(set) var values: [Double]?
    var label = ""

    init(_ count: Int, _ census: Census) throws {
        try MemoryBudget.reserve(count * 8)
        try census.reserve(count * 8)
        self.census = census
        values = [Double](repeating: 0, count: count)
        census.add(1, bytes: count * 8)
    }

    func read() throws -> [Double] {
        guard let values else { throw LuaFault("the slab was freed") }
        return values
    }

    func set(_ index: Int, _ value: Double) throws {
        guard let count = values?.count else { throw LuaFault("the slab was freed") }
        guard index < count else { throw LuaFault("no element \(index)") }
        values?[index] = value
    }

    func free() {
        if let values { census.add(0, bytes: -values.count * 8) }
        values = nil
    }

    deinit {
        free()
        census.add(-1, bytes: 0)
    }
}

/// Counts living slabs and their bytes.
final class Census {
    private(set) var living = 0
    private(set) var bytes = 0
    private(set) var peak = 0
    /// Bytes that may live in one world: the budget is one of the whole process, in which other tests run.
    var limit = Int.max
    var collect: () -> Void = {}

    func reserve(_ more: Int) throws {
        if more > limit - bytes { collect() }
        guard more <= limit - bytes else { throw LuaFault(MemoryRefusal.prefix + "\(more) bytes more") }
    }

    func add(_ objects: Int, bytes more: Int) {
        living += objects
        bytes += more
        peak = max(peak, bytes)
    }
}

/// Another type of object, to be confused with slabs.
final class Token {
    let number: Int
    init(_ number: Int) { self.number = number }
}

/// Arguments of any number and type.
private let anything = [LuaParameter("...", .any, "Whatever there is.")]

/// A host with slabs, tokens and a few functions, and what scripts print.
final class World {
    let host: LuaHost
    let census = Census()
    private(set) var printed: [String] = []
    var modules: [String: String] = [:]
    var kept: LuaFunction?
    var keptValue: LuaValue = .nil

    static let optionSet = OptionTable(
        [
            Option("r", .positive, default: 8, "Rank of the update."),
            Option("lora_alpha", .number, default: 0.5, "Scale of the update."),
            Option("target_modules", .strings, "Names of modules."),
            Option("bias", .oneOf(["none", "all", "lora_only"]), "Which biases are trained."),
            Option("callback", .function("fun()"), "Called at each step."),
            Option("slab", .object("test.Slab"), "A slab."),
        ], refused: ["use_dora": "is not supported"])

    init(memory: Int = 1 << 30, slabLimit: Int? = nil) throws {
        let box = LoaderBox()
        host = try LuaHost(limits: LuaLimits(memory: memory)) { try box.load($0) }
        box.world = self
        if let slabLimit {
            (census.limit, census.collect) = (slabLimit, { [collector = host.collector] in collector.collect() })
        }
        host.output = { [weak self] text in self?.printed.append(text.text) }
        try host.register(slabType)
        try host.register(
            LuaType<Token>(
                "test.Token", "A number.",
                properties: [LuaProperty("number", "Its number.", type: "integer") { .integer($0.number) }],
                metamethods: [.length("Its number.") { $0.number }]))
        try host.register(
            LuaTableType(
                "test.Splits", "Slabs by name.",
                methods: [
                    LuaFunctionDeclaration("names", "Gives the names.", parameters: anything, returns: "string[]") {
                        call in
                        guard let names = try call.selfValue().asTable?.names else { throw LuaFault("no splits") }
                        return .value(.strings(names))
                    }
                ]))
        try host.register(module, global: "lorawb")
    }

    func run(_ source: String, name: String = "@recipe.lua") throws {
        try host.run(LuaString(source), name: name)
    }

    /// The failure of a script, nil where it ran through.
    func failure(_ source: String, name: String = "@recipe.lua") -> LuaFailure? {
        do {
            try host.run(LuaString(source), name: name)
            return nil
        } catch {
            return error
        }
    }

    /// What a script printed, its failure last.
    func output(_ source: String) -> String {
        printed = []
        let failure = failure(source)
        return (printed + (failure.map { ["! \($0.message)\n"] } ?? [])).joined()
    }
}

private final class LoaderBox {
    weak var world: World?

    func load(_ name: String) throws -> LuaModuleSource {
        guard let text = world?.modules[name] else { throw LuaFault("no module '\(name)' beside the recipe") }
        let library = name.hasPrefix("lorawb.")
        let chunk = library ? "=lorawb/" + name.dropFirst(7) : "@\(name).lua"
        return LuaModuleSource(source: LuaString(text), chunkName: String(chunk))
    }
}

extension World {
    var slabType: LuaType<Slab> {
        let census = census
        return LuaType<Slab>(
            "test.Slab", "A buffer of floats.",
            methods: [
                LuaMethod("numel", "Gives the number of elements.", parameters: anything, returns: "integer") {
                    slab, _ in
                    .integer(try slab.read().count)
                },
                LuaMethod(
                    "add", "Adds another slab.",
                    parameters: [LuaParameter("other", .object("test.Slab"), "As large as this one.")],
                    returns: "test.Slab"
                ) { slab, call in
                    let other: Slab = try call.object(1, "other")
                    return .object(try World.sum(slab, other, census))
                },
                LuaMethod(
                    "map", "Replaces each element by what a function gives for it.",
                    parameters: [LuaParameter("f", .function("fun(x: number): number"), "The function.")]
                ) { slab, call in
                    let function = try call.function(1, "f")
                    for (index, value) in try slab.read().enumerated() {
                        let result = try function.call([.number(value)]).first?.asNumber
                        try slab.set(index, result ?? .nan)
                    }
                    return .nothing
                },
                LuaMethod("fail", "Fails while it holds a slab and bytes.", parameters: anything) { slab, _ in
                    let scratch = [UInt8](repeating: 7, count: 4096)
                    let other = try Slab(16, census)
                    throw LuaFault(
                        "\(scratch.count) bytes and \(try other.read().count) elements, not \(try slab.read().count)")
                },
                LuaMethod(
                    "take", "Gives its arguments as they were read.",
                    parameters: [
                        LuaParameter("n", .integer, "A number."), LuaParameter("s", .string, optional: true, "A text."),
                    ]
                ) { _, call in
                    .values([.integer(try call.integer(1, "n")), .string(try call.optionalString(2, "s") ?? "-")])
                },
            ],
            properties: [
                LuaProperty("shape", "Its shape [n].", type: "integer[]") { .integers([try $0.read().count]) },
                LuaProperty(
                    "label", "A text of the script's.", type: "string", get: { .string($0.label) },
                    set: { slab, call in slab.label = try call.string(1, "label") }),
            ],
            metamethods: [
                .binary(.add, "Adds two slabs, or a number to each element.", returns: "test.Slab") { call in
                    let slab: Slab = try call.isNumber(1) ? call.object(2) : call.object(1)
                    if call.isNumber(1) || call.isNumber(2) {
                        let number = try call.isNumber(1) ? call.number(1) : call.number(2)
                        let result = try Slab(slab.read().count, census)
                        for (index, value) in try slab.read().enumerated() { try result.set(index, value + number) }
                        return .object(result)
                    }
                    return .object(try World.sum(slab, call.object(2), census))
                },
                .negate("Gives a slab of opposite numbers.", returns: "test.Slab") { slab in
                    let result = try Slab(slab.read().count, census)
                    for (index, value) in try slab.read().enumerated() { try result.set(index, -value) }
                    return .object(result)
                },
                .length("The number of elements.") { try $0.read().count },
                .index("The element at a position from 1.", returns: "number") { slab, call in
                    let position = try call.integer(1, "position")
                    let values = try slab.read()
                    guard position >= 1, position <= values.count else { throw LuaFault("no element \(position)") }
                    return .number(values[position - 1])
                },
                .call("Gives the arguments' number.", parameters: anything, returns: "integer") { _, call in
                    .integer(call.count)
                },
                .text("Its size.") { "Slab[\($0.values?.count ?? 0)]" },
            ],
            close: { $0.free() })
    }

    static func sum(_ a: Slab, _ b: Slab, _ census: Census) throws -> Slab {
        let (x, y) = (try a.read(), try b.read())
        guard x.count == y.count else { throw LuaFault("shapes [\(x.count)] and [\(y.count)] do not match") }
        let result = try Slab(x.count, census)
        for index in x.indices { try result.set(index, x[index] + y[index]) }
        return result
    }

    private static func shaped(_ call: borrowing LuaCall, _ census: Census) throws -> Slab {
        var count = 1
        for size in try call.integers(from: 1, "size") {
            guard size >= 0 else { throw LuaFault("negative size \(size)") }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= 1 << 40 else { throw LuaFault("the shape is too large") }
            count = product
        }
        guard call.count <= 16 else { throw LuaFault("too many dimensions: \(call.count)") }
        return try Slab(count, census)
    }

    var module: LuaModule {
        let census = census
        return LuaModule(
            "lorawb", "Functions for tests.",
            functions: [
                LuaFunctionDeclaration("zeros", "Makes a slab of zeros.", parameters: anything, returns: "test.Slab") {
                    call in
                    .object(try World.shaped(call, census))
                },
                LuaFunctionDeclaration("token", "Makes a token.", parameters: anything, returns: "test.Token") { call in
                    .object(Token(try call.integer(1, "number")))
                },
                LuaFunctionDeclaration(
                    "adapt", "Reads options.", parameters: [LuaParameter("config", World.optionSet)],
                    returns: "integer, number, string"
                ) { call in
                    let options = try call.options(1, World.optionSet)
                    return .values([
                        .integer(try options.integer("r")), .number(try options.number("lora_alpha")),
                        .string((options.strings("target_modules") ?? []).joined(separator: ",")),
                    ])
                },
                LuaFunctionDeclaration("echo", "Gives its arguments back.", parameters: anything, returns: "any") {
                    call in
                    .values(try call.values())
                },
                LuaFunctionDeclaration("call", "Calls a function.", parameters: anything, returns: "any") { call in
                    .values(try call.function(1, "f").call(try call.values(from: 2)))
                },
                LuaFunctionDeclaration("keep", "Keeps a function or a value.", parameters: anything) {
                    [weak self] call in
                    if call.isFunction(1) {
                        self?.kept = try call.function(1)
                    } else {
                        self?.keptValue = try call.value(1)
                    }
                    return .nothing
                },
                LuaFunctionDeclaration(
                    "splits", "Gives a table with methods.", parameters: anything, returns: "test.Splits"
                ) { _ in
                    .table(
                        LuaTable(
                            fields: ["train": .object(try Slab(3, census)), "dev": .object(try Slab(1, census))],
                            type: "test.Splits"))
                },
                LuaFunctionDeclaration(
                    "counter", "Gives a function that counts.", parameters: anything, returns: "fun(): integer"
                ) { _ in
                    var count = 0
                    return .callable(
                        LuaCallable("counter") { _ in
                            count += 1
                            return .integer(count)
                        })
                },
                LuaFunctionDeclaration("stall", "Hears nothing for ten seconds.", parameters: anything) { _ in
                    let end = Date(timeIntervalSinceNow: 10)
                    while Date() < end {}
                    return .nothing
                },
                LuaFunctionDeclaration("spin", "Works until it is to stop.", parameters: anything) { call in
                    while !call.host.isStopping {}
                    throw LuaInterrupted()
                },
                LuaFunctionDeclaration(
                    "shape", "Gives the shape of a nested list.", parameters: anything, returns: "integer[]"
                ) { call in
                    switch try call.table(1).nestedNumbers() {
                    case .integers(_, let shape): return .values([.string("integers"), .integers(shape)])
                    case .numbers(_, let shape): return .values([.string("numbers"), .integers(shape)])
                    }
                },
            ],
            constants: [LuaConstant("version", "The version.", .string("0.1"))],
            properties: [LuaModuleProperty("run_dir", "The run's folder.", type: "string") { _ in .string("runs/1") }],
            submodules: [
                LuaModule(
                    "lorawb.nn", "Modules of one's own.",
                    functions: [
                        LuaFunctionDeclaration("linear", "Gives 1.", parameters: anything, returns: "integer") { _ in
                            .integer(1)
                        }
                    ])
            ])
    }
}
