import Formats
import Testing

/// The figures in Tests/Goldens, made with torch, transformers, scikit-learn and scipy.
enum Goldens {
    /// The folder of the figures.
    static func folder() throws -> Folder {
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return try Folder(path: "/\(here)/Goldens")
    }

    /// Figures of optimizers, schedules, clipping and metrics.
    static func optim() throws -> JSON {
        try JSON(parsing: folder().read("optim.json"), source: "optim.json", allowsNonFinite: true)
    }

    /// Elements of an array.
    static func elements(_ json: JSON?) throws -> [JSON] { try #require(json?.array) }

    /// Numbers of an array.
    static func numbers(_ json: JSON?) throws -> [Double] { try elements(json).map { try #require($0.double) } }

    /// Numbers of an array, as floats.
    static func floats(_ json: JSON?) throws -> [Float] { try numbers(json).map(Float.init) }
}
