import LuaBridge
import Models
import Tensors
import Training

/// Parameters as recipes give them: a list of tensors or of {name, tensor}, or what `named_parameters` iterates over.
struct ParameterReader {
    private let known: [ObjectIdentifier: String]
    private var taken: Set<String> = []
    private var tensors: [ObjectIdentifier: String] = [:]
    private var count = 0

    init(_ context: RecipeContext) { known = context.live.names() }

    /// The parameters in `value`; `place` is what errors call it.
    mutating func parameters(_ value: LuaValue, _ place: String, names: [String]? = nil) throws -> [NamedParameter] {
        if let function = value.asFunction { return try iterated(function, place) }
        guard let table = value.asTable else {
            let advice: String
            switch value {
            case .object(let object) where object is ModuleBox: advice = "; pass model:parameters()"
            case .object(let object) where object is Tensor: advice = "; put it into a list"
            default: advice = ""
            }
            throw LuaFault("\(place) expected a list of tensors, got \(value.shown)\(advice)")
        }
        if let field = table.fields.first {
            throw LuaFault(
                "\(place) expected a list of tensors, got a table with the key '\(field.key)'; a list of groups is { { params = ..., lr = ... } }"
            )
        }
        if let names, names.count != table.count {
            throw LuaFault("\(place): \(names.count) names for \(table.count) tensors")
        }
        return try table.values.enumerated().compactMap { index, value in
            try parameter(value, "\(place)[\(index + 1)]", name: names?[index])
        }
    }

    private mutating func iterated(_ function: LuaFunction, _ place: String) throws -> [NamedParameter] {
        var found: [NamedParameter] = []
        for index in 1...1 << 20 {
            let results = try function.call([])
            guard let name = results.first, !name.isNil else { return found }
            guard let name = name.asString, results.count > 1 else {
                throw LuaFault("\(place): the iterator gave \(results[0].shown), expected a name and a tensor")
            }
            if let parameter = try parameter(results[1], "\(place)[\(index)]", name: name) { found.append(parameter) }
        }
        throw LuaFault("\(place): the iterator gave more than \(1 << 20) values")
    }

    private mutating func parameter(_ value: LuaValue, _ place: String, name: String?) throws -> NamedParameter? {
        count += 1
        switch value {
        case .object(let object):
            if let tensor = object as? Tensor { return try named(tensor, name, place) }
            if let box = object as? ParameterBox {
                // A frozen matrix has no tensor that could be trained.
                guard let tensor = box.weight.tensor else { return nil }
                return try named(tensor, name ?? box.weight.name, place)
            }
        case .table(let pair) where pair.count == 2 && pair.fields.isEmpty:
            if let name = pair[1].asString { return try parameter(pair[2], place, name: name) }
        case .table(let pair) where !pair["tensor"].isNil:
            return try parameter(pair["tensor"], place, name: pair["name"].asString)
        default: break
        }
        throw LuaFault("\(place) expected lorawb.Tensor or { name, tensor }, got \(value.shown)")
    }

    private mutating func named(_ tensor: Tensor, _ given: String?, _ place: String) throws -> NamedParameter {
        guard !tensor.isFreed else { throw LuaFault("\(place): the tensor was freed") }
        guard tensor.dtype == .float32 else {
            throw LuaFault("\(place) is int64 of shape \(tensor.shape); parameters are float32")
        }
        guard tensor.node == nil else {
            throw LuaFault(
                "\(place) was made by operations; only tensors made by none can be trained, :detach() gives one")
        }
        if let other = tensors[ObjectIdentifier(tensor)] { throw LuaFault("\(place) is the same tensor as \(other)") }
        tensors[ObjectIdentifier(tensor)] = place
        var name = given ?? known[ObjectIdentifier(tensor)] ?? place
        if taken.contains(name) { name += " (\(place))" }
        guard taken.insert(name).inserted else { throw LuaFault("\(place): a second parameter is called '\(name)'") }
        return NamedParameter(name, tensor)
    }
}
