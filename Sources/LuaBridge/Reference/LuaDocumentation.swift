import Options

/// One registered thing and what is said of it.
public struct LuaDocumentation: Sendable {
    /// What it is.
    public enum Kind: String, Sendable {
        /// A type of objects or tables.
        case type
        /// A method, called with a colon.
        case method
        /// A field that is computed.
        case property
        /// What a type does under an operator.
        case metamethod
        /// A module.
        case module
        /// A function, called with a dot.
        case function
        /// A fixed value.
        case constant
    }

    /// Its full name: `lorawb.Tensor:reshape`, `lorawb.zeros`, `lorawb.Tensor __add`.
    public let path: String
    /// What it is.
    public let kind: Kind
    /// What is said of it.
    public let signature: LuaSignature

    /// The first sentence of what is said.
    public var sentence: String {
        guard let end = signature.doc.firstRange(of: ". ") else { return signature.doc }
        return String(signature.doc[..<end.lowerBound]) + "."
    }
}

extension LuaHost {
    func document(_ path: String, _ kind: LuaDocumentation.Kind, _ signature: LuaSignature) {
        documentation.append(LuaDocumentation(path: path, kind: kind, signature: signature))
    }

    func document(_ path: String, _ kind: LuaDocumentation.Kind, _ doc: String) {
        document(path, kind, LuaSignature(doc: doc))
    }

    /// What is wrong with the documentation: things, parameters and options with no or an unfinished sentence.
    public var undocumented: [String] {
        func isPoor(_ text: String) -> Bool { !text.hasSuffix(".") || text.count < 6 }
        return documentation.flatMap { item -> [String] in
            var poor = isPoor(item.signature.doc) ? [item.path] : []
            for parameter in item.signature.parameters where isPoor(parameter.doc) {
                poor.append("\(item.path)(\(parameter.name))")
            }
            return poor + item.allOptions.filter { isPoor($0.option.doc) }.map { "\(item.path){\($0.path)}" }
        }
    }

    /// Functions, methods and options without an example.
    public var withoutExample: [String] {
        documentation.flatMap { item -> [String] in
            let isCalled = item.kind == .function || item.kind == .method
            return (isCalled && item.signature.example.isEmpty ? [item.path] : [])
                + item.allOptions.filter { $0.option.example.isEmpty }.map { "\(item.path){\($0.path)}" }
        }
    }
}

extension LuaDocumentation {
    /// The options of all its parameters, those within others too, each with its path: `args.learning_rate`.
    public var allOptions: [(path: String, option: Option)] {
        func walk(_ table: OptionTable, _ prefix: String) -> [(String, Option)] {
            table.options.flatMap { option in
                [(prefix + option.name, option)]
                    + (option.type.table.map { walk($0, "\(prefix)\(option.name).") } ?? [])
            }
        }
        return signature.parameters.compactMap(\.options).flatMap { walk($0, "") }
    }
}
