import Testing

/// `lorawb.metrics` against scikit-learn 1.7 and scipy 1.16.
struct LuaMetricTests {
    @Test(
        "metrics give scikit-learn's numbers for ids, scores and numbers",
        arguments: [
            """
            local r = metrics.combine { metrics.accuracy, metrics.f1, metrics.precision, metrics.recall { average = "micro" }, metrics.matthews_correlation }
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
            close(metrics.f1 { predictions = p, label_ids = l }.f1, 0.7111111111111111, 1e-12)
            close(metrics.f1 { predictions = { 5, 7, 7, 7 }, label_ids = { 5, 7, 5, 7 } }.f1, (2 / 3 + 4 / 5) / 2, 1e-12)
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
