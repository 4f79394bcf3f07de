import Formats
import Testing

/// Links that lead out of a folder, to what may be read besides.
struct LinkTargetTests {
    private let temporary: TemporaryFolder
    private var path: String { temporary.path }
    private var folder: Folder { temporary.folder }

    init() throws {
        temporary = try TemporaryFolder()
        try folder.subfolder("model", create: true).write("config.json", text: "config")
        try folder.subfolder("blobs/deep", create: true).write("weights", text: "weights")
        try folder.subfolder("other", create: true).write("secret", text: "secret")
        try folder.write("one.csv", text: "one")
        try folder.write("two.csv", text: "two")
        temporary.link("model/absolute", to: path + "/blobs/deep/weights")
        temporary.link("model/relative", to: "../blobs/deep/weights")
        temporary.link("model/folder", to: "../blobs/deep")
        temporary.link("model/up", to: "folder/../deep/weights")
        temporary.link("model/chain", to: "../blobs/again")
        temporary.link("blobs/again", to: "../model/config.json")
        temporary.link("blobs/out", to: "../other/secret")
        temporary.link("model/out", to: "../blobs/out")
        temporary.link("model/one", to: "../one.csv")
        temporary.link("model/two", to: "../two.csv")
        temporary.link("model/secret", to: "../other/secret")
        temporary.link("model/gone", to: "../other/gone")
    }

    private func model(_ folders: [String], files: [String] = []) throws -> Folder {
        try Folder(
            path: path + "/model",
            targets: LinkTargets(folders: folders.map { path + "/" + $0 }, files: files.map { path + "/" + $0 }) {
                "allow \($0)"
            })
    }

    @Test func granted() throws {
        let model = try model(["blobs"], files: ["one.csv"])
        for name in ["absolute", "relative", "folder/weights", "up"] {
            #expect(try model.readText(name) == "weights", "\(name)")
            #expect(model.exists(name) && model.isThere(name))
        }
        #expect(try model.readText("chain") == "config")
        #expect(try model.readText("one") == "one")
        #expect(try model.subfolder("folder").list() == ["weights"])
        #expect(try model.subfolder("folder").readText("weights") == "weights")
        #expect(model.isFolder("folder") && !model.isFolder("absolute"))
        #expect(try model.map("absolute").count == 7)
    }

    @Test func refused() throws {
        let model = try model(["blobs"], files: ["one.csv"])
        #expect(
            message { _ = try model.read("secret") }
                == "\(path)/model/secret: a link leads out of \(path)/model, to '\(path)/other/secret'; allow \(path)/other"
        )
        // What is beside a granted file is not granted, and a link of a granted place leads no further.
        #expect(message { _ = try model.read("two") }.hasSuffix("; allow \(path)"))
        #expect(message { _ = try model.read("out") }.hasSuffix("; allow \(path)/other"))
        // Whether something is there is not told.
        #expect(
            message { _ = try model.read("gone") }
                == message { _ = try model.read("secret") }.replacing("secret", with: "gone"))
        #expect(model.isThere("gone") && !model.exists("gone") && model.isThere("secret") && !model.exists("secret"))
        #expect(
            !model.isThere("nothing") && !model.isThere("config.json/x") && !model.isThere("../other")
                && !model.isThere("/etc"))
        #expect(message { _ = try self.model([]).subfolder("folder") }.hasSuffix("; allow \(path)/blobs/deep"))
        // Granted to read is not granted to write.
        #expect(message { try model.write("folder/new", []) }.contains("a link leads out of"))
        #expect(message { try model.remove("folder/weights") }.contains("a link leads out of"))
        #expect(message { _ = try model.subfolder("folder/new", create: true) }.contains("a link leads out of"))
        #expect(try folder.subfolder("blobs/deep").list() == ["weights"])
    }
}
