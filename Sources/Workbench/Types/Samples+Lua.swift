import Formats
import Inference
import LuaBridge
import Models
import Options
import Tokenizers
import Training

/// What a model is to write after each evaluation, as an object that recipes hold.
final class SamplesBox {
    private let options: LuaOptions
    private let prompts: Prompts

    fileprivate init(_ options: LuaOptions) throws { (self.options, prompts) = (options, try Prompts(options)) }

    /// How many prompts there are.
    var count: Int { prompts.ids.count }

    /// The callback of a trainer of this model.
    func callback(_ box: ModelBox) throws -> any TrainerCallback {
        SamplesCallback(
            prompts: prompts, options: try GenerateLua.settings(box, options), model: box.model)
    }
}

extension SamplesBox: Printed {
    var headline: String { "Samples of \(count) prompt\(count == 1 ? "" : "s")" }
}

/// Writes after each evaluation, prints what was written, and adds it to the log: a row with `samples`.
///
/// Generation has passes of its own, without dropout, and draws by its own seed: no number of the training changes.
private final class SamplesCallback: TrainerCallback {
    private let prompts: Prompts
    private let options: GenerationOptions
    private let model: any Model

    init(prompts: Prompts, options: GenerationOptions, model: any Model) {
        (self.prompts, self.options, self.model) = (prompts, options, model)
    }

    func handle(_ event: TrainerEvent, _ trainer: Trainer) throws {
        guard case .evaluate = event else { return }
        let results = try generate(prompts.ids, model: model, tokenizer: prompts.tokenizer, options: options)
        var samples: [JSON] = []
        trainer.reporter?.note("samples at step \(trainer.state.globalStep):")
        for (name, answers) in zip(prompts.names, results) {
            lines(name, indent: 2, trainer)
            for answer in answers {
                let text = answer.text ?? answer.tokens.map(String.init).joined(separator: " ")
                lines(text + (answer.finishReason == .length ? " …" : ""), indent: 4, trainer)
                samples.append(
                    .object([
                        "prompt": .string(name), "text": .string(text),
                        "finish_reason": .string(answer.finishReason.rawValue),
                    ]))
            }
        }
        try trainer.log([JSON.Member("samples", .array(samples))])
    }

    private func lines(_ text: String, indent: Int, _ trainer: Trainer) {
        for line in text.split(separator: "\n") {
            trainer.reporter?.note(String(repeating: " ", count: indent) + line)
        }
    }
}

/// What recipes see of samples in the course of a training: `lorawb.samples`.
enum SamplesLua {
    /// The options of `generate` that make text, and nothing that answers while it does.
    private static let options: OptionTable = {
        let others = ["on_token", "choices", "length_normalize"]
        let made = GenerateLua.options
        return OptionTable(
            made.options.filter { !others.contains($0.name) },
            refused: made.refused.merging(
                others.map { ($0, "has no effect here: samples are written whole, after an evaluation") }
            ) { first, _ in first }, inert: made.inert)
    }()

    static var function: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "samples",
            "What a trainer lets its model write after each evaluation: printed, and kept in the log's rows as `samples`. The options are generate's.",
            parameters: [LuaParameter("options", options)], returns: "lorawb.Samples",
            example:
                "local samples = lorawb.samples { prompts = { \"The quick\" }, tokenizer = lm_tokenizer, max_new_tokens = 8 }\nprint(samples) -- for lorawb.trainer { …, callbacks = { samples } }"
        ) { call in .object(try SamplesBox(try call.options(1, options))) }
    }

    static var type: LuaType<SamplesBox> {
        LuaType(
            "lorawb.Samples", "Prompts that a trainer's model goes on with after each evaluation.",
            metamethods: [.text("How many prompts there are.") { $0.text }])
    }
}
