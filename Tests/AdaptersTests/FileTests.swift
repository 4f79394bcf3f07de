import Adapters
import Formats
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@Test("an adapter that is saved again has PEFT's keys and the bytes that it had", arguments: cases)
func roundTrip(name: String) throws {
    let golden = try Golden(name)
    let (_, adapters) = try loadAdapted(golden, isTrainable: false)
    let scratch = try Scratch()
    try adapters.saveAll(to: scratch.folder)
    for (adapter, value) in try #require(golden.json["adapters"]?.object) {
        let theirs = try golden.folder.subfolder(try #require(value["path"]?.string))
        let ours = adapter == "default" ? scratch.folder : try scratch.folder.subfolder(adapter)
        let (a, b) = (
            try SafetensorsFile(theirs, "adapter_model.safetensors"),
            try SafetensorsFile(ours, "adapter_model.safetensors")
        )
        let keys = a.entries.keys.filter { !$0.contains(".original_module.") && !$0.contains(".modules_to_save.") }
        #expect(keys.sorted() == b.entries.keys.sorted())
        for key in keys {
            #expect(a.entries[key]?.shape == b.entries[key]?.shape, "\(key)")
            #expect(try a.floats(key).map(\.bitPattern) == b.floats(key).map(\.bitPattern), "\(key)")
        }
        #expect(b.metadata["format"] == "pt")
        let (before, after) = (
            try JSON(parsing: theirs.read("adapter_config.json"), source: "theirs"),
            try JSON(parsing: ours.read("adapter_config.json"), source: "ours")
        )
        let members = try #require(before.object)
        #expect(after.object?.keys.sorted() == members.keys.sorted())
        for (key, value) in members {
            // PEFT writes sets in no order, and one layer pattern as a string.
            let both = [value, try #require(after[key])].map { json -> JSON in
                if key == "layers_pattern", json.string != nil { return .array([json]) }
                guard let texts = json.array?.compactMap(\.string), key != "modules_to_save" else { return json }
                return texts.isEmpty ? json : .array(texts.sorted().map(JSON.string))
            }
            #expect(both[0] == both[1], "\(key)")
        }
        #expect(try !ours.readText("adapter_config.json").hasSuffix("\n"))
    }
}

@Test("an adapter is refused by another base, unless it is told to go on")
func fingerprints() throws {
    let scratch = try Scratch()
    let model = try tinyModel(seed: 1)
    let adapters = AdapterSet(model: model, baseName: "some/base")
    try adapters.add(config(["query"]) { $0.bias = .loraOnly })
    let expected = try logits(model)
    try adapters.save("default", to: scratch.folder)
    let same = AdapterSet(model: try tinyModel(seed: 1))
    #expect(try same.load(scratch.folder).isEmpty)
    #expect(try logits(#require(same.model as? any Model)) == expected)
    #expect(same.model.trainableParameters().isEmpty)
    let other = AdapterSet(model: try tinyModel(seed: 2))
    let message = try #require(throws: AdapterError.self) { try other.load(scratch.folder) }.description
    #expect(message.contains("trained on another base: element 68 of 'bert.embeddings.word_embeddings.weight' is "))
    #expect(message.hasSuffix("; check_base = false goes on"))
    #expect(other.adapters.isEmpty)
    #expect(other.model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
    try other.load(scratch.folder, checkBase: false)
    let card = try scratch.folder.readText("README.md")
    #expect(card.hasPrefix("---\nbase_model: \"some/base\"\nlibrary_name: peft\n"))
}

@Test("a name that is not 'default' makes a subfolder, and is in no key")
func subfolders() throws {
    let scratch = try Scratch()
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(config(["query"]), name: "other")
    try adapters.saveAll(to: scratch.folder)
    let file = try SafetensorsFile(scratch.folder.subfolder("other"), "adapter_model.safetensors")
    #expect(file.entries.keys.allSatisfy { !$0.contains("other") })
    #expect(file.entries["base_model.model.classifier.weight"] != nil)
    #expect(try scratch.folder.list() == ["README.md", "other"])
}

/// Writes a copy of a saved adapter with changed tensors and configuration.
private func damaged(
    _ source: Folder, _ target: Folder, config change: (String) -> String = { $0 },
    tensors: ([(String, [Int], [Float])]) -> [(String, [Int], [Float])] = { $0 }
) throws {
    let file = try SafetensorsFile(source, "adapter_model.safetensors")
    let items = try file.entries.map { ($0.key, $0.value.shape, try file.floats($0.key)) }
    try SafetensorsWriter.write(
        tensors(items).map { SafetensorsWriter.Item(name: $0.0, shape: $0.1, floats: $0.2) }, to: target,
        "adapter_model.safetensors")
    try target.write("adapter_config.json", text: change(source.readText("adapter_config.json")))
}

