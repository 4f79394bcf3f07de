import TestSupport
import Testing

/// `model:classify`, `model:answer`, `lorawb.answer_features` and `trainer:predict` as recipes call them.
struct TextLuaTests {
    private static func bench(_ options: String) throws -> TemporaryBench {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        try bench.run(
            """
            lorawb.manual_seed(3)
            model = lorawb.load_model("\(goldens)/texts/model", { \(options) })
            tokenizer = lorawb.load_tokenizer("\(goldens)/tokenizers/bert")
            golden = lorawb.read_json("\(goldens)/texts/texts.json")
            """)
        return bench
    }

    @Test("a text, a pair, a list of both, and the best classes of each")
    func classes() throws {
        let bench = try Self.bench(#"task_type = "SEQ_CLS", num_labels = 3"#)
        try bench.run(
            """
            local options = { tokenizer = tokenizer }
            local one = model:classify("a good film", options)
            same(#one, 1); same(#one[1].scores, 3); same(one[1].score, one[1].scores[one[1].label_id + 1])
            local pair = { text = "a good film", text_pair = "a bad film" }
            local list = model:classify({ "a good film", pair, { "a good film", "a bad film" } }, options)
            same(#list, 3); same(list[1].score, one[1].score)
            same(list[2].scores[1], model:classify(pair, options)[1].scores[1]); same(list[2].scores[1], list[3].scores[1])
            local encoding = tokenizer("a good film", { text_pair = "a bad film" })
            local logits = model { input_ids = { encoding.input_ids }, token_type_ids = { encoding.token_type_ids } }.logits
            close(logits:softmax(2):tolist()[1][2], list[2].scores[2], 1e-6)
            local best = model:classify({ "a good film" }, { tokenizer = tokenizer, top_k = 2 })[1]
            same(#best, 2); same(best[1].label, one[1].label); same(best[1].score >= best[2].score, true)
            same(#model:classify({ "a" }, { tokenizer = tokenizer, top_k = 9 })[1], 3)
            same(#model:classify({}, options), 0)
            """)
        for (call, part) in [
            ("model:classify({ 'a', 3 }, { tokenizer = tokenizer })", "text 2 is 3, expected a text or a pair"),
            (
                "model:classify({ { text = 'a', pair = 'b' } }, { tokenizer = tokenizer })",
                "text 1: expected a text, or a pair"
            ),
            (
                "model:classify('a', { tokenizer = tokenizer, aggregation = 'simple' })",
                "'aggregation' is for a model with task_type TOKEN_CLS"
            ),
            ("model:classify('a', { tokenizer = tokenizer, top_k = 0 })", "top_k"),
            (
                "model:answer({ question = 'a', context = 'b' }, { tokenizer = tokenizer })",
                "answer needs a model with task_type QUESTION_ANS"
            ),
        ] {
            let failure = bench.failure(call)
            #expect(failure?.contains(part) == true, "\(call): \(failure ?? "it ran")")
        }
    }

    @Test("predictions say of each row what classify says of it, rows of text among them")
    func predictions() throws {
        let bench = try Self.bench(
            #"task_type = "SEQ_CLS", num_labels = 3, problem_type = "multi_label_classification""#)
        try bench.run(
            """
            local texts = { { text = "a good film", text_pair = "a bad film" }, { text = "fun" } }
            local rows = lorawb.dataset(texts)
            local trainer = lorawb.trainer { model = model, processing_class = tokenizer, args = { disable_tqdm = true } }
            local found = trainer:predict(rows)
            local said = model:classify(texts, { tokenizer = tokenizer })
            same(#found.rows, 2)
            for i = 1, 2 do
              same(found.rows[i].label, said[i].label)
              for c = 1, 3 do close(found.rows[i].scores[c], said[i].scores[c], 1e-6) end
              local above = 0
              for c = 1, 3 do if said[i].scores[c] > 0.5 then above = above + 1 end end
              same(#found.rows[i].labels, above)
            end
            """)
        let tokens = try Self.bench(#"task_type = "TOKEN_CLS", num_labels = 4"#)
        try tokens.run(
            """
            local ids = { tokenizer:encode("a good film"), tokenizer:encode("fun") }
            local rows = lorawb.dataset { { input_ids = ids[1] }, { input_ids = ids[2] } }
            local found = lorawb.trainer { model = model, args = { disable_tqdm = true } }:predict(rows)
            same(#found.rows, 2); same(#found.rows[1], #ids[1]); same(#found.rows[2], #ids[2])
            local said = model:classify("a good film", { tokenizer = tokenizer, ignore_labels = {} })[1]
            for _, entity in ipairs(said) do
              local token = found.rows[1][entity.index]
              same(token.label, entity.label); close(token.score, entity.score, 1e-6)
            end
            local words = model:classify({ { "a", "good", "film" } },
              { tokenizer = tokenizer, is_split_into_words = true, ignore_labels = {} })[1]
            same(words[3].word_id, 3); same(("a good film"):sub(words[3].start, words[3]["end"]), words[3].text)
            """)
    }

    @Test("a model for question answering is trained, evaluated and asked, and its adapter comes back")
    func answers() throws {
        let bench = try Self.bench(#"task_type = "QUESTION_ANS""#)
        try bench.run(
            """
            local data = lorawb.dataset(golden.answered.rows)
            local windows = { tokenizer = tokenizer, max_length = 40, doc_stride = 10 }
            local features = lorawb.answer_features(data, windows)
            same(#features, #golden.answered.features)
            for i = 1, #features do
              same(features[i].start_positions, golden.answered.features[i].start); same(features[i].row, golden.answered.features[i].row + 1)
            end
            model:add_adapter { r = 4, target_modules = { "query", "value" } }
            local out = model { input_ids = { features[1].input_ids }, start_positions = { features[1].start_positions },
              end_positions = { features[1].end_positions } }
            same(out.start_logits.shape[1], #features[1].input_ids)
            local expected = -(out.start_logits:reshape { 1, 40 }:log_softmax(2):tolist()[1][features[1].start_positions + 1]
              + out.end_logits:reshape { 1, 40 }:log_softmax(2):tolist()[1][features[1].end_positions + 1]) / 2
            close(out.loss:item(), expected, 1e-5)
            for batch in features:batches { batch_size = 2 } do
              same(model(batch).loss:item() > 0, true); same(#batch.start_positions <= 2, true)
              break
            end
            local trainer = lorawb.trainer { model = model, train_dataset = features, eval_dataset = features,
              args = { num_train_epochs = 100, learning_rate = 0.03, save_strategy = "no", disable_tqdm = true } }
            local before = trainer:evaluate().eval_loss
            trainer:train()
            local after = trainer:evaluate().eval_loss
            same(after < 0.7 * before, true)
            local found = model:answer(data, windows)
            same(#found, 4); same(model:answer(data[2], windows).answer, found[2].answer)
            same(data[1].context:sub(found[1].start, found[1]["end"]), found[1].answer)
            same(#model:answer(data[1], { tokenizer = tokenizer, top_k = 3 }), 3)
            model:save_adapter(lorawb.run_dir .. "/adapter")
            local config = lorawb.read_json(lorawb.run_dir .. "/adapter/adapter_config.json")
            same(config.task_type, "QUESTION_ANS"); same(config.modules_to_save[1], "qa_outputs")
            same(trainer:predict(features).rows, nil)
            """)
        for (call, part) in [
            ("model { input_ids = { { 2, 3 } }, start_positions = { 1 } }", "end_positions is missing"),
            ("model { input_ids = { { 2, 3 } }, labels = { 1 } }", "takes start_positions and end_positions"),
            (
                "model { input_ids = { { 2, 3 } }, start_positions = { 1, 2 }, end_positions = { 1 } }",
                "start_positions has 2"
            ),
            (
                "lorawb.trainer { model = model, train_dataset = lorawb.dataset { { input_ids = { 2, 3 }, start_positions = -1, end_positions = 1 } } }:train()",
                "row 1: start_positions is -1"
            ),
            (
                "lorawb.trainer { model = model, train_dataset = lorawb.dataset { { input_ids = { 2, 3 }, start_positions = 1 } } }:train()",
                "none called 'end_positions'"
            ),
            (
                "lorawb.trainer { model = model, train_dataset = lorawb.dataset { { input_ids = { 2, 3 } } } }:train()",
                "there are no columns start_positions and end_positions"
            ),
            (
                "lorawb.answer_features(lorawb.dataset { { question = 'a', context = 'b c', answers = { text = { 'd' }, answer_start = { 0 } } } }, { tokenizer = tokenizer })",
                "row 1: the answer 'd' does not stand at answer_start 0"
            ),
            ("model:answer({ { question = 'a' } }, { tokenizer = tokenizer })", "question 1: expected { question ="),
        ] {
            let failure = bench.failure(call)
            #expect(failure?.contains(part) == true, "\(call): \(failure ?? "it ran")")
        }
    }
}
