import Adapters
import Formats
import Models
import Tensors
import TestSupport
import Testing

/// A decoder of one layer with random weights, its head tied to the table of ids or not.
private func tinyDecoder(tied: Bool = true, type: String = "llama", dtype: String? = nil, seed: UInt64 = 1) throws
    -> any Model
{
    let text = """
        {"model_type": "\(type)", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 20, "tie_word_embeddings": \(tied),
         "initializer_range": 0.3, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 20}
        """
    let config = try ModelConfig(JSON(parsing: text, source: "tiny"), source: "tiny")
    return try makeModel(config, LoadOptions(taskType: .causalLM, dtype: dtype, weights: .random, seed: seed)).model
}

private func grown(_ model: any Model, to size: Int, start: VocabularyResize.Start = .mean) throws -> AdapterSet {
    let adapters = AdapterSet(model: model)
    try adapters.resizeTokenEmbeddings(VocabularyResize(from: model.config.vocabSize, to: size, start: start))
    return adapters
}

private let tokens = [[2, 31, 7, 30], [3, 31]]

private func decoderLogits(_ model: any Model, _ ids: [[Int]] = tokens) throws -> [Float] {
    try #require(try model(ModelInput(inputIds: ids)).logits).floatArray()
}

private func decoderLoss(_ model: any Model) throws -> Tensor {
    var input = ModelInput(inputIds: tokens, labels: .tokens(tokens))
    input.outputLogits = false
    return try #require(try model(input).loss)
}

private func lossValue(_ model: any Model) throws -> Float { try decoderLoss(model).floatArray()[0] }

/// Changes the rows of an adapter, so that they are not the base's.
private func shake(_ adapters: AdapterSet, _ name: String = "default", by step: Float = 0.1) throws {
    for (key, weight) in try adapters.tensors(of: name) where key.contains("token_adapter") {
        let tensor = try #require(weight.tensor)
        let numbers = unsafe try tensor.mutableFloats()
        for place in 0..<tensor.count { unsafe numbers[place] += step * Float(place % 7 - 3) }
    }
}

private func isTrained(_ model: any Model) -> [String] { model.trainableParameters().map(\.name) }

@Test("new rows are trained where nothing is said of rows: of the table, and of a head that is not tied to it")
func newRowsByThemselves() throws {
    let tied = try grown(try tinyDecoder(), to: 32)
    let note = "trained and saved besides, new in the vocabulary: rows 30 to 31 of model.embed_tokens"
    #expect(try tied.add(config(["q_proj"])) == [note])
    let rows = "model.embed_tokens.token_adapter.trainable_tokens_delta.default"
    let tiedModel = try #require(tied.model as? any Model)
    #expect(isTrained(tiedModel).filter { !$0.contains("lora") } == [rows])
    #expect(try tied.adapter("default").config.trainableTokenIndices == .list([30, 31]))
    // 2 rows of 16, and a query's A and B.
    #expect(tied.trainableParametersLine.hasPrefix("trainable params: 160 ||"))

    let apart = try grown(try tinyDecoder(tied: false), to: 32)
    #expect(try apart.add(config(["q_proj"])) == [note + " and lm_head"])
    let names = try apart.tensors(of: "default").map(\.key).filter { $0.contains("token") }
    #expect(
        names
            == ["model.embed_tokens", "lm_head"].map { "base_model.model.\($0).token_adapter.trainable_tokens_delta" })
    // Told to train none, or others, it does.
    for (wanted, count) in [(TokenIndices.list([]), 0), (.list([4]), 1)] {
        let told = try grown(try tinyDecoder(tied: false), to: 32)
        #expect(try told.add(config(["q_proj"]) { $0.trainableTokenIndices = wanted }).isEmpty)
        #expect(isTrained(try #require(told.model as? any Model)).count { $0.contains("token") } == count)
    }
    // A vocabulary that did not grow has none.
    let same = AdapterSet(model: try tinyDecoder())
    #expect(try same.add(config(["q_proj"])).isEmpty)
}

@Test(
    "rows give what a table with these rows gives, as input and as output, and merge into it",
    arguments: [("llama", true), ("llama", false), ("gpt2", true), ("gemma2", true)])