@Test("damaged adapter folders are refused with what is wrong, and leave the model as it was")
func damagedFolders() throws {
    let good = try Scratch()
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(config(["query"]))
    try adapters.save("default", to: good.folder)
    let first = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"
    let replace = { (a: String, b: String) in { (text: String) in text.replacingOccurrences(of: a, with: b) } }
    let configs: [((String) -> String, String)] = [
        (replace("\"LORA\"", "\"IA3\""), "peft_type 'IA3' is not supported yet; there is 'LORA'"),
        (replace("\"peft_type\": \"LORA\",", ""), "'peft_type' is missing"),
        (
            replace("\"use_dora\": false", "\"use_dora\": true"),
            "option 'use_dora' = true is not supported: it comes with a later version"
        ),
        (replace("\"r\": 4", "\"r\": 0"), "option 'r' expected an integer from 1 to 16384, got integer 0"),
        (replace("\"r\": 4", "\"r\": 99999999999999"), "option 'r' expected an integer from 1 to 16384"),
        (replace("\"r\": 4", "\"r\": 1e300"), "option 'r' expected an integer from 1 to 16384, got number 1e+300"),
        (replace("\"r\": 4", "\"r\": -3"), "option 'r' expected an integer from 1 to 16384, got integer -3"),
        (replace("\"r\": 4", "\"r\": \"4\""), "option 'r' expected an integer from 1 to 16384, got string '4'"),
        (replace("\"lora_alpha\": 8", "\"lora_alpha\": Infinity"), "option 'lora_alpha' expected a finite number"),
        (replace("\"lora_alpha\": 8", "\"lora_alpha\": NaN"), "option 'lora_alpha' expected a finite number"),
        (
            replace("\"lora_dropout\": 0.0", "\"lora_dropout\": 1.5"),
            "option 'lora_dropout' expected a number of at least 0 and below 1, got number 1.5"
        ),
        (
            replace("\"bias\": \"none\"", "\"bias\": \"some\""),
            "option 'bias' expected one of 'none', 'all', 'lora_only'"
        ),
        (replace("\"query\"", "\"wrong\""), "target_modules matches no module; this model has query, key, value"),
        (
            replace("\"query\"", "1"),
            "option 'target_modules' expected a string or a list of strings, got integer 1 at place 1"
        ),
        (
            replace("\"init_lora_weights\": false", "\"init_lora_weights\": \"pissa\""),
            "option 'init_lora_weights' expected true or false or one of 'gaussian', got string 'pissa'"
        ),
        ({ String($0.dropLast(20)) }, "adapter_config.json"),
        ({ _ in "[]" }, "expected an object, got an array"),
    ]
    for (change, expected) in configs {
        let scratch = try Scratch()
        try damaged(good.folder, scratch.folder, config: change)
        try expectRefusal(scratch.folder, expected)
    }
    let tensors: [(([(String, [Int], [Float])]) -> [(String, [Int], [Float])], String)] = [
        ({ $0.filter { $0.0 != first } }, "tensor '\(first)' is missing"),
        ({ $0.map { $0.0 == first ? ($0.0, [8, 8], $0.2) : $0 } }, "has shape [8, 8], this model needs [4, 16]"),
        (
            { $0 + [("base_model.model.more.weight", [1], [1])] },
            "tensor 'base_model.model.more.weight' belongs to no module"
        ),
        (
            { $0.map { $0.0 == first ? ($0.0, $0.1, [.nan] + $0.2.dropFirst()) : $0 } },
            "has a number that is not finite"
        ),
    ]
    for (change, expected) in tensors {
        let scratch = try Scratch()
        try damaged(good.folder, scratch.folder, tensors: change)
        try expectRefusal(scratch.folder, expected)
    }
    let empty = try Scratch()
    try expectRefusal(empty.folder, "there is no adapter_config.json")
    try empty.folder.write("adapter_config.json", text: good.folder.readText("adapter_config.json"))
    try empty.folder.write("adapter_model.bin", text: "x")
    try expectRefusal(empty.folder, "adapter_model.bin is a pickle, which is never read")
}

private func expectRefusal(_ folder: Folder, _ expected: String) throws {
    let model = try tinyModel()
    let before = try logits(model)
    let adapters = AdapterSet(model: model)
    let error = #expect(throws: (any Error).self) { try adapters.load(folder) }
    let text = "\(String(describing: error))"
    #expect(text.contains(expected), "expected \(expected), got \(text)")
    #expect(text.contains(folder.path), "which folder's file it is: \(text)")
    #expect(adapters.adapters.isEmpty)
    #expect(try logits(model) == before)
}

@Test("a file of an older or newer PEFT loads: missing keys have their defaults, unknown ones are told")
func otherVersions() throws {
    let scratch = try Scratch()
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(config(["query"]))
    try adapters.save("default", to: scratch.folder)
    try scratch.folder.write(
        "adapter_config.json",
        text: """
            {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["query"], "task_type": "SEQ_CLS",
             "of_the_future": 3, "rank_pattern": null}
            """)
    let again = AdapterSet(model: try tinyModel())
    let notes = try again.load(scratch.folder)
    #expect(notes.count == 1 && notes[0].contains("unknown key 'of_the_future' is left out"))
    let names = try again.tensors(of: "default").map { ($0.key, try $0.weight.floats()) }
    let before = try adapters.tensors(of: "default").map { ($0.key, try $0.weight.floats()) }
    #expect(names.map(\.0) == before.map(\.0) && names.map(\.1) == before.map(\.1))
}
