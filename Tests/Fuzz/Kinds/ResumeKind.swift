import Adapters
import Formats
import Models
import Training

/// The folder of a run that stopped in the middle: resumed, and trained on.
struct ResumeKind: Kind {
    static let name = "resume"
    private let root: Folder
    private var bases: [[String: [UInt8]]] = []

    private static let ways: [[JSON.Member]] = [
        [.init("max_steps", .integer(6)), .init("save_steps", .integer(2)), .init("logging_steps", .integer(1))],
        [
            .init("num_train_epochs", .integer(2)), .init("save_strategy", .string("epoch")),
            .init("eval_strategy", .string("epoch")), .init("load_best_model_at_end", .bool(true)),
            .init("early_stopping_patience", .integer(3)), .init("metric_for_best_model", .string("loss")),
        ],
        [
            .init("max_steps", .integer(6)), .init("save_steps", .integer(2)), .init("optim", .string("sgd")),
            .init("optim_args", .string("momentum=0.9")), .init("lr_scheduler_type", .string("cosine")),
            .init("include_num_input_tokens_seen", .bool(true)),
        ],
    ]

    init(root: Folder) throws {
        self.root = root
        for way in Self.ways.indices {
            try Scratch.with { folder in
                let trainer = try trainer(way, folder)
                for _ in 0..<4 { try trainer.step() }
                var files = try Input.files(of: folder)
                for (name, bytes) in files where name.hasSuffix(".json") || name.hasSuffix(".jsonl") {
                    files[name] = Self.withoutTimes(bytes)
                }
                for name in files.keys where name.hasSuffix("/resume.json") {
                    files[name] = files[name].map(Self.withoutDigests)
                }
                bases.append(files)
            }
        }
    }

    /// The clock's figures become 1, so that inputs are the same in every run.
    private static func withoutTimes(_ bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        let times = /("(?:seconds|[a-z_]*_runtime|[a-z_]*_per_second)": *)[0-9.e+-]+/
        return Array(text.replacing(times) { $0.1 + "1.0" }.utf8)
    }

    /// A record of version 1, which had no digests: with them nothing that was changed would be read.
    private static func withoutDigests(_ bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        let digests = /,\s*"files": \{[^}]*\},\s*"sha256": "[0-9a-f]*"/
        return Array(text.replacing(digests, with: "").replacing("\"version\": 2", with: "\"version\": 1").utf8)
    }

    private func trainer(_ way: Int, _ folder: Folder) throws -> Trainer {
        let model = try SmallModel.make(root)
        let adapters = AdapterSet(model: model)
        var config = LoraConfig()
        (config.r, config.targetModules, config.loraDropout) = (2, .list(["query"]), 0.1)
        try adapters.add(config)
        let arguments = try TrainingArguments([.init("per_device_train_batch_size", .integer(2))] + Self.ways[way])
        let data = try SmallModel.data(labels: 3)
        return try Trainer(
            model: model, arguments: arguments, trainDataset: data, evalDataset: data, output: { folder })
    }

    /// Names which of the ways a run was trained in.
    private static let wayFile = "way.txt"

    func input(_ dice: inout Dice) -> Input {
        let way = dice.below(bases.count)
        var files = bases[way]
        let names = files.keys.sorted()
        for _ in 0...(dice.oneIn(4) ? 1 : 0) {
            let name = dice.pick(names)
            files[name] = files[name].map { Bytes.mutated($0, named: name, &dice) }
        }
        files[Self.wayFile] = Array("\(way)".utf8)
        return Input(files: files, choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        // Training writes into the folder, so what lies in it is copied.
        var files = try Input.files(of: folder)
        let way = files.removeValue(forKey: Self.wayFile).flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        try Scratch.with { copy in
            try Input(files: files, choice: 0).write(beside: [:], to: copy)
            let trainer = try trainer(min(max(way, 0), Self.ways.count - 1), copy)
            try trainer.resume(from: copy)
            var steps = 0
            while steps < 4, try trainer.step() { steps += 1 }
        }
    }
}
