import Words

/// One option, said once: reading, hints, the record of a run, help, stubs, documentation and completion read this.
///
/// An object, since it is looked up at every call and never changes.
public final class Option: Sendable {
    /// The key.
    public let name: String
    /// What it may hold, with its range.
    public let type: OptionType
    /// What it has where it is not given; nil where that is nothing.
    public let standard: OptionLiteral?
    /// What it means, with its unit.
    public let doc: String
    /// A value as a recipe writes it.
    public let example: String
    /// Older names that mean the same.
    public let aliases: [String]
    /// Whether it must be given.
    public let isRequired: Bool
    /// What its texts, or the keys of its table, name.
    public let values: OptionValues?

    /// Declares an option; without an example the first value of its type that is not the default serves as one.
    public init(
        _ name: String, _ type: OptionType, default standard: OptionLiteral? = nil, _ doc: String,
        example: String? = nil, aliases: [String] = [], required: Bool = false, values: OptionValues? = nil
    ) {
        self.values = values
        (self.name, self.type, self.standard, self.doc) = (name, type, standard, doc)
        (self.aliases, isRequired) = (aliases, required)
        self.example = example ?? Option.example(of: type, standard)
    }

    private static func example(of type: OptionType, _ standard: OptionLiteral?) -> String {
        switch type {
        case .boolean: return standard == true ? "false" : "true"
        case .oneOf(let choices):
            return (choices.first { .string($0) != standard } ?? choices.first).map { "\"\($0)\"" } ?? ""
        case .either(let types): return types.first.map { example(of: $0, standard) } ?? ""
        case .integer, .number:
            switch standard {
            case .integer, .number: return standard?.shown ?? ""
            default: return ""
            }
        default: return ""
        }
    }
}

/// A name that has no effect here: values that are always so are accepted, others refused with the reason.
public struct InertOption: Sendable {
    /// The values that change nothing; nil where none does.
    public let accepted: [OptionLiteral]?
    /// Why others are refused.
    public let reason: String

    /// Declares it.
    public init(_ accepted: [OptionLiteral]?, _ reason: String) { (self.accepted, self.reason) = (accepted, reason) }
}

/// The keys that a table of options may have, and what to say to keys that it may not.
public final class OptionTable: Sendable {
    /// The keys, in the order in which they are documented.
    public let options: [Option]
    /// Keys that are known elsewhere and refused here, with the reason: `"use_dora": "is not supported"`.
    public let refused: [String: String]
    /// Keys that are known elsewhere and have no effect here.
    public let inert: [String: InertOption]
    /// What the sequence of the table may hold, nil where it must be empty.
    public let positional: OptionType?
    /// Names of the options that must be given.
    @usableFromInline let required: [String]
    private let named: [String: Option]

    /// Declares a table of options.
    public init(
        _ options: [Option], refused: [String: String] = [:], inert: [String: InertOption] = [:],
        positional: OptionType? = nil
    ) {
        (self.options, self.refused, self.inert, self.positional) = (options, refused, inert, positional)
        required = options.filter(\.isRequired).map(\.name)
        // The first of a name counts, and a name before an older one.
        let names = options.map { ($0.name, $0) } + options.flatMap { option in option.aliases.map { ($0, option) } }
        named = Dictionary(names) { first, _ in first }
    }

    /// The option of a name, or of an older one.
    public func option(_ name: String) -> Option? {
        // A few short names are compared sooner than one is hashed, and every row that is tokenized asks several times.
        if options.count <= 12 { for option in options where option.name == name { return option } }
        return named[name]
    }

    /// Whether a name is declared, refused or without effect here.
    public func knows(_ name: String) -> Bool {
        option(name) != nil || refused[name] != nil || inert[name] != nil
    }

    /// The nearest of all known names to one that is not there.
    public func nearest(to name: String) -> String? {
        nearestName(
            to: name, in: options.flatMap { [$0.name] + $0.aliases } + refused.keys.sorted() + inert.keys.sorted())
    }

    /// The end of an error about a name that is not there: the nearest of all known names, else the options that there are.
    public func hint(for name: String) -> String {
        if let nearest = nearest(to: name) { return "; did you mean '\(nearest)'?" }
        return options.isEmpty ? "; there are none" : "; there are \(options.map(\.name).joined(separator: ", "))"
    }
}
