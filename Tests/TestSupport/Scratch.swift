import Formats
import Foundation

/// A new folder that goes with the value.
public final class Scratch {
    /// The folder.
    public let folder: Folder
    private let path: String

    /// Makes the folder among the temporary ones.
    public init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lorawb-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        folder = try Folder(path: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
