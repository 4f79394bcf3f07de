import Testing

/// `lorawb.metrics` against scikit-learn 1.7 and scipy 1.16.
struct LuaMetricTests {
    @Test(
        "metrics give scikit-learn's numbers for ids, scores and numbers",
        arguments: [
            """
            local r = metrics.combine { metrics.accuracy, metrics.f1 { average = "macro" }, metrics.precision { average = "macro" }, metrics.recall { average = "micro" }, metrics.matthews_correlation }
              { predictions = { 0, 1, 1, 1, 2, 2, 2 }, label_ids = { 0, 2, 1, 1, 2, 0, 2 } }
            close(r.accuracy, 0.7142857142857143, 1e-12)
            close(r.f1, 0.7111111111111111, 1e-12)
            close(r.precision, 0.7777777777777777, 1e-12)
            close(r.recall, 0.7142857142857143, 1e-12)
            close(r.matthews_correlation, 0.5809475019311126, 1e-12)
            local weighted = metrics.f1 { average = "weighted" }
            close(weighted { predictions = lorawb.tensor { 0, 1, 1, 1, 2, 2, 2 }, label_ids = lorawb.tensor { 0, 2, 1, 1, 2, 0, 2 } }.f1, 0.7047619047619048, 1e-12)
            -- Large ids are ids like others, and two of them are not classes 0 and 1.
            local big = { [0] = 5, [1] = 1 << 40, [2] = 7 }
            local p, l = {}, {}
            for i, id in ipairs { 0, 1, 1, 1, 2, 2, 2 } do p[i] = big[id] end
            for i, id in ipairs { 0, 2, 1, 1, 2, 0, 2 } do l[i] = big[id] end
            close(metrics.f1 { average = "macro" } { predictions = p, label_ids = l }.f1, 0.7111111111111111, 1e-12)
            close(metrics.f1 { average = "macro" } { predictions = { 5, 7, 7, 7 }, label_ids = { 5, 7, 5, 7 } }.f1, (2 / 3 + 4 / 5) / 2, 1e-12)
            """,
            """
            local r = metrics.combine { metrics.f1, metrics.precision, metrics.recall } { predictions = { 1, 1, 0, 0, 1 }, label_ids = { 0, 1, 1, 0, 1 } }
            close({ r.f1, r.precision, r.recall }, { 2 / 3, 2 / 3, 2 / 3 }, 1e-12)
            """,
            """
            local scores = lorawb.tensor { { 2.0, 1.0 }, { 0.0, 3.0 }, { 1.0, 0.0 }, { 9.0, 0.0 } }
            same(metrics.accuracy { predictions = scores, label_ids = { 0, 1, 1, -100 } }.accuracy, 2 / 3)
            close(metrics.perplexity { predictions = scores, label_ids = { 0, 1, 1, -100 } }.perplexity,
              math.exp((math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3)) + math.log(1 + math.exp(1))) / 3))
            -- Several labels a row: a score above 0 is a yes, and a row counts where all of them are right.
            same(metrics.accuracy { predictions = { { 1.5, -2.0 }, { 0.5, 0.5 } }, label_ids = { { 1, 0 }, { 1, 0 } } }.accuracy, 0.5)
            -- Tokens: one list of labels a sequence.
            same(metrics.accuracy { predictions = scores, label_ids = { { 0, 1, 1 }, { 1 } } }.accuracy, 0.5)
            """,
            """
            local r = metrics.combine { metrics.pearson, metrics.spearman, metrics.mse, metrics.mae }
              { predictions = lorawb.tensor { 0.1, 0.4, 0.35, 0.8, 0.8 }:reshape(5, 1), label_ids = { 0, 0.5, 0.2, 1, 0.7 } }
            close({ r.pearson, r.spearman, r.mse, r.mae }, { 0.9393005162885874, 0.9746794344808963, 0.0185, 0.13 }, 1e-6)
            """,
        ])
    func values(recipe: String) throws { try TemporaryBench().run(recipe) }

