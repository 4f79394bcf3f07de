import Formats
import Templates

/// One chat template, rendered with a conversation.
struct TemplateKind: Kind {
    static let name = "template"
    private let bases: [[UInt8]]
    private let variables: JSONObject

    init(root: Folder) throws {
        let json = try JSON(
            parsing: root.read("Tests/Goldens/templates.json"), source: "templates.json", allowsNonFinite: true)
        bases = json["cases"]?.array?.compactMap { $0["template"]?.string }.map { Array($0.utf8) } ?? []
        variables = json["variables"]?.object ?? [:]
    }

    func input(_ dice: inout Dice) -> Input {
        // Two templates after one another meet in ways that neither alone does.
        let both = dice.pick(bases) + (dice.oneIn(2) ? dice.pick(bases) : [])
        return Input(files: ["a.jinja": Bytes.mutated(both, &dice)], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        var options = ChatTemplate.Options()
        (options.maxSteps, options.maxLength) = (200_000, 1 << 20)
        _ = try ChatTemplate(source: String(decoding: folder.read("a.jinja"), as: UTF8.self))
            .render(variables, options: options)
    }
}