func replacedRows(type: String, tied: Bool) throws {
    let adapters = try grown(try tinyDecoder(tied: tied, type: type), to: 33)
    let model = try #require(adapters.model as? any Model)
    let base = try decoderLogits(model)
    let target = type == "gpt2" ? "c_attn" : "q_proj"
    try adapters.add(config([target]) { $0.initLoraWeights = .kaiming })
    // Rows start as the base's; products of another shape may round otherwise.
    #expect(relativeDistance(try decoderLogits(model), base) < 1e-6)
    try shake(adapters)
    let (changed, loss) = (try decoderLogits(model), try lossValue(model))
    #expect(relativeDistance(changed, base) > 1e-2)
    let kept = try model.inputEmbedding.weight.floats()
    try adapters.merge()
    // One product in place of two: float32 rounding.
    #expect(relativeDistance(try decoderLogits(model), changed) < 1e-5)
    #expect(abs(try lossValue(model) - loss) < 1e-5)
    try adapters.unmerge()
    #expect(try model.inputEmbedding.weight.floats() == kept)
    #expect(try decoderLogits(model) == changed)
    let scratch = try Scratch()
    try adapters.mergeAndUnload()
    try saveModel(model, to: scratch.folder)
    let again = try loadModel(scratch.folder, LoadOptions(taskType: .causalLM)).model
    #expect(again.config.vocabSize == 33)
    #expect(try JSON(parsing: scratch.folder.read("config.json"), source: "config.json")["vocab_size"]?.int == 33)
    #expect(relativeDistance(try decoderLogits(again), changed) < 1e-5)
    // What was merged is the model's: nothing of it is new to the next adapter.
    #expect(try adapters.add(config([target])).isEmpty)
}

@Test(
    "gradients of rows agree with differences of the loss, in the head that makes logits in chunks",
    arguments: [true, false])
func rowDifferences(tied: Bool) throws {
    let adapters = try grown(try tinyDecoder(tied: tied), to: 32)
    let model = try #require(adapters.model as? any Model)
    try adapters.add(config(["q_proj"]))
    try shake(adapters)
    try decoderLoss(model).backward()
    var reached = 0
    for (key, weight) in try adapters.tensors(of: "default") where key.contains("token") {
        let tensor = try #require(weight.tensor)
        let gradient = try #require(tensor.grad).floatArray()
        let numbers = unsafe try tensor.mutableFloats()
        for place in stride(from: 0, to: tensor.count, by: 5) {
            let value = unsafe numbers[place]
            func loss(_ step: Float) throws -> Double {
                unsafe numbers[place] = value + step
                defer { unsafe numbers[place] = value }
                return Double(try lossValue(model))
            }
            let slope = (try loss(0.01) - loss(-0.01)) / 0.02
            // The loss is float32: 4e-7 of it over 0.02 is 2e-5 of a loss near 4, and the cubic term is of the same size.
            #expect(abs(slope - Double(gradient[place])) < 4e-4, "\(key) \(place): \(slope), \(gradient[place])")
            reached += 1
        }
    }
    #expect(reached == (tied ? 7 : 14))
}

@Test(
    "a base that was just loaded grows again to what the adapter needs, whatever new rows started as",
    arguments: [true, false], [false, true])
func growsAgain(tied: Bool, isDrawn: Bool) throws {
    let scratch = try Scratch()
    let first = try grown(try tinyDecoder(tied: tied), to: 35, start: isDrawn ? .normal(seed: 5) : .mean)
    // Two of five new rows are trained; the others are made again.
    try first.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([31, 30]) })
    try shake(first)
    try first.save("default", to: scratch.folder)
    let expected = try decoderLogits(try #require(first.model as? any Model))
    let file = try SafetensorsFile(scratch.folder, "adapter_model.safetensors")
    #expect(file.entries["base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"]?.shape == [2, 16])
    #expect(!file.entries.keys.contains { $0.hasSuffix("embed_tokens.weight") || $0.contains("lm_head") })
    let again = AdapterSet(model: try tinyDecoder(tied: tied))
    let notes = try again.load(scratch.folder)
    #expect(notes == ["the vocabulary grew from 30 to 35 entries, which the adapter's base had"])
    let model = try #require(again.model as? any Model)
    #expect(model.config.vocabSize == 35)
    #expect(try decoderLogits(model) == expected)
    // One that has grown already, by the recipe or in its folder, is left as it is.
    let ready = try grown(try tinyDecoder(tied: tied), to: 35, start: isDrawn ? .normal(seed: 5) : .mean)
    #expect(try ready.load(scratch.folder).isEmpty)
    #expect(try decoderLogits(try #require(ready.model as? any Model)) == expected)
    // Another base is found out, and is as it was.
    let other = AdapterSet(model: try tinyDecoder(tied: tied, seed: 2))
    let message = try #require(throws: AdapterError.self) { try other.load(scratch.folder) }.description
    #expect(message.contains("trained on another base"))
    let otherModel = try #require(other.model as? any Model)
    #expect(otherModel.config.vocabSize == 30 && otherModel.inputEmbedding.entries == 30)
    #expect(otherModel.vocabulary.resizes.isEmpty && other.adapters.isEmpty)
}

