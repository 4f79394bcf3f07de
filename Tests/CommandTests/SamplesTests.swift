import Foundation
import Testing

/// `lorawb.samples`, and generation in the middle of a training.
struct SamplesTests {
    private static func recipe(callbacks: String, after: String = "") -> String {
        """
        local model = lorawb.load_model("tiny-lm", { task_type = "CAUSAL_LM" })
        local tokenizer = lorawb.load_tokenizer("tiny-lm")
        local rows = {}
        for i = 1, 8 do rows[i] = { prompt = "word " .. i, completion = " is " .. i * i } end
        model:add_adapter { r = 4, lora_dropout = 0.3, target_modules = { "q_proj", "v_proj" } }
        local trainer = lorawb.trainer {
          model = model, processing_class = tokenizer, train_dataset = lorawb.dataset(rows), eval_dataset = lorawb.dataset(rows),
          callbacks = { \(callbacks) },
          args = {
            learning_rate = 1e-2, per_device_train_batch_size = 4, num_train_epochs = 2, logging_steps = 1,
            eval_strategy = "steps", eval_steps = 1, save_strategy = "epoch",
          },
        }
        trainer:train()
        for _, row in ipairs(trainer.state.log_history) do
          if row.loss then print(("%d loss %a %a"):format(row.step, row.loss, row.grad_norm)) end
          if row.eval_loss then print(("%d eval_loss %a"):format(row.step, row.eval_loss)) end
        end
        \(after)
        """
    }

    private static func run(_ callbacks: String, after: String = "") throws -> (outcome: Outcome, place: Place) {
        let place = try Place()
        try place.makeLanguageModel()
        return (try place.run(recipe(callbacks: callbacks, after: after), "--run-dir", "run"), place)
    }

    private static func figures(_ outcome: Outcome) -> [Substring] {
        outcome.out.split(separator: "\n").filter { $0.contains(" loss 0x") || $0.contains(" eval_loss 0x") }
    }

    /// Dropout acts, so that a pass with or without it, or a draw from the training's numbers, would show.
    @Test("what a model writes in a training changes no number of it")
    func changesNothing() throws {
        let alone = try Self.run("").outcome
        let expected = Self.figures(alone)
        #expect(alone.code == 0 && expected.count == 8, "\(alone)")
        for callbacks in [
            "lorawb.samples { prompts = { 'word 3', 'a' }, tokenizer = tokenizer, max_new_tokens = 5, do_sample = true }",
            "on_evaluate = function() model:generate { prompt = 'word 3', tokenizer = tokenizer, max_new_tokens = 5, do_sample = true } end",
            "on_step_end = function() model:generate { prompt = 'word 3', tokenizer = tokenizer, max_new_tokens = 5, num_beams = 2 } end",
            "on_substep_end = function() end, on_pre_optimizer_step = function() model:score('word 3', { tokenizer = tokenizer }) end",
        ] {
            let outcome = try Self.run(callbacks).outcome
            #expect(outcome.code == 0 && Self.figures(outcome) == expected, "\(callbacks): \(outcome)")
        }
    }

    @Test("samples are printed after each evaluation, and kept in the log and in the run's metrics.jsonl")
    func printedAndKept() throws {
        let (outcome, place) = try Self.run(
            "lorawb.samples { prompts = { 'word 3', 'two\\nlines' }, tokenizer = tokenizer, max_new_tokens = 5 }",
            after: """
                for _, row in ipairs(trainer.state.log_history) do
                  if row.samples then
                    for _, sample in ipairs(row.samples) do
                      local again = row.step == 4 and model:generate { prompt = sample.prompt, tokenizer = tokenizer, max_new_tokens = 5 }
                      print(row.step, sample.prompt:gsub("\\n", " ") .. "", again and again.text == sample.text, sample.finish_reason)
                    end
                  end
                end
                print(require("lorawb.report").table(trainer.state.log_history):match "[^\\n]*")
                """)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.out.components(separatedBy: "samples at step ").count == 5, "\(outcome)")
        #expect(outcome.out.contains("samples at step 1:\n  word 3\n    "), "\(outcome)")
        #expect(outcome.out.contains("\n  two\n  lines\n    "), "\(outcome)")
        #expect(outcome.out.contains("4\tword 3\ttrue\tlength\n4\ttwo lines\ttrue\tlength\n"), "\(outcome)")
        // Samples are no column of figures.
        #expect(!outcome.out.contains(" samples  ") && !outcome.out.contains("  samples\n"), "\(outcome)")
        let log = place.files("run").filter { $0.hasSuffix("metrics.jsonl") }
        let text = try log.map { try place.text("run/" + $0) }.joined()
        #expect(text.contains("{\"samples\": [{\"prompt\": \"word 3\", \"text\": \""), "\(log) \(text)")
    }

    @Test(arguments: [
        ("lorawb.samples {}", "samples: expected one of prompt, messages and input_ids, got none"),
        ("lorawb.samples { prompts = {}, tokenizer = tokenizer }", "samples: option 'prompt' is empty"),
        (
            "lorawb.samples { prompts = 'a', tokenizer = tokenizer, on_token = print }",
            "option 'on_token' has no effect here"
        ),
        ("lorawb.samples { prompts = 'a', tokenizer = tokenizer, top_p = 2 }", "option 'top_p' expected a number"),
        ("{ 3 }", "trainer: callbacks: entry 1 expected lorawb.Samples, got table"),
    ])
    func refused(_ callback: String, _ message: String) throws {
        let outcome = try Self.run(callback).outcome
        #expect(outcome.code == 1 && outcome.line.contains(message), "\(outcome)")
    }
}
