import Formats
import Foundation
import Templates

/// Where the tests' data lies, and how they render.
enum Data {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let shared = root.deletingLastPathComponent().appending(path: "shared/chat_templates").path

    static var hasShared: Bool { FileManager.default.fileExists(atPath: shared + "/renders.json") }

    /// Small templates of the project's own, and what the reference made of them.
    static func goldens() throws -> JSON {
        try JSON(
            parsing: try Folder(path: root.appending(path: "Tests/Goldens").path).read("templates.json"),
            source: "templates.json", allowsNonFinite: true)
    }

    /// Real templates beside the repository, which may be absent.
    static func renders() throws -> JSON {
        try JSON(parsing: try Folder(path: shared).read("renders.json"), source: "renders.json")
    }

    /// What the reference's clock showed when the goldens were made.
    static var options: ChatTemplate.Options {
        var options = ChatTemplate.Options()
        options.now = {
            LocalTime(year: 2024, month: 7, day: 26, hour: 9, minute: 5, second: 7, microsecond: 123_456)
        }
        return options
    }

    static func render(_ source: String, _ variables: JSONObject = [:]) throws -> String {
        try ChatTemplate(source: source).render(variables, options: options).text
    }

    /// The error of reading or rendering a template; nil where there is none.
    static func error(
        _ source: String, _ variables: JSONObject = [:], _ options: ChatTemplate.Options = options
    ) -> TemplateError? {
        do {
            _ = try ChatTemplate(source: source).render(variables, options: options)
            return nil
        } catch {
            return error as? TemplateError
        }
    }
}

extension String {
    /// Its code points: `==` of texts would take a composed letter for its parts.
    var scalarValues: [UInt32] { unicodeScalars.map(\.value) }
}

extension JSON: ExpressibleByStringLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
}