@Test("adapters with tokens of their own are switched, act together, are disabled and deleted")
func tokensOfTwo() throws {
    let adapters = try grown(try tinyDecoder(), to: 33)
    let model = try #require(adapters.model as? any Model)
    let base = try decoderLogits(model)
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([30, 2]) }, name: "a")
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([31]) }, name: "b")
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([]) }, name: "plain")
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([31, 3]) }, name: "c")
    for name in ["a", "b", "c"] { try shake(adapters, name) }
    let first = try decoderLogits(model)
    func trained() -> [String] { isTrained(model).filter { $0.contains("token") }.map { String($0.suffix(1)) } }
    #expect(trained() == ["a"])
    try adapters.setActive(["b"])
    let second = try decoderLogits(model)
    #expect(trained() == ["b"] && second != first)
    try adapters.setActive(["plain"])
    #expect(trained().isEmpty)
    try adapters.setActive(["a", "b"])
    let (both, loss) = (try decoderLogits(model), try lossValue(model))
    #expect(both != first && both != second && trained() == ["a", "b"])
    let message = try #require(throws: AdapterError.self) { try adapters.setActive(["a", "b", "c"]) }.description
    #expect(message == "'b' and 'c' cannot act together: both train row 31 of 'model.embed_tokens'")
    #expect(adapters.active == ["a", "b"])
    try adapters.merge()
    #expect(relativeDistance(try decoderLogits(model), both) < 1e-5)
    #expect(abs(try lossValue(model) - loss) < 1e-5)
    try adapters.unmerge()
    try adapters.disable()
    #expect(try decoderLogits(model) == base && trained().isEmpty)
    try adapters.enable()
    try adapters.delete("b")
    #expect(try decoderLogits(model) == first)
    for name in ["a", "c", "plain"] { try adapters.delete(name) }
    #expect(try decoderLogits(model) == base)
    #expect(model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
    #expect(model.inputEmbedding.seats.isEmpty && model.outputEmbedding?.seats.isEmpty == true)
}

@Test(
    "states below a layer are no function of frozen things while rows are trained, and other ones once other rows act")
func keptStatesOfRows() throws {
    let adapters = try grown(try tinyDecoder(), to: 32)
    let model = try #require(adapters.model as? any Model)
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([]) }, name: "plain")
    #expect(model.lowestTrainableLayer == 0)
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([31]) }, name: "rows")
    let before = KeptStatesIdentity(model, below: 0)
    #expect(before.holds)
    try adapters.setActive(["rows"])
    #expect(model.lowestTrainableLayer == nil && !before.holds)
    let scratch = try Scratch()
    try adapters.save("rows", to: scratch.folder)
    let frozen = AdapterSet(model: try tinyDecoder())
    let base = try #require(frozen.model as? any Model)
    try frozen.resizeTokenEmbeddings(VocabularyResize(from: 30, to: 32))
    let bare = KeptStatesIdentity(base, below: 0)
    try frozen.load(scratch.folder.subfolder("rows"))
    #expect(base.lowestTrainableLayer != nil && !bare.holds)
}

@Test(
    "PEFT's file with whole tables, and one without, give its logits on a base that grows by them",
    arguments: ["llama-tokens", "llama-untied-tokens", "llama-input-tokens"])
