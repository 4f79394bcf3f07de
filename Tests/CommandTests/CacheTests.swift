import Foundation
import Testing

/// Models in the layout of the Hugging Face cache.
struct CacheTests {
    /// The layout of Hugging Face's cache: files are links into the repository's blobs.
    @Test func modelsOfTheCacheLoadByName() throws {
        let place = try Place()
        try place.makeModel("model")
        let repository = "home/hub/models--org--tiny"
        let snapshot = repository + "/snapshots/abc123"
        for (number, name) in ["config.json", "model.safetensors", "vocab.txt"].enumerated() {
            try place.put("\(repository)/blobs/blob\(number)", place.data("model/\(name)"))
            try place.put(snapshot + "/.keep", "")
            try place.link("\(snapshot)/\(name)", to: "../../blobs/blob\(number)")
        }
        try place.put("\(repository)/refs/main", "abc123")
        let lines = """
            local args = lorawb.args { model = { "org/tiny", type = "model" } }
            local model = lorawb.load_model(args.model)
            local tokenizer = lorawb.load_tokenizer(args.model)
            print(model.config.hidden_size, #tokenizer:encode("a film"))
            """
        let home = ["HF_HOME": place.path + "/home"]
        let found = try place.run(lines, env: home)
        #expect(found.code == 0 && found.out == "32\t4\n", "\(found)")
        #expect(try place.run(lines, "--model", "org/tiny", env: home).out == "32\t4\n")
        #expect(try place.run(lines, "--model", snapshot).out == "32\t4\n")
        let missing = try place.run(lines, "--model", "org/other", env: home)
        #expect(missing.code == 64, "\(missing)")
        #expect(
            missing.line
                == "lorawb: --model: no folder or .gguf file 'org/other' and no model of that name in \(place.path)/home/hub"
        )
        // A link out of the repository is none of the cache's: it leads where the recipe may read, and nowhere else.
        let other = try Place()
        try other.put("outside.json", place.data("model/config.json"))
        try place.remove(snapshot + "/config.json")
        try place.link(snapshot + "/config.json", to: other.path + "/outside.json")
        let outside = try place.run(lines, env: home)
        #expect(outside.code == 1, "\(outside)")
        #expect(outside.line.hasSuffix("to allow it, run again with --allow-read \(other.path)"), "\(outside)")
    }

    /// A sharded model in the cache: index and shards are links, into blobs.
    @Test func shardsOfTheCache() throws {
        let place = try Place()
        try place.makeModel("model")
        let file = try place.data("model/model.safetensors")
        let repository = "hub/models--tiny"
        let snapshot = repository + "/snapshots/abc"
        try place.put("\(repository)/refs/main", "abc\n")
        // Every other tensor lies in the second shard.
        var names: [String] = []
        try place.change("model/model.safetensors") { header, _ in
            names = header.keys.sorted().filter { $0 != "__metadata__" }
        }
        let map = names.enumerated().map { "\"\($1)\": \"model-0000\($0 % 2 + 1)-of-00002.safetensors\"" }
        func shard(_ part: Int) throws -> Data {
            try place.put("shard", file)
            try place.change("shard") { header, tensors in
                let whole = tensors
                tensors = Data()
                for (number, name) in names.enumerated() {
                    guard number % 2 == part, let offsets = header[name]?["data_offsets"] as? [Int] else {
                        header[name] = nil
                        continue
                    }
                    let start = tensors.count
                    tensors.append(whole.subdata(in: offsets[0]..<offsets[1]))
                    header[name]?["data_offsets"] = [start, tensors.count]
                }
            }
            return try place.data("shard")
        }
        let files: [(String, Data)] = [
            ("config.json", try place.data("model/config.json")),
            ("model.safetensors.index.json", Data("{\"weight_map\": {\(map.joined(separator: ", "))}}".utf8)),
            ("model-00001-of-00002.safetensors", try shard(0)), ("model-00002-of-00002.safetensors", try shard(1)),
        ]
        try place.put(snapshot + "/.keep", "")
        for (number, file) in files.enumerated() {
            try place.put("\(repository)/blobs/\(number)", file.1)
            try place.link("\(snapshot)/\(file.0)", to: "../../blobs/\(number)")
        }
        try place.put("model/model.safetensors", file)
        let lines = """
            local function sum(name)
              local model = lorawb.load_model(name):eval()
              return model:forward { input_ids = { { 2, 5, 9, 3 } } }.last_hidden_state:sum():item()
            end
            print(sum "tiny" == sum "model")
            """
        let outcome = try place.run(lines, env: ["HF_HUB_CACHE": place.path + "/hub"])
        #expect(outcome.code == 0 && outcome.out == "true\n", "\(outcome)")
        // A shard that the index names outside the repository is none.
        try place.put(
            "\(repository)/blobs/1", "{\"weight_map\": {\"\(names[0])\": \"../../../../model/model.safetensors\"}}")
        let outside = try place.run(lines, env: ["HF_HUB_CACHE": place.path + "/hub"])
        #expect(outside.code == 1 && outside.line.contains("model.safetensors.index.json"), "\(outside)")
    }
}
