import Testing

/// Tensors as recipes index and compute with them; values of torch 2.15.
@Suite struct TensorLuaTests {
    @Test(arguments: [
        """
        local t = lorawb.arange(12):reshape(3, 4)
        close(t[2], { 4, 5, 6, 7 }, 0); close(t[-1], { 8, 9, 10, 11 }, 0)
        same(t[2][3]:item(), 6); same(t[{ 2, 3 }]:item(), 6)
        close(t[{ {}, 2 }], { 1, 5, 9 }, 0); close(t[{ { 2, 3 }, { -2, -1 } }], { 6, 7, 10, 11 }, 0)
        close(t:range(2, 3), { 4, 5, 6, 7, 8, 9, 10, 11 }, 0); close(t:range(-2, nil, 2), { 2, 3, 6, 7, 10, 11 }, 0)
        same(t:range(1, 0).shape[1], 0)
        local rows = 0
        for i, row in ipairs(t) do rows = rows + 1; same(row:sum():item(), 16 * i - 10) end
        same(rows, 3)
        local x = lorawb.tensor({ { 1.0, 2.0 }, { 3.0, 4.0 } }, { requires_grad = true });
        (x[2] * 2 + x[{ {}, 1 }]):sum():backward()
        close(x.grad, { { 1, 0 }, { 3, 2 } })
        """,
        """
        local t = lorawb.tensor { -2.0, -0.5, 0.0, 0.5, 2.0 }
        close(t:gt(0), { 0, 0, 0, 1, 1 }, 0); close(t:le(-0.5), { 1, 1, 0, 0, 0 }, 0); close(t:eq(0), { 0, 0, 1, 0, 0 }, 0)
        close(t:sigmoid(), { 0.1192029, 0.3775407, 0.5, 0.6224593, 0.8807971 })
        close(t:abs(), { 2, 0.5, 0, 0.5, 2 }); close(t:clamp(-1, 1), { -1, -0.5, 0, 0.5, 1 }); close(t:clamp(nil, 0.25), { -2, -0.5, 0, 0.25, 0.25 })
        close(t ^ 2, { 4, 0.25, 0, 0.25, 4 }); close(2.0 ^ t, { 0.25, 0.7071068, 1, 1.4142135, 4 }); close(t:pow(3), { -8, -0.125, 0, 0.125, 8 })
        close(t:where(t:gt(0), 0), { 0, 0, 0, 0.5, 2 }); close(lorawb.where(t:gt(0), 1, -1), { -1, -1, -1, 1, 1 }, 0)
        close({ t:min():item(), t:var():item(), t:std():item(), t:var(nil, false, 0):item() }, { -2, 2.125, 1.4577380, 1.7 })
        close(t:cumsum(1), { -2, -2.5, -2.5, -2, 0 })
        local m = lorawb.tensor { { 3, 1, 2 }, { 0, 5, 4 } }
        local least, ids = m:min(2); close(least, { 1, 0 }, 0); close(ids, { 1, 0 }, 0); close(m:argmin(1), { 1, 0, 0 }, 0)
        same(m.dtype, "int64"); same((m ^ 2).dtype, "int64"); same(m:abs().dtype, "int64"); same(m:clamp(1, 3).dtype, "int64")
        close(m ^ 2, { { 9, 1, 4 }, { 0, 25, 16 } }, 0); close(m:clamp(1, 3), { { 3, 1, 2 }, { 1, 3, 3 } }, 0); close(m:cumsum(2), { { 3, 4, 6 }, { 0, 5, 9 } }, 0)
        close(m:gather(2, m:argmax(2, true)), { 3, 5 }, 0)
        same(m:unsqueeze(2).shape[2], 1); same(#m:unsqueeze(-1).shape, 3); same(#m:unsqueeze(1):squeeze().shape, 2)
        close(lorawb.tensor { { 1 }, { 2 } }:expand(-1, 3), { { 1, 1, 1 }, { 2, 2, 2 } }, 0)
        """,
        """
        -- nn's losses with weights, by torch.
        local x = lorawb.tensor { { 2.0, 1.0, 0.0 }, { 0.0, 1.0, 3.0 }, { 1.0, 1.0, 1.0 }, { 0.5, 2.0, 1.0 } }
        local y, w = { 0, 2, -100, 0 }, { 1, 2, 0.5 }
        close(nn.cross_entropy(x, y, { reduction = "none" }), { 0.4076059, 0.1698460, 0, 1.9643688 })
        close(nn.cross_entropy(x, y, { weight = w }), 0.9827591)
        close(nn.cross_entropy(x, y, { weight = w, label_smoothing = 0.1 }), 1.0931015)
        close(nn.cross_entropy(x, y, { weight = w, reduction = "sum" }), 2.4568977)
        close(nn.cross_entropy(x:reshape(2, 2, 3), { { 0, 2 }, { -100, 0 } }, { reduction = "none" })[2], { 0, 1.9643688 })
        local z, t = lorawb.tensor { { 0.5, -1.0 }, { 2.0, 0.0 } }, { { 1, 0 }, { 0, 1 } }
        close(nn.binary_cross_entropy_with_logits(z, t, { pos_weight = { 3, 0.5 } }), 1.0522486)
        close(nn.binary_cross_entropy_with_logits(z, t, { weight = { { 2 }, { 1 } } }), 1.0986881)
        close(nn.binary_cross_entropy_with_logits(z, t, { reduction = "none" }), { { 0.4740770, 0.3132618 }, { 2.1269281, 0.6931472 } })
        close(nn.mse_loss(z, t, { reduction = "none" }), { { 0.25, 1 }, { 4, 1 } })
        close(nn.mse_loss(z, t, { weight = { { 1, 2 }, { 3, 4 } } }), 1.825)
        """,
        """
        -- lorawb.losses against torch.
        local losses = require "lorawb.losses"
        local x = lorawb.tensor({ { 2.0, 1.0, 0.0 }, { 0.0, 1.0, 3.0 }, { 1.0, 1.0, 1.0 }, { 0.5, 2.0, 1.0 } }, { requires_grad = true })
        local loss = losses.focal_loss(x, { 0, 2, -100, 0 })
        close(loss, 0.500614583)
        loss:backward()
        close(x.grad, { -0.032762595, 0.023951381, 0.008811221, 0.000968658, 0.002633085, -0.003601744, 0, 0, 0, -0.347596556, 0.254113436, 0.093483105 })
        close(losses.focal_loss(x, { 0, 2, -100, 0 }, { gamma = 1.5, alpha = { 1, 2, 0.5 } }), 0.5500561)
        close(losses.focal_loss(x, { { 0, 2 }, { -100, 0 } }), 0.500614583)
        """,
    ])
    func values(recipe: String) throws { try TemporaryBench().run(recipe) }

