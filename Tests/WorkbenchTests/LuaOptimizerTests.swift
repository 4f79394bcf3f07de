import Testing

/// `lorawb.optim` against torch 2.9 and transformers 5: four steps on Σ a² · (1, 2, 3) + (i + 1) · Σ (b − 1)².
struct LuaOptimizerTests {
    private static let loop = """
        local a = lorawb.tensor({ 1.0, -2.0, 3.0 }, { requires_grad = true })
        local b = lorawb.tensor({ { 0.5, -0.5 } }, { requires_grad = true })
        local function train(o, after)
          for i = 1, 4 do
            o:zero_grad()
            local loss = (a * a * lorawb.tensor { 1.0, 2.0, 3.0 }):sum() + ((b - 1) * (b - 1)):sum() * i
            loss:backward()
            if after then after(o) end
            o:step()
          end
        end

        """

    @Test(
        "optimizers give torch's numbers",
        arguments: [
            """
            train(optim.AdamW({ a, b }, { lr = 0.1, weight_decay = 0.05, betas = { 0.8, 0.95 }, eps = 1e-6 }))
            close(a, { 0.589056, -1.56581, 2.545079 })
            close(b, { { 0.887592, -0.095574 } })
            """,
            """
            local o = optim.AdamW({ { params = { { "a", a } }, lr = 0.2 }, { params = { b }, weight_decay = 0 } }, { lr = 0.1, weight_decay = 0.5 })
            local s, norms = optim.get_linear_schedule_with_warmup(o, 2, 6), {}
            close(s:get_last_lr(), { 0, 0 })
            for i = 1, 4 do
              o:zero_grad()
              local loss = (a * a * lorawb.tensor { 1.0, 2.0, 3.0 }):sum() + ((b - 1) * (b - 1)):sum() * i
              loss:backward()
              norms[i] = optim.clip_grad_norm({ a, b }, 1)
              o:step()
              s:step()
            end
            close(a, { 0.379571, -1.16695, 1.956934 })
            close(b, { { 0.718631, -0.283343 } })
            close(norms, { 20.049938, 20.784609, 20.253428, 18.593245 })
            close(s:get_last_lr(), { 0.1, 0.05 })
            close(o.lr, 0.1)
            """,
            """
            train(optim.SGD({ a, b }, { lr = 0.01, momentum = 0.9, nesterov = true, weight_decay = 0.1 }))
            close(a, { 0.759776, -1.114651, 1.136633 })
            close(b, { { 0.727882, 0.203671 } })
            """,
            """
            train(optim.SGD({ a, b }, { lr = 0.01, momentum = 0.9, dampening = 0.5 }))
            close(a, { 0.877394, -1.51857, 1.936803 })
            close(b, { { 0.605412, -0.183764 } })
            """,
        ])
    func optimizers(recipe: String) throws { try TemporaryBench().run(LuaOptimizerTests.loop + recipe) }

    @Test(
        "schedules give transformers' rates",
        arguments: [
            ("optim.get_linear_schedule_with_warmup(o, 2, 6)", "{ 0, 0.05, 0.1, 0.075, 0.05, 0.025, 0, 0 }"),
            (
                "optim.get_linear_schedule_with_warmup(o, { num_warmup_steps = 2, num_training_steps = 6 })",
                "{ 0, 0.05, 0.1, 0.075, 0.05, 0.025, 0, 0 }"
            ),
            (
                "optim.get_cosine_schedule_with_warmup(o, 2, 6)",
                "{ 0, 0.05, 0.1, 0.085355, 0.05, 0.014645, 0, 0.014645 }"
            ),
            (
                "optim.get_cosine_with_hard_restarts_schedule_with_warmup(o, 1, 6, { num_cycles = 2 })",
                "{ 0, 0.1, 0.065451, 0.009549, 0.090451, 0.034549, 0, 0 }"
            ),
            (
                "optim.get_polynomial_decay_schedule_with_warmup(o, 1, 6, { lr_end = 0.01, power = 2 })",
                "{ 0, 0.1, 0.0676, 0.0424, 0.0244, 0.0136, 0.01, 0.01 }"
            ),
            (
                "optim.get_inverse_sqrt_schedule(o, 2)",
                "{ 0, 0.05, 0.1, 0.08165, 0.070711, 0.063246, 0.057735, 0.053452 }"
            ),
            ("optim.get_scheduler('constant_with_warmup', o, 2)", "{ 0, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 }"),
            (
                "optim.get_scheduler('cosine', o, 2, 6, { scheduler_specific_kwargs = { num_cycles = 0.5 } })",
                "{ 0, 0.05, 0.1, 0.085355, 0.05, 0.014645, 0, 0.014645 }"
            ),
            ("optim.get_constant_schedule(o)", "{ 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 }"),
        ])
    func schedules(schedule: String, rates: String) throws {
        try TemporaryBench().run(
            """
            local o = optim.SGD({ lorawb.ones(1, { requires_grad = true }) }, { lr = 0.5 })
            o.lr = 0.1  -- A schedule multiplies the rates that it finds.
            local s, rates = \(schedule), {}
            for i = 1, 8 do rates[i] = s:get_last_lr()[1]; o:step(); s:step() end
            close(rates, \(rates))
            """)
    }

    @Test("rates and decays of groups can be read and set")
    func groups() throws {
        try TemporaryBench().run(
            """
            local m = nn.module { fc = nn.Linear(2, 2), norm = nn.LayerNorm(2), forward = function(self, x) return self.norm(self.fc(x)) end }
            local o = optim.AdamW(m:parameter_groups { weight_decay = 0.1 }, { lr = 1e-2 })
            same(#o.param_groups, 2)
            same(table.concat(o.param_groups[1].names, " "), "fc.weight")
            same(table.concat(o.param_groups[2].names, " "), "fc.bias norm.weight norm.bias")
            same(o.param_groups[1].weight_decay, 0.1)
            same(o.param_groups[2].weight_decay, 0)
            o.param_groups[2].lr = 0.5
            same(o.lr, 0.01)
            same(o.param_groups[2].lr, 0.5)
            o.lr = 0.25
            same(o.param_groups[2].lr, 0.25)
            same(#optim.AdamW(m:named_parameters()).param_groups[1].params, 4)
            """)
    }
}