    /// scikit-learn 1.9.1 and seqeval 1.2.2.
    @Test("spans, ranks, R² and the confusion matrix have the references' numbers")
    func more() throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            local tags = { [0] = "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG" }
            local truth = { { 1, 2, 0, 3, 4, 0 }, { 0, 5, 6, 6, 1 }, { 0, 0 }, { 4, 4, 3 } }
            local guess = { { 1, 2, 0, 4, 4, 0 }, { 0, 5, 6, 0, 1 }, { 0, 2 }, { 4, 6, 3 } }
            local r = metrics.seqeval { predictions = guess, label_ids = truth, id2label = tags }
            close({ r.precision, r.recall, r.f1, r.accuracy }, { 0.5, 2 / 3, 0.5714285714285715, 0.75 }, 1e-12)
            close({ r.types.LOC.f1, r.types.ORG.f1, r.types.PER.f1, r.types.PER.recall }, { 2 / 3, 0, 0.8, 1 }, 1e-12)
            same(r.types.LOC.number, 3)
            local strict = metrics.seqeval { predictions = guess, label_ids = truth, id2label = tags, mode = "strict" }
            close({ strict.precision, strict.recall, strict.f1 }, { 0.75, 0.6, 2 / 3 }, 1e-12)
            -- As compute_metrics is given them: flat scores and labels, -100 where there is none.
            local scores, labels, ends = {}, {}, { 0 }
            for i, row in ipairs(truth) do
              for j = 0, #row do
                labels[#labels + 1] = row[j] or -100
                local own = {}
                for c = 0, 6 do own[c + 1] = c == (guess[i][j] or 3) and 1.5 or 0.5 end
                scores[#scores + 1] = own
              end
              ends[i + 1] = #labels
            end
            local flat = metrics.seqeval { predictions = lorawb.tensor(scores), label_ids = lorawb.tensor(labels), cu_seqlens = ends, id2label = tags }
            close({ flat.precision, flat.recall, flat.f1, flat.accuracy }, { r.precision, r.recall, r.f1, r.accuracy }, 1e-12)
            local matrix = metrics.confusion_matrix { predictions = { 0, 1, 1, 1, 2, 2, 2 }, label_ids = { 0, 2, 1, 1, 2, 0, 2 } }
            close(matrix, { { 1, 0, 1 }, { 0, 2, 0 }, { 0, 1, 2 } }, 0)
            same(metrics.confusion_matrix { predictions = { { 0.1, 0.2, 0 } }, label_ids = { 0 } }[1][2], 1)
            close(metrics.roc_auc { predictions = { 0.1, 0.4, 0.35, 0.8, 0.4, 0.4 }, label_ids = { 0, 0, 1, 1, 1, 0 } }.roc_auc, 2 / 3, 1e-12)
            close(metrics.roc_auc {
              predictions = { { 2., 1, 0 }, { 0, 1, 3 }, { 1, 1, 1 }, { 0.5, 2, 1 }, { 3, 0, 1 }, { 1, 2, 2.5 }, { 0, 0, 0 } },
              label_ids = { 0, 2, 1, 1, 0, 2, 0 } }.roc_auc, 0.9694444444444444, 1e-12)
            close(metrics.roc_auc { predictions = { { 0.2, -1 }, { 0.3, 2 }, { 1.5, 0.1 }, { -2, 0.1 } }, label_ids = { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } } }.roc_auc, 0.8125, 1e-12)
            close(metrics.r2 { predictions = { 2.5, 0.0, 2, 8 }, label_ids = { 3, -0.5, 2, 7 } }.r2, 0.9486081370449679, 1e-12)
            """)
        for (recipe, expected) in [
            (
                "metrics.f1 { predictions = { 0, 1, 2 }, label_ids = { 0, 1, 2 } }",
                "metric f1: there are 3 classes, so it needs an average: metrics.f1 { average = \"macro\" }, or \"micro\" or \"weighted\""
            ),
            (
                "metrics.seqeval { predictions = { 0, 1 }, label_ids = { 0, 1 }, id2label = { [0] = 'O', 'B-X' } }",
                "seqeval: flat label_ids need cu_seqlens, which say where sequences begin, or give a list of ids for each"
            ),
            ("metrics.seqeval { id2label = { 'B-X' } }", "option 'id2label' must name every class from 0 on"),
            ("metrics.seqeval { id2label = { [0] = 'LABEL_0' } }", "'LABEL_0' is no tag; expected O"),
            (
                "metrics.confusion_matrix { predictions = { 3 }, label_ids = { 0 }, num_labels = 2 }",
                "class 3 is outside 0 to 1"
            ),
        ] {
            let failure = bench.failure(recipe)
            #expect(failure?.contains(expected) == true, "\(failure ?? "nothing")")
        }
    }

    /// A trainer that is given seqeval evaluates as the function does on what it predicts.
    @Test("span F1 is a metric of a trainer for token classification")
    func spansOfATrainer() throws {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        try bench.run(
            """
            local tags = { [0] = "O", "B-X", "I-X" }
            local model = lorawb.load_model("\(goldens)/models/bert-bare", { task_type = "TOKEN_CLS", id2label = tags })
            local rows = {}
            for i = 1, 7 do
              local ids, labels = {}, {}
              for j = 1, 3 + i % 4 do ids[j] = 5 + i * j % 30; labels[j] = j == 1 and -100 or (i * j) % 3 end
              rows[i] = { input_ids = ids, labels = labels }
            end
            local data = lorawb.dataset(rows)
            local function trainer(metric)
              return lorawb.trainer { model = model, eval_dataset = data, compute_metrics = metric, args = { per_device_eval_batch_size = 2, save_strategy = "no" } }
            end
            local streamed = trainer(metrics.seqeval { id2label = model.config.id2label }):evaluate()
            local whole = trainer(function(p)
              return metrics.seqeval { predictions = p.predictions, label_ids = p.label_ids, cu_seqlens = p.cu_seqlens, id2label = tags }
            end):evaluate()
            for _, name in ipairs { "precision", "recall", "f1", "accuracy" } do same(streamed["eval_" .. name], whole["eval_" .. name]) end
            assert(streamed.eval_accuracy > 0 and streamed.eval_f1 == streamed.eval_f1)
            """)
    }

    @Test("texts have sacrebleu's and rouge-score's figures, given one by one or with several references")
    func texts() throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            local metrics = lorawb.metrics
            local one = { predictions = { "the cat sat on the mat" }, references = { "the cat sat on the mat" } }
            close(metrics.bleu(one), 100, 1e-9)
            close(metrics.rouge_l(one), 1, 1e-12)
            local two = { predictions = { "a b", "a c" }, references = { { "x", "a b" }, { "a d" } } }
            close(metrics.rouge_l(two), 0.75, 1e-12)
            close(metrics.rouge_l { predictions = "a b", references = "a b" }, 1, 1e-12)
            """)
        #expect(
            bench.failure("lorawb.metrics.bleu { predictions = { 'a' }, references = { 'a', 'b' } }")?.contains(
                "bleu: 1 predictions and references of 2; one entry for each is needed") == true)
    }
}
