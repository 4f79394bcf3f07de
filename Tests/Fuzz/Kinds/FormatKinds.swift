import Formats
import Kernels

/// One safetensors file: every tensor is read in every way.
struct SafetensorsKind: Kind {
    static let name = "safetensors"
    private let bases: [[UInt8]]

    init(root: Folder) throws {
        bases = try [
            "formats/dtypes.safetensors", "formats/halves.safetensors",
            "bert-seq-cls/adapter/adapter_model.safetensors",
        ].map { try root.read("Tests/Goldens/" + $0) }
    }

    func input(_ dice: inout Dice) -> Input {
        Input(files: ["a.safetensors": Bytes.mutatedSafetensors(dice.pick(bases), &dice)], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let file = try SafetensorsFile(folder, "a.safetensors")
        for (name, entry) in file.entries {
            _ = file.bytes(of: entry).reduce(0 as UInt8) { $0 ^ $1 }
            _ = file.mappedNumbers(of: entry)
            _ = try? file.floats(name)
            _ = try? file.integers(name)
        }
    }
}

/// One JSON document, or one of JSON Lines: read, written, and read again.
struct JSONKind: Kind {
    static let name = "json"
    private let bases: [[UInt8]]

    init(root: Folder) throws {
        bases = try [
            "formats/document.json", "formats/document.unicode.json", "models/bert-bare/config.json",
            "bert-seq-cls/adapter/adapter_config.json", "tokenizers/byte-fallback/tokenizer.json",
        ].map { try root.read("Tests/Goldens/" + $0) }
    }

    func input(_ dice: inout Dice) -> Input {
        Input(files: ["a.json": Bytes.mutatedJSON(dice.pick(bases), &dice)], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let bytes = try folder.read("a.json")
        let json = try JSON(parsing: bytes, source: "a.json", allowsNonFinite: dice.oneIn(2))
        for indent in [nil, 2] {
            let text = json.serialized(indent: indent, sortedKeys: dice.oneIn(2), asciiOnly: dice.oneIn(2))
            _ = try JSON(parsing: text, source: "again", allowsNonFinite: true)
        }
    }
}
