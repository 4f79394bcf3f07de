/// `map`, and what takes some elements out of many.
extension Filters {
    static let selections: [String: Filter] = [
        "map": Filter("sync_do_map", any: map),
        "select": selection("sync_do_select", wanted: true, byAttribute: false),
        "reject": selection("sync_do_reject", wanted: false, byAttribute: false),
        "selectattr": selection("sync_do_selectattr", wanted: true, byAttribute: true),
        "rejectattr": selection("sync_do_rejectattr", wanted: false, byAttribute: true),
    ]

    /// A generator: nothing is looked at before the first element is asked for.
    private static func generator(_ arguments: Arguments, _ next: @escaping () throws -> (() throws -> Value?)) -> Value
    {
        var ready: (() throws -> Value?)?
        return .object(
            Iterator(
                Elements {
                    let take = try ready ?? next()
                    ready = take
                    return try take()
                }, depth: (arguments.positional + arguments.named.map(\.value)).lazy.map(\.depth).max() ?? 0))
    }

    private static func map(_ rendering: Rendering, _ arguments: Arguments) throws -> Value {
        let value = arguments.positional.first ?? .none
        return generator(arguments) {
            guard value.isTrue else { return { nil } }
            let function: (Value) throws -> Value
            if arguments.positional.count == 1, let attribute = arguments.named("attribute") {
                let path = Path(attribute)
                let other = arguments.named("default")
                if let unknown = arguments.named.first(where: { $0.name != "attribute" && $0.name != "default" }) {
                    throw TemplateError(
                        "FilterArgumentError", "Unexpected keyword argument \(Text(unknown.name).represented)")
                }
                function = { try path.value(in: $0, or: other, rendering) }
            } else {
                guard arguments.positional.count > 1 else {
                    throw TemplateError("FilterArgumentError", "map requires a filter argument")
                }
                let filter = try named(arguments.positional[1], "filter", in: all, rendering)
                let rest = Array(arguments.positional.dropFirst(2))
                function = { try filter.call(Arguments([$0] + rest, named: arguments.named), rendering) }
            }
            let elements = try rendering.elements(of: value)
            return {
                guard let element = try elements.next() else { return nil }
                return try rendering.deeper { try function(element) }
            }
        }
    }

    private static func named(
        _ name: Value, _ kind: String, in all: [String: Filter], _ rendering: Rendering
    ) throws -> Filter {
        if let name = name.text?.string, let filter = all[name] { return filter }
        throw TemplateError.runtime("No \(kind) named \(try rendering.represented(name)).")
    }

    private static func selection(_ name: String, wanted: Bool, byAttribute: Bool) -> Filter {
        Filter(
            name,
            any: { rendering, arguments in
                let value = arguments.positional.first ?? .none
                return generator(arguments) {
                    guard value.isTrue else { return { nil } }
                    var rest = Array(arguments.positional.dropFirst())
                    var path = Path(nil)
                    if byAttribute {
                        guard let attribute = rest.first else {
                            throw TemplateError("FilterArgumentError", "Missing parameter for attribute name")
                        }
                        path = Path(attribute)
                        rest.removeFirst()
                    }
                    let test = try rest.first.map { try named($0, "test", in: Tests.all, rendering) }
                    let others = Array(rest.dropFirst())
                    let elements = try rendering.elements(of: value)
                    return {
                        while let element = try elements.next() {
                            try rendering.spend()
                            let part = try path.value(in: element, rendering)
                            let holds =
                                try test.map {
                                    try $0.call(Arguments([part] + others, named: arguments.named), rendering).isTrue
                                } ?? part.isTrue
                            if holds == wanted { return element }
                        }
                        return nil
                    }
                }
            })
    }
}
