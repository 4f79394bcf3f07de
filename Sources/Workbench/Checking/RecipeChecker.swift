import LuaSyntax
import Memory

/// Finds what is wrong with a recipe by its text alone: nothing of it is run.
///
/// What may be anything is left alone, and so is what runs under pcall: it may be meant to fail.
struct RecipeChecker {
    /// What is known of the recipe's surroundings.
    struct Place {
        /// The file, as the user named it.
        let file: String
        /// What it may read and write.
        let permissions: Permissions
        /// Whether a file of this name is carried inside the binary for it.
        let isProvided: (String) -> Bool
    }

    /// More findings than anyone reads.
    static let most = 1000

    let tree: SyntaxTree
    let known: KnownNames
    let mentions: Mentions
    let types: TypeInference
    let place: Place
    /// Modules beside the recipe: their text where they could be parsed.
    let modules: SiblingModules
    /// Names of fields that the recipe, or a module of its own, gives a value to: they may be there, whoever has them.
    private(set) var written: Set<String> = []
    private(set) var findings: [Finding] = []
    /// What the recipe needs to be granted, as flags with their folder.
    var needs: [String] = []

    /// Checks a recipe's text.
    static func check(_ bytes: [UInt8], _ known: KnownNames, _ place: Place) throws -> RecipeChecker {
        let tree = try SyntaxTree(bytes)
        let mentions = Mentions(tree)
        let modules = SiblingModules(place.permissions)
        let types = try TypeInference(tree, known, mentions) { modules.names($0) }
        var checker = RecipeChecker(
            tree: tree, known: known, mentions: mentions, types: types, place: place, modules: modules)
        try checker.run()
        return checker
    }

    private mutating func run() throws {
        written = modules.written(by: requiredModules).union(mentions.writes.keys)
        checkGlobals()
        for id in tree.expressionIDs where findings.count < Self.most {
            try MemoryBudget.check()
            switch tree[id].kind {
            case .field: checkField(id)
            case .call, .methodCall:
                checkCall(id)
                checkRequire(id)
            case .table(let entries): checkKeys(entries)
            default: break
            }
        }
        checkFiles()
        checkStatements()
        findings.sort { ($0.start.line, $0.start.column) < ($1.start.line, $1.start.column) }
    }

    /// Notes what was found at some bytes; not where errors are caught.
    mutating func report(
        _ code: Finding.Code, _ message: String, at range: Range<Int>, suggestion: String? = nil,
        severity: Finding.Severity = .error
    ) {
        guard !mentions.isCaught(range), findings.count < Self.most else { return }
        let finding = Finding(
            file: place.file, start: tree.source.position(of: range.lowerBound),
            end: tree.source.position(of: range.upperBound), severity: severity, code: code, message: message,
            suggestion: suggestion)
        // One mistake may be found on two ways.
        if !findings.contains(where: { $0.start == finding.start && $0.message == message }) {
            findings.append(finding)
        }
    }
}
