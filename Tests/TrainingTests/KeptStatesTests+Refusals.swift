import Formats
import Models
import Testing
import Training

/// What cannot be kept is refused with the reason, and with what would help.
extension KeptStatesTests {
    @Test("what was asked for and cannot be is an error that says why")
    func refused() throws {
        let asked: (String, JSON) = ("prefix_cache", .bool(true))
        let function = FunctionObjective { batch, context in
            var input = batch.input
            input.labels = batch.labels
            return FunctionObjective.Result(loss: try #require(context.forward(input).loss))
        }
        let low = try made([asked], trainedFrom: 0).trainer
        #expect(message(low).hasPrefix("args: prefix_cache: layer 0 is trained, so there is nothing below to keep"))
        let own = try made([asked], objective: function).trainer
        #expect(message(own).hasPrefix("args: prefix_cache: compute_loss runs the model by itself"))
        let embeddings = try made([asked]).trainer
        for (name, weight) in embeddings.model.namedParameters() where name.contains("word_embeddings") {
            try weight.setRequiresGrad(true)
        }
        #expect(message(embeddings).hasPrefix("args: prefix_cache: the embeddings are trained"))
        let frozen = try made([("freeze_dropout", .bool(true))], trainedFrom: -1).trainer
        for (name, weight) in frozen.model.namedParameters() where name.contains("word_embeddings") {
            try weight.setRequiresGrad(true)
        }
        #expect(message(frozen).hasPrefix("args: freeze_dropout: the embeddings are trained"))
        let small = try made([asked, ("freeze_dropout", .bool(true)), ("prefix_cache_size", .string("4kB"))]).trainer
        #expect(
            message(small)
                == "args: prefix_cache: no room for the states that enter layer 2 of 4, for the 22 rows of train_dataset: 17 kB (float32): prefix_cache_size allows 4 kB; prefix_cache = \"bfloat16\" takes half"
        )
        let memory = try made([asked, ("freeze_dropout", .bool(true)), ("prefix_cache_place", .string("memory"))])
        memory.trainer.keptStatesMemory = 20_000
        #expect(message(memory.trainer).contains("of eval_dataset"))
        #expect(message(memory.trainer).contains("20 kB of memory may be used; prefix_cache_size allows more"))
    }

    @Test("a file that cannot be is refused with the reason and what has room")
    func noFile() throws {
        let asked: [(String, JSON)] = [
            ("prefix_cache", .bool(true)), ("freeze_dropout", .bool(true)),
            ("prefix_cache_place", .string("file")),
        ]
        let what = "the states that enter layer 2 of 4, for the 22 rows of train_dataset: 17 kB (float32)"
        let nowhere = try made(asked).trainer
        #expect(
            message(nowhere)
                == "args: prefix_cache: no file for \(what): there is no folder for a file; give output_dir; prefix_cache_place = \"memory\" has room"
        )
        try Tiny.folder { folder in
            let closed = try Folder(path: folder.path, access: .read)
            let readable = try made(asked, output: closed).trainer
            let reason = "\(folder.path): cannot write a scratch file: the folder may only be read"
            #expect(
                message(readable)
                    == "args: prefix_cache: no file for \(what): \(reason); prefix_cache_place = \"memory\" has room")
            // Where memory was tried first, both are named, and half may fit.
            let beyond = try made([asked[0], asked[1]], output: closed).trainer
            beyond.keptStatesMemory = 16_000
            #expect(
                message(beyond)
                    == "args: prefix_cache: no room for \(what): 16 kB of memory may be used, and \(reason); prefix_cache = \"bfloat16\" takes half"
            )
        }
        let one = try made([asked[0], asked[1], ("prefix_cache_size", .integer(1))]).trainer
        #expect(message(one).contains("prefix_cache_size allows 1 byte;"))
    }

    func message(_ trainer: Trainer) -> String {
        do {
            try trainer.train()
            return "no error"
        } catch { return "\(error)" }
    }
}
