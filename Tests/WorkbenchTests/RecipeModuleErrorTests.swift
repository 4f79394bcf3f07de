import Testing

/// What recipes are told: the line, what was wrong, what there was, what to do.
struct RecipeModuleErrorTests {
    @Test(
        "mistakes are named with what to do",
        arguments: [
            ("nn.Liner(2, 2)", "lorawb.nn has no 'Liner'; did you mean 'Linear'?"),
            ("nn.Linear(2)", "'out_features' to 'Linear' (integer expected, got no value)"),
            ("nn.Linear(0, 2)", "an integer from 1 to 2147483648 expected, got 0"),
            ("nn.Linear(2, 2, { bais = false })", "Linear: unknown option 'bais'; did you mean 'bias'?"),
            (
                "nn.Linear(2, 2, { dtype = 'bfloat16' })",
                "option 'dtype' is not supported: weights of new layers are float32"
            ),
            ("nn.Linear(1 << 40, 1 << 40)", "an integer from 1 to 2147483648 expected, got 1099511627776"),
            ("nn.Linear(1 << 31, 1 << 31)", "shape [2147483648, 2147483648] is too large"),
            ("nn.Embedding(3, 2, { padding_idx = 3 })", "option 'padding_idx' expected an integer from 0 to 2, got 3"),
            ("nn.Embedding(3, 2) { 3 }", "Embedding: id 3 is outside 0 to 2"),
            ("nn.Embedding(3, 2) { -1 }", "Embedding: id -1 is outside 0 to 2"),
            (
                "nn.Embedding(3, 2)(lorawb.ones(2))",
                "Embedding expected integers (ids from 0), got float32 of shape [2]"
            ),
            ("nn.LayerNorm(3, { eps = 0/0 })", "option 'eps' expected a number of at least 0"),
            (
                "nn.LayerNorm(3)(lorawb.ones(2, 4))",
                "LayerNorm takes 3 features in the last dimension, got shape [2, 4]"
            ),
            ("nn.Dropout(1.5)", "a number from 0 to 1 expected, got 1.5"),
            (
                "nn.Dropout(0.5)(lorawb.tensor { 1, 2 })",
                "Dropout expected float32, got int64 of shape [2]; x:to(\"float32\") converts"
            ),
            ("m(lorawb.ones(2, 3))", "'fc' (Linear) takes 4 features in the last dimension, got shape [2, 3]"),
            ("m()", "'fc' (Linear) expected lorawb.Tensor, got nil"),
            ("m.fcc", "Module has no field 'fcc'; did you mean 'fc'?"),
            ("m.fc.waight", "'fc' (Linear) has no field 'waight'; did you mean 'weight'?"),
            ("m.fc.weight:free(); m(lorawb.ones(2, 4))", "tensor was freed"),
            ("m[1]", "Module has no field 1"),
            ("nn.ModuleList { m } (1)", "ModuleList is a list and cannot be called; call its members"),
            ("nn.Sequential { a = nn.ReLU() }", "modules expected as a list, got the key 'a'; nn.module takes names"),
            ("nn.Sequential { 1 }", "entry 1 expected a module of lorawb.nn, got 1"),
            ("nn.module { fc = nn.ReLU() }", "field 'forward' expected a function(self, ...), got nil"),
            (
                "nn.module { fowrard = print }",
                "field 'forward' expected a function(self, ...), got nil; did you mean 'fowrard'?"
            ),
            (
                "nn.module { nn.ReLU() }",
                "fields expected as name = value, got a list; nn.Sequential and nn.ModuleList take lists"
            ),
            ("nn.module { train = nn.ReLU(), forward = print }", "field 'train' would hide the method of that name"),
            ("nn.module { ['a.b'] = nn.ReLU(), forward = print }", "field 'a.b' cannot be part of a dotted name"),
            (
                "nn.module { l = { nn.ReLU() }, forward = print }",
                "field 'l' is a table with modules, which would not be found; use nn.ModuleList"
            ),
            (
                "nn.module { a = m.fc, forward = print }",
                "'a' belongs to another module already; make a new one for each place"
            ),
            ("local r = nn.ReLU(); nn.module { a = r, b = r, forward = print }", "'b' is the same module as 'a'"),
            ("nn.module { a = nn.Linear(2, 2), forward = print }(1, 2)", nil),
            (
                "local l = nn.Linear(2, 2); nn.module { l = l, w = l.weight, forward = print }",
                "'l.weight' is the same tensor as 'w'"
            ),
            (
                "nn.module { w = lorawb.ones(2, { requires_grad = true }) * 2, forward = print }",
                "field 'w' is a tensor made by operations"
            ),
            (
                "local z; z = nn.module { forward = function(self, x) return self(x) end }; z(1)",
                "does a forward call itself?"
            ),
            (
                "m:add_adapter { target_modules = { 'fx' } }",
                "add_adapter: no module matches 'fx' in target_modules; did you mean 'fc'?"
            ),
            ("m:add_adapter { r = 2 }", "target_modules is needed"),
            ("m.fc:add_adapter { r = 2 }", "'fc' is a part of another module; call add_adapter of the whole"),
            (
                "m:add_adapter { target_modules = { 'fc' } } nn.Sequential { m }",
                "'0' has the adapter 'default'; add adapters to the whole once it is made"
            ),
            (
                "nn.cross_entropy(lorawb.ones(2, 3), { 0, 3 })",
                "cross_entropy: label 3 of row 2 is outside 0 to 2 of logits of shape [2, 3]"
            ),
            (
                "nn.cross_entropy(lorawb.ones(2, 3), { 0 })",
                "labels of shape [1] for logits of shape [2, 3]: [2] expected"
            ),
            ("nn.cross_entropy(lorawb.ones(2, 3), { 0, 1.5 })", "labels expected integers (ids from 0), got floats"),
            ("nn.cross_entropy(lorawb.ones(2, 3), { -100, -100 })", "the mean over no rows: every label is -100"),
            ("nn.cross_entropy(lorawb.ones(3), { 0 })", "float32 [..., classes] expected, got float32 [3]"),
            (
                "nn.cross_entropy(lorawb.ones(1, 3), { 0 }, { reduction = 'max' })",
                "expected one of 'mean', 'sum', 'none', got string 'max'"
            ),
            (
                "nn.cross_entropy(lorawb.ones(1, 3), { 0 }, { label_smoothing = 0/0 })",
                "option 'label_smoothing' expected a number from 0 to 1"
            ),
            (
                "nn.mse_loss(lorawb.ones(2, 3), { 0, 1 })",
                "target of shape [2] for input of shape [2, 3]; they must be equal, reshape one"
            ),
            ("nn.mse_loss(1, 2)", "bad argument #1 'input' to 'mse_loss' (lorawb.Tensor expected, got 1)"),
        ] as [(String, String?)])
    func modules(recipe: String, expected: String?) throws {
        let bench = try TemporaryBench()
        try bench.run("m = nn.module { fc = nn.Linear(4, 2), forward = function(self, x) return self.fc(x) end }")
        try check(bench.failure(wrapped(recipe)), expected)
    }