func wholeTables(name: String) throws {
    let golden = try Golden(name)
    let model = try loadBase(golden)
    let adapters = AdapterSet(model: model)
    let notes = try adapters.load(golden.folder.subfolder("whole"))
    #expect(notes.contains { $0.hasPrefix("the vocabulary grew from 72 to ") })
    #expect(relativeDistance(try result(try model(input(of: golden))), try golden.floats("logits")) < 1e-4)
    // Of another base, its tables are not this one's.
    let other = try loadModel(
        golden.base, LoadOptions(taskType: .causalLM, weights: .random, seed: 9)
    ).model
    let message = try #require(throws: AdapterError.self) {
        try AdapterSet(model: other).load(golden.folder.subfolder("whole"))
    }.description
    #expect(message.contains("is not that of this base, which an adapter leaves as it is; check_base = false goes on"))
    #expect(other.config.vocabSize == 72)
}

@Test("what cannot be trained is refused by name, and leaves the model as it was")
func refusedRows() throws {
    func refusal(_ change: (inout LoraConfig) -> Void) throws -> String {
        let model = try tinyDecoder(tied: false)
        let adapters = AdapterSet(model: model)
        let error = try #require(throws: AdapterError.self) { try adapters.add(config(["q_proj"], change: change)) }
        #expect(adapters.adapters.isEmpty && model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
        return error.description
    }
    let cases: [(TokenIndices, String)] = [
        (
            .list([30]),
            "trainable_token_indices has 30, but 'model.embed_tokens' has 30 rows, from 0; model:resize_token_embeddings makes"
        ),
        (.list([-1]), "trainable_token_indices has -1, but"),
        (.list([3, 4, 3]), "trainable_token_indices has 3 of 'model.embed_tokens' twice"),
        (
            .byModule([.init("embed_token", [1])]),
            "no module matches 'embed_token' in trainable_token_indices; did you mean 'embed_tokens'?"
        ),
        (
            .byModule([.init("q_proj", [1])]),
            "which is of kind Linear; only an embedding and a language head have rows of tokens"
        ),
        (
            .byModule([.init("embed_tokens", [1]), .init("model.embed_tokens", [2])]),
            "names 'model.embed_tokens' twice"
        ),
    ]
    for (tokens, expected) in cases {
        let text = try refusal { $0.trainableTokenIndices = tokens }
        #expect(text.contains(expected), "\(text)")
    }
    let whole = try refusal { ($0.trainableTokenIndices, $0.modulesToSave) = (.list([1]), ["embed_tokens"]) }
    #expect(whole.contains("'model.embed_tokens' is trained whole already"))
    let head = try refusal {
        ($0.trainableTokenIndices, $0.targetModules) = (.byModule([.init("lm_head", [1])]), .list(["lm_head"]))
    }
    #expect(head.contains("'lm_head' cannot be adapted while rows of it are trained"))
    let two = AdapterSet(model: try tinyDecoder(tied: false))
    try two.add(config(["q_proj"]) { $0.trainableTokenIndices = .byModule([.init("lm_head", [1])]) }, name: "rows")
    let adapted = try #require(throws: AdapterError.self) { try two.add(config(["lm_head"])) }
    #expect(adapted.description == "'lm_head' cannot be adapted by 'default': 'rows' trains rows of it")
    let combined = try #require(throws: AdapterError.self) { try two.addWeighted(["rows"], weights: [1], name: "x") }
    #expect(combined.description == "'rows' trains rows of 'lm_head', which cannot be combined")
}

@Test("rows of a tied head apart from the table's are trained and saved as PEFT does, but not merged")
func tiedApart() throws {
    let adapters = AdapterSet(model: try tinyDecoder())
    try adapters.add(
        config(["q_proj"]) {
            $0.trainableTokenIndices = .byModule([.init("embed_tokens", [3]), .init("lm_head", [3, 4])])
        })
    let keys = try adapters.tensors(of: "default").map(\.key).filter { $0.contains("token_adapter") }
    #expect(keys.count == 2 && keys[1].hasPrefix("base_model.model.lm_head."))
    let message = try #require(throws: AdapterError.self) { try adapters.merge() }.description
    #expect(message.contains("one matrix cannot hold both"))
}