    /// With gamma 0 the focal loss is the cross entropy, and a training by it is the trainer's own.
    @Test func focalLossTrains() throws {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        try bench.run(
            """
            local losses = require "lorawb.losses"
            local function trained(compute_loss)
              lorawb.manual_seed(1)
              local model = lorawb.load_model("\(goldens)/models/bert-bare", { task_type = "SEQ_CLS", num_labels = 3 })
              model:add_adapter { r = 2, target_modules = { "query" } }
              local data = lorawb.dataset { input_ids = { { 5, 6 }, { 7 }, { 8, 9, 10 }, { 6 } }, labels = { 0, 1, 2, 1 } }
              local trainer = lorawb.trainer { model = model, train_dataset = data, compute_loss = compute_loss,
                args = { max_steps = 2, per_device_train_batch_size = 4, learning_rate = 1e-2, logging_steps = 1, save_strategy = "no", disable_tqdm = true } }
              trainer:train()
              return trainer.state.log_history[2].loss
            end
            close(trained(losses.focal { gamma = 0 }), trained(nil), 1e-5)
            local focal = trained(losses.focal { gamma = 2, alpha = { 1, 2, 1 } })
            assert(math.abs(focal - trained(nil)) > 1e-3)
            """)
    }

    @Test(arguments: [
        ("lorawb.ones(2)[3.5]", "number 3.5 has no integer representation"),
        ("lorawb.ones(2)[0]", "position 0 is outside 1 to 2 of shape [2]"),
        ("lorawb.ones(2):sum()[1]", "a number has no positions; t:item() gives it"),
        ("lorawb.ones(2)[{ 1, 1 }]", "for each dimension of shape [2] expected"),
        ("lorawb.ones(2, 3)[{ 'a' }]", "a position, { first, last } or {} expected for a dimension, got string 'a'"),
        (
            "lorawb.ones(2, 3):gather(2, lorawb.tensor { { 3 }, { 0 } })",
            "gather: id 3 is outside 0 to 2 of dimension 2 of shape [2, 3]"
        ),
        ("lorawb.ones(2, 3):gather(2, lorawb.ones(2, 1))", "gather: ids are int64, got float32"),
        ("lorawb.ones(2, 3):expand(3, 3)", "expand: shape [2, 3] cannot be repeated to [3, 3]"),
        ("lorawb.ones(2, 3):expand(-1, 2, 3)", "expand: shape [2, 3] cannot be repeated to [-1, 2, 3]"),
        ("lorawb.ones(2):clamp()", "clamp: give min, max, or both"),
        ("lorawb.tensor { 2 } ^ -1", "integers to the power of -1; convert them with to(\"float32\")"),
        (
            "lorawb.ones(2, 3):where(lorawb.ones(2), 0)",
            "where: a condition of shape [2] does not fit values of shape [2, 3]"
        ),
        (
            "nn.cross_entropy(lorawb.ones(1, 3), { 0 }, { weight = { 1, 2 } })",
            "option 'weight' has shape [2] for logits of shape [1, 3]; give a weight for each of the 3 classes"
        ),
        (
            "nn.cross_entropy(lorawb.ones(1, 3), { 0 }, { weight = { 0, 1, 1 } })",
            "the weights of the labels add up to 0"
        ),
        (
            "nn.mse_loss(lorawb.ones(2), { 1, 1 }, { weight = { 1 } })",
            "mse_loss: input of shape [2], weight [1]; they must be equal"
        ),
        (
            "nn.mse_loss(lorawb.ones(2), { 1, 1 }, { weight = { 1, -1 } })",
            "-1.0 at [2] is no weight; they are at least 0"
        ),
        (
            "nn.binary_cross_entropy_with_logits(lorawb.ones(2, 2), lorawb.ones(2, 2), { pos_weight = { 1, 2, 3 } })",
            "pos_weight: shape [3] cannot be repeated to [2, 2]"
        ),
    ])
    func mistakes(recipe: String, expected: String) throws {
        let failure = try TemporaryBench().failure("local _ = " + recipe)
        #expect(failure?.contains(expected) == true, "\(failure ?? "nothing")")
    }
}