    @Test(
        "optimizers, schedules and metrics say what they want",
        arguments: [
            (
                "optim.AdamW(m)",
                "AdamW: parameters expected a list of tensors, got lorawb.nn.Module; pass model:parameters()"
            ),
            ("optim.AdamW(p[1])", "parameters expected a list of tensors, got lorawb.Tensor; put it into a list"),
            ("optim.AdamW { 1, 'a', {} }", "parameters[1] expected lorawb.Tensor or { name, tensor }, got 1"),
            ("optim.AdamW { p[1], p[1] }", "parameters[2] is the same tensor as parameters[1]"),
            (
                "optim.AdamW { { 'a', p[1] }, { 'a', p[2] }, { 'a (parameters[4])', lorawb.ones(1) }, { 'a', lorawb.ones(1) } }",
                "a second parameter is called"
            ),
            (
                "optim.AdamW { lorawb.ones(2) }",
                "none of the 1 tensors requires a gradient; add an adapter, or set requires_grad"
            ),
            ("optim.AdamW { lorawb.tensor { 1, 2 } }", "parameters[1] is int64 of shape [2]; parameters are float32"),
            ("optim.AdamW { p[1] * 2 }", "parameters[1] was made by operations"),
            ("optim.AdamW {}", "none of the 0 tensors requires a gradient"),
            ("optim.AdamW { params = p }", "got a table with the key 'params'; a list of groups is"),
            ("optim.AdamW { { params = p, lrr = 1 } }", "groups[1]: unknown option 'lrr'; did you mean 'lr'?"),
            ("optim.AdamW(p, { lr = 0/0 })", "option 'lr' expected a number of at least 0"),
            ("optim.AdamW(p, { lr = -1 })", "option 'lr' expected a number of at least 0, got -1"),
            ("optim.AdamW(p, { betas = { 0.9 } })", "option 'betas' expected two numbers from 0 to below 1"),
            ("optim.AdamW(p, { amsgrad = true })", "option 'amsgrad' is not supported"),
            ("optim.SGD(p, { nesterov = true })", "nesterov needs a momentum above 0"),
            ("optim.AdamW(function() return 1 end)", "the iterator gave 1, expected a name and a tensor"),
            ("o.lr = 0/0", "expected a finite number of at least 0"),
            ("o.param_groups[1].lr = 1/0", "expected a finite number of at least 0"),
            ("o.lrr = 1", "has no field 'lrr' that can be set; did you mean 'lr'?"),
            ("p[1]:free(); p[1].grad = nil; o:step()", nil),
            ("nn.mse_loss(m(lorawb.ones(1, 4)), { { 1, 1 } }):backward(); p[1]:free(); o:step()", nil),
            ("local l = nn.mse_loss(m(lorawb.ones(1, 4)) / 0, { { 1, 1 } }); l:backward(); o:step()", "is not finite"),
            ("optim.clip_grad_norm(p, -1)", "a number of at least 0 expected, got -1"),
            ("optim.clip_grad_norm(p, 0/0)", "a number of at least 0 expected, got"),
            ("optim.get_scheduler('liner', o)", "did you mean 'linear'?"),
            (
                "optim.get_linear_schedule_with_warmup(o, 2)",
                "'num_training_steps' is missing; give it after the optimizer or in the options"
            ),
            (
                "optim.get_linear_schedule_with_warmup(o, 2, -1)",
                "an integer from 0 to 9007199254740992 expected, got -1"
            ),
            ("optim.get_linear_schedule_with_warmup(p, 2, 3)", "lorawb.optim.Optimizer expected, got table"),
            (
                "optim.get_cosine_schedule_with_warmup(o, 2, 3, { num_cycle = 1 })",
                "unknown option 'num_cycle'; did you mean 'num_cycles'?"
            ),
            (
                "optim.get_scheduler('linear', o, 1, 2, { scheduler_specific_kwargs = { power = 1 } })",
                "unknown option 'power'"
            ),
            ("metrics.acuracy()", "lorawb.metrics has no 'acuracy'; did you mean 'accuracy'?"),
            ("metrics.accuracy { predictions = { 1, 2 } }", "'label_ids' is missing"),
            (
                "metrics.accuracy { predictions = { 1, 2 }, label_ids = { 1 } }",
                "label_ids of shape [1] do not fit predictions of shape [2]"
            ),
            (
                "metrics.accuracy { predictions = { -1 }, label_ids = { 1 } }",
                "predictions: -1 is no class id; they count from 0"
            ),
            (
                "metrics.accuracy { predictions = { 0.5 }, label_ids = { 1 } }",
                "scores [rows, classes] expected, or class ids (integers) as argmax gives them"
            ),
            (
                "metrics.accuracy { predictions = { { 0.5, 0.2 } }, label_ids = { 2 } }",
                "label_ids: 2 of row 1 is outside 0 to 1"
            ),
            ("metrics.accuracy { average = 'macro' }", "metric accuracy takes no average; f1, precision and recall do"),
            ("metrics.f1 { average = 'macr' }", "did you mean 'macro'?"),
            ("metrics.combine { metrics.f1, metrics.f1 }", "metric 'f1' is given twice"),
            ("metrics.combine { 'f1' }", "entry 1 expected lorawb.Metric, got string 'f1'"),
        ] as [(String, String?)])
    func training(recipe: String, expected: String?) throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            m = nn.module { fc = nn.Linear(4, 2), forward = function(self, x) return self.fc(x) end }
            p = m:parameters()
            o = optim.AdamW(p)
            """)
        try check(bench.failure(wrapped(recipe)), expected)
    }

    /// Expressions become statements.
    private func wrapped(_ recipe: String) -> String {
        ["local", "o.", ";", "} nn"].contains { recipe.contains($0) } ? recipe : "local _ = \(recipe)"
    }

    private func check(_ message: String?, _ expected: String?) throws {
        guard let expected else { return }
        let message = try #require(message, "nothing was wrong")
        #expect(message.hasPrefix("bench.lua:1: "))
        #expect(message.contains(expected), "\(message)")
    }

    @Test("a forward that frees what it works on fails, and the module lives on")
    func freeing() throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            local m = nn.module { fc = nn.Linear(4, 2), forward = function(self, x)
              local y = self.fc(x)
              x:free()
              self.fc.bias:free()
              return y
            end }
            local x = lorawb.ones(2, 4)
            local y = m(x)
            y:sum():backward()  -- The record keeps what it needs.
            same(m.fc.weight.grad.shape[1], 2)
            local ok, message = pcall(m, lorawb.ones(2, 4))
            assert(not ok and message:find "freed", message)
            local o = optim.SGD({ m.fc.weight }, { lr = 0.1 })
            o:step()
            """)
    }

    @Test("an error in a forward goes through to the recipe, and the next call begins anew")
    func raising() throws {
        try TemporaryBench().run(
            """
            local fail = true
            local m = nn.module { drop = nn.Dropout(0.5), forward = function(self, x)
              local y = self.drop(x)
              if fail then error({ code = 7 }) end
              return y
            end }
            local ok, e = pcall(m, lorawb.ones(2, 4))
            same(e.code, 7)
            fail = false
            same(m(lorawb.ones(2, 4)).shape[1], 2)
            same(coroutine.wrap(function() return m(lorawb.ones(2, 4)) end)().shape[1], 2)
            """)
    }
}
