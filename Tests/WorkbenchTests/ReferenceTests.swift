import Foundation
import LuaBridge
import Options
import TestSupport
import Testing

@testable import Workbench

/// What is told of everything that recipes can call, and that it is true.
struct ReferenceTests {
    private static let prelude = """
        nn = lorawb.nn
        t = lorawb.randn(2, 3)
        tensor = lorawb.ones(2)
        layer = nn.Linear(3, 2)
        tokenizer = lorawb.load_tokenizer("tiny")
        lm = lorawb.load_model("tiny-lm", { task_type = "CAUSAL_LM" })
        lm_tokenizer = lorawb.load_tokenizer("tiny-lm")
        base = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
        model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
        model:add_adapter { r = 2, target_modules = { "query" } }
        data = lorawb.load_dataset("reviews.tsv")
        rows = data:map(function(row) return { input_ids = { 2, 5, 6, 3 }, labels = row.label } end)
        optimizer = lorawb.optim.AdamW(model:parameters())
        trainer = lorawb.trainer { model = model, train_dataset = rows, eval_dataset = rows, args = { num_train_epochs = 1, save_strategy = "no", disable_tqdm = true } }

        """

    private static func bench() throws -> TemporaryBench {
        let bench = try TemporaryBench()
        let manager = FileManager.default
        let goldens = Golden.root
        let tiny = bench.folder + "/tiny"
        try manager.createDirectory(atPath: tiny, withIntermediateDirectories: true)
        for file in ["model.safetensors", "config.json"] {
            try manager.copyItem(atPath: "\(goldens)/models/bert-bare/\(file)", toPath: "\(tiny)/\(file)")
        }
        let words = try String(contentsOfFile: "\(goldens)/tokenizers/bert-files/vocab.txt", encoding: .utf8)
        try (words.split(separator: "\n").prefix(120).joined(separator: "\n") + "\n").write(
            toFile: tiny + "/vocab.txt", atomically: true, encoding: .utf8)
        try manager.copyItem(atPath: "\(goldens)/generation/llama", toPath: bench.folder + "/tiny-lm")
        try "sentence\tlabel\na good film\t1\na bad one\t0\nso so\t0\nfine\t1\n".write(
            toFile: bench.folder + "/reviews.tsv", atomically: true, encoding: .utf8)
        return bench
    }

    @Test("everything has a text, and every function, method and option an example")
    func complete() throws {
        let bench = try TemporaryBench()
        #expect(bench.bench.undocumented == [])
        #expect(bench.bench.withoutExample == [])
    }

    @Test("nothing is declared twice")
    func declaredOnce() throws {
        let paths = Dictionary(grouping: try Reference.documentation().map(\.path)) { $0 }
        #expect(paths.filter { $0.value.count > 1 }.keys.sorted() == [])
    }

    @Test("every example runs")
    func examples() throws {
        let items = try Reference.documentation().filter { !$0.signature.example.isEmpty }
        #expect(items.count > 100)
        for item in items {
            let bench = try Self.bench()
            try bench.run(Self.prelude)
            let failure = bench.failure(item.signature.example)
            #expect(failure == nil, "\(item.path): \(item.signature.example)")
        }
    }

    @Test("every option's example is a value that its declaration takes")
    func optionExamples() throws {
        let bench = try Self.bench()
        try bench.run(Self.prelude)
        for item in try Reference.documentation() {
            for (path, option) in item.allOptions where option.type.table == nil {
                let value = try #require(try bench.bench.values(option.example).first, "\(item.path) \(path)")
                #expect(option.type.accepts(value), "\(item.path) \(path) = \(option.example)")
            }
        }
    }

    @Test("help answers for every name, and says what is near for others")
    func help() throws {
        let help = LuaHelp(try Reference.documentation())
        for name in help.names { #expect(help.text(about: name) != nil, "\(name)") }
        let args = try #require(help.text(about: "trainer.args"))
        #expect(args.contains("per_device_train_batch_size") && args.contains("default 8"))
        let rate = try #require(help.text(about: "trainer.args.learning_rate"))
        #expect(rate.contains("number of at least 0, default 5e-05"))
        #expect(help.text(about: "lorawb.load_dataset")?.contains("reviews.tsv") == true)
        #expect(help.text(about: "model.add_adapter")?.contains("lora_alpha") == true)
        #expect(help.text(about: "load_datset") == nil)
        #expect(help.refusal(of: "load_datset") == "no help for 'load_datset'; did you mean 'load_dataset'?")
    }

    @Test("docs/api.md is what the declarations give")
    func manualIsFresh() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let page = try String(contentsOfFile: root + "/docs/api.md", encoding: .utf8)
        #expect(page == (try Reference.manual()), "remake it: lorawb help --markdown > docs/api.md")
    }

    @Test("each line of the stubs is of LuaCATS' syntax, and the file is Lua")
    func stubs() throws {
        let text = LuaStubs(try Reference.documentation()).text(module: "lorawb")
        let name = #"[A-Za-z_][\w.]*"#
        let type = #"[^ ].*"#
        let forms = [
            #"---@meta \w+"#, "---@class (\\(exact\\) )?\(name)", "---@field (\(name)\\??|\\[integer\\]) \(type)",
            "---@param (\(name)\\??|\\.\\.\\.) \(type)", "---@return \(type)",
            #"---@operator \w+(\([\w.]+\))?: [\w.|\[\]]+"#,
            #"---@overload fun\(.*\): .*"#, #"---[^@].*"#, #"local \w+ = \{\}"#, #"function [\w.:]+\([\w., ]*\) end"#,
            #"return \w+"#, "",
        ].map { try? Regex($0) }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            #expect(forms.contains { form in form.flatMap { try? $0.wholeMatch(in: line) } != nil }, "\(line)")
        }
        #expect(text.contains("---@class (exact) lorawb.trainer.options.args"))
        #expect(text.contains("---@field learning_rate? number "))
        let bench = try TemporaryBench()
        #expect(bench.failure("assert(load([==[\(text)]==]))") == nil)
    }
}