@Test("a vocabulary grows and shrinks as in transformers; what would be lost is refused")
func sizes() throws {
    #expect(try VocabularyResize.size(33, now: 30, multipleOf: 8) == 40)
    #expect(try VocabularyResize.size(nil, now: 30, multipleOf: 8) == 32)
    #expect(try VocabularyResize.size(nil, now: 30, multipleOf: nil) == 30)
    for (count, multiple) in [(0, nil), (-4, 8), (Int.max, 8), (1 << 25, nil), (3, Int.max)] as [(Int, Int?)] {
        #expect(throws: ModelError.self) { try VocabularyResize.size(count, now: 30, multipleOf: multiple) }
    }
    let model = try tinyDecoder()
    let old = try model.inputEmbedding.weight.floats()
    let adapters = try grown(model, to: 34)
    let new = try model.inputEmbedding.weight.floats()
    #expect(Array(new[..<old.count]) == old)
    for column in 0..<16 {
        let mean = (0..<30).reduce(0.0) { $0 + Double(old[$1 * 16 + column]) } / 30
        // Summed in float64 by both, rounded once.
        for row in 30..<34 { #expect(new[row * 16 + column] == Float(mean)) }
    }
    try adapters.resizeTokenEmbeddings(VocabularyResize(from: 34, to: 30))
    #expect(try model.inputEmbedding.weight.floats() == old && model.vocabulary.firstNewToken == nil)
    try adapters.add(config(["q_proj"]) { $0.trainableTokenIndices = .list([29]) })
    let lost = try #require(throws: AdapterError.self) {
        try adapters.resizeTokenEmbeddings(VocabularyResize(from: 30, to: 29))
    }
    #expect(lost.description.contains("trains row 29 of 'model.embed_tokens'"))
    try adapters.merge()
    #expect(throws: AdapterError.self) { try adapters.resizeTokenEmbeddings(VocabularyResize(from: 30, to: 31)) }
    let bert = try tinyModel()
    let padded = try #require(throws: ModelError.self) {
        try AdapterSet(model: try tinyDecoderWithEnd()).resizeTokenEmbeddings(VocabularyResize(from: 30, to: 20))
    }
    #expect(padded.description.contains("has no room for eos_token_id 25; new_num_tokens is at least 26"))
    try AdapterSet(model: bert).resizeTokenEmbeddings(VocabularyResize(from: 30, to: 10))
    #expect(throws: ModelError.self) { try bert(ModelInput(inputIds: [[10]])) }
    #expect(try logits(bert).count == 4)
}

private func tinyDecoderWithEnd() throws -> any Model {
    let text = """
        {"model_type": "llama", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 20, "eos_token_id": [2, 25]}
        """
    let config = try ModelConfig(JSON(parsing: text, source: "tiny"), source: "tiny")
    return try makeModel(config, LoadOptions(taskType: .causalLM, weights: .random)).model
}

