import Formats
import LuaBridge
import LuaSyntax
import Reports
import Stdlib
import Words

/// `lorawb check`: says what is wrong with recipes before they are run.
public struct RecipeCheck {
    private let options: SessionOptions
    private let isJSON: Bool
    private let isStrict: Bool
    private let output = Output()
    private let workingFolder = Machine.workingFolder

    /// A check.
    ///
    /// - Parameters:
    ///   - options: what the recipes would be run with; folders that are allowed there need no permission.
    ///   - json: whether findings are written as JSON, for editors.
    ///   - strict: whether warnings count as mistakes.
    public init(_ options: SessionOptions, json: Bool = false, strict: Bool = false) {
        (self.options, isJSON, isStrict) = (options, json, strict)
    }

    /// Checks recipes and gives the exit code: 0 where there is no mistake, 1 where there is one, 64 where a recipe is not there.
    ///
    /// - Parameter recipes: files, "-" for standard input, or names of recipes inside the binary.
    public func run(_ recipes: [String]) -> Int32 {
        var (findings, hasMistakes): ([Finding], Bool) = ([], false)
        do {
            let sources = try recipes.map(open)
            let known = KnownNames(try Reference.host())
            for source in sources {
                let (found, needs) = try check(source, known)
                let mistakes = found.count { $0.severity == .error || isStrict && $0.severity == .warning }
                hasMistakes = hasMistakes || mistakes > 0
                findings += found
                if !isJSON { tell(found, mistakes, needs, source.place.file) }
            }
        } catch {
            output.complain("lorawb: check: \(error)")
            return Session.Exit.misuse
        }
        if isJSON { output.raw(JSON.array(findings.map(\.json)).serialized() + "\n") }
        return hasMistakes ? Session.Exit.failure : 0
    }

    /// What was found in a recipe's text, in the order of its lines; and what it needs to be granted, as flags.
    static func findings(_ bytes: [UInt8], _ known: KnownNames, _ place: RecipeChecker.Place) throws -> (
        [Finding], needs: [String]
    ) {
        do {
            let checker = try RecipeChecker.check(bytes, known, place)
            return (checker.findings, checker.needs)
        } catch let error as SyntaxError {
            let source = SourceText(bytes)
            let finding = Finding(
                file: place.file, start: source.position(of: error.range.lowerBound),
                end: source.position(of: error.range.upperBound), severity: .error, code: .syntax, message: "\(error)",
                suggestion: nil)
            return ([finding], [])
        }
    }

    private struct Source {
        let bytes: [UInt8]
        let place: RecipeChecker.Place
    }

    private func check(_ source: Source, _ known: KnownNames) throws -> ([Finding], needs: [String]) {
        try Self.findings(source.bytes, known, source.place)
    }

    // MARK: Opening

    private func open(_ recipe: String) throws -> Source {
        if recipe == "-" { return source(Repl.readAll(), "stdin", base: workingFolder) }
        let path = Permissions.absolute(recipe, from: workingFolder)
        if let bytes = Stdlib.recipe(recipe), !Permissions.isFile(path) {
            return source(bytes, "\(recipe).lua", base: workingFolder) { Stdlib.data($0) != nil }
        }
        guard !Permissions.isFolder(path) else {
            throw FormatError("\(Permissions.shown(recipe)): is a folder, expected a recipe")
        }
        guard Permissions.isFile(path) else {
            let near = nearestName(to: recipe, in: Stdlib.recipes).map { "; did you mean '\($0)'?" }
            throw FormatError(
                "\(Permissions.shown(recipe)): no such recipe file"
                    + (near ?? "; inside lorawb are: \(Stdlib.recipes.joined(separator: ", "))"))
        }
        let (parent, name) = Permissions.parted(path)
        let bytes = try Folder(path: parent, linkRoot: "/").read(name)
        return source(bytes, recipe, base: parent)
    }

    private func source(
        _ bytes: [UInt8], _ file: String, base: String, isProvided: @escaping (String) -> Bool = { _ in false }
    ) -> Source {
        let permissions = Permissions(base: base)
        permissions.allow(.read, base)
        if let cache = ModelCache.path, Permissions.isFolder(cache) { permissions.allow(.read, cache) }
        for path in options.allowRead { permissions.allow(.read, Permissions.absolute(path, from: workingFolder)) }
        for path in options.allowWrite { permissions.allow(.write, Permissions.absolute(path, from: workingFolder)) }
        return Source(
            bytes: bytes, place: RecipeChecker.Place(file: file, permissions: permissions, isProvided: isProvided))
    }

    // MARK: Telling

    private func tell(_ findings: [Finding], _ mistakes: Int, _ needs: [String], _ file: String) {
        for finding in findings { output.print(finding.line) }
        let warnings = isStrict ? 0 : findings.count { $0.severity == .warning }
        var summary = mistakes == 0 ? "no mistakes found" : mistakes == 1 ? "1 mistake" : "\(mistakes) mistakes"
        if warnings > 0 { summary += warnings == 1 ? ", 1 warning" : ", \(warnings) warnings" }
        if !needs.isEmpty { summary += "; it will need: \(needs.joined(separator: " "))" }
        output.print("\(file): \(summary)")
    }
}