@Test("files whose rows no vocabulary has are refused in one line before memory is taken")
func brokenFiles() throws {
    let scratch = try Scratch()
    let first = try grown(try tinyDecoder(), to: 32)
    try first.add(config(["q_proj"]))
    try first.save("default", to: scratch.folder)
    let text = try scratch.folder.readText("adapter_config.json")
    let list = "\"trainable_token_indices\": [\n    30,\n    31\n  ]"
    #expect(text.contains(list))
    let file = try SafetensorsFile(scratch.folder, "adapter_model.safetensors")
    let items = try file.entries.map {
        SafetensorsWriter.Item(name: $0.key, shape: $0.value.shape, floats: try file.floats($0.key))
    }
    func refusal(_ tokens: String, vocabulary: String?) throws -> String {
        let broken = try Scratch()
        try broken.folder.write(
            "adapter_config.json", text: text.replacing(list, with: "\"trainable_token_indices\": \(tokens)"))
        try SafetensorsWriter.write(
            items, metadata: vocabulary.map { ["format": "pt", "lorawb.vocabulary": $0] } ?? ["format": "pt"],
            to: broken.folder, "adapter_model.safetensors")
        let model = try tinyDecoder()
        let error = #expect(throws: (any Error).self) { try AdapterSet(model: model).load(broken.folder) }
        #expect(model.config.vocabSize == 30 && model.inputEmbedding.entries == 30)
        return "\(String(describing: error))"
    }
    let cases: [(String, String?, String)] = [
        ("[30, 2147483648]", nil, "the adapter trains row 2147483648 of the vocabulary, this model has 30"),
        ("[30, 9000]", nil, "the adapter trains row 9000 of the vocabulary, this model has 30"),
        ("[30, 9223372036854775807]", nil, "trains row 9223372036854775807"),
        ("[30, -9223372036854775808]", nil, "trainable_token_indices has -9223372036854775808"),
        ("{\"embed_tokens\": [1.5]}", nil, "option 'trainable_token_indices' expected a list of ids"),
        ("\"all\"", nil, "option 'trainable_token_indices' expected"),
        ("true", nil, "option 'trainable_token_indices' expected"),
        ("[30, 31, 29]", nil, "has shape [2, 16], this model needs [3, 16]"),
        ("null", nil, "belongs to no module"),
        ("[30, 31]", "[{\"from\": 30, \"to\": 0}]", "'to' expected an integer from 1 to 16777216"),
        ("[30, 31]", "[{\"from\": 30, \"to\": 99999999999}]", "'to' expected an integer from 1 to 16777216"),
        ("[30, 31]", "{}", "metadata 'lorawb.vocabulary' is no list"),
        ("[30, 31]", "[3", "metadata 'lorawb.vocabulary'"),
    ]
    for (tokens, vocabulary, expected) in cases {
        let message = try refusal(tokens, vocabulary: vocabulary)
        #expect(message.contains(expected), "\(tokens): \(message)")
    }
}

@Test("rows over a bfloat16 table are float32, are saved so, and are rounded where they are merged into it")
func rowsOfHalf() throws {
    let adapters = try grown(try tinyDecoder(dtype: "bfloat16"), to: 32)
    let model = try #require(adapters.model as? any Model)
    let dtype = model.inputEmbedding.weight.dtype
    try adapters.add(config(["q_proj"]))
    try shake(adapters, by: 0.1001)
    let changed = try decoderLogits(model)
    let scratch = try Scratch()
    try adapters.save("default", to: scratch.folder)
    let again = AdapterSet(model: try tinyDecoder(dtype: "bfloat16"))
    try again.load(scratch.folder)
    #expect(try decoderLogits(try #require(again.model as? any Model)) == changed)
    try adapters.merge()
    #expect(model.inputEmbedding.weight.dtype == dtype)
    // Eight bits of each number of the rows, and of the matrices with LoRA merged into them.
    #expect(relativeDistance(try decoderLogits(model), changed) < 3e-2)
}

@Test("a base grows by a table that an adapter trains whole, and refuses a tied head that is apart from it")
func growsByTrainedTables() throws {
    let first = try grown(try tinyDecoder(tied: false), to: 33)
    try first.add(config(["q_proj"]) { $0.modulesToSave = ["embed_tokens", "lm_head"] })
    #expect(try first.adapter("default").config.trainableTokenIndices == nil)
    let scratch = try Scratch()
    try first.save("default", to: scratch.folder)
    let file = try SafetensorsFile(scratch.folder, "adapter_model.safetensors")
    let items = try file.entries.map {
        SafetensorsWriter.Item(name: $0.key, shape: $0.value.shape, floats: try file.floats($0.key))
    }
    // As PEFT writes it.
    try SafetensorsWriter.write(items, metadata: ["format": "pt"], to: scratch.folder, "adapter_model.safetensors")
    let again = AdapterSet(model: try tinyDecoder(tied: false))
    let notes = try again.load(scratch.folder)
    #expect(notes.first == "the vocabulary grew from 30 to 33 entries, which the adapter's base had")
    let expected = try decoderLogits(try #require(first.model as? any Model))
    #expect(try decoderLogits(try #require(again.model as? any Model)) == expected)
    let text = try scratch.folder.readText("adapter_config.json")
    try scratch.folder.write("adapter_config.json", text: text.replacing(",\n    \"lm_head\"", with: ""))
    let tied = AdapterSet(model: try tinyDecoder())
    let message = try #require(throws: AdapterError.self) { try tied.load(scratch.folder) }.description
    #expect(message.hasSuffix("a tied head follows its table here"), "\(message)")
    #expect((tied.model as? any Model)?.config.vocabSize == 30)
}
