import Testing

/// Layers and losses of `lorawb.nn` against figures of torch 2.9 (float32, six digits), with weights given to both.
struct LayerTests {
    @Test(
        "layers give torch's outputs and gradients",
        arguments: [
            """
            local m, x = nn.Linear(3, 2), input()
            m:load_state_dict { weight = { { 0.32, 0.13, 0.14 }, { 0.24, 1.4, 1.35 } }, bias = { 2.44, 0.2 } }
            local y = m(x)
            close(y, { { 2.6277, 2.5525 }, { 2.1799, 1.0981 } })
            weigh(y):backward()
            close(x.grad, { { 0.08, 0.293, 0.284 }, { 0.192, 0.599, 0.582 } })
            close(m.weight.grad, { { -0.348, 0.586, -0.172 }, { -0.474, 0.834, -0.166 } })
            close(m.bias.grad, { 0.4, 0.6 })
            """,
            """
            local m, x = nn.LayerNorm(3), input()
            m:load_state_dict { weight = { 2.45, 2.03, 1.78 }, bias = { -0.92, -0.46, -0.72 } }
            local y = m(x)
            close(y, { { -4.353216, 0.627666, 0.820619 }, { -2.860072, 2.403671, -1.821481 } })
            weigh(y):backward()
            close(x.grad, { { 0.014698, -0.101142, 0.086443 }, { -0.033307, -0.00284, 0.036147 } })
            close(m.weight.grad, { -0.456878, 0.812497, -0.111631 })
            close(m.bias.grad, { 0.5, 0.7, 0.9 })
            """,
            """
            local m, x = nn.RMSNorm(3), input()
            m:load_state_dict { weight = { 1.28, -0.99, 1.81 } }
            local y = m(x)
            close(y, { { -0.267191, -1.088386, 2.392889 }, { -1.113962, -1.311774, -1.263007 } })
            weigh(y):backward()
            close(x.grad, { { 0.223974, -0.516998, 0.46529 }, { -0.021455, 0.25575, 0.512397 } })
            close(m.weight.grad, { -0.368987, 0.882388, -0.022065 })
            """,
            """
            local m = nn.Embedding(4, 2, { padding_idx = 1 })
            close(m.weight:select(1, 2), { 0, 0 })
            m:load_state_dict { weight = { { 0.28, 0.13 }, { 0.33, -0.08 }, { -0.92, -1.89 }, { 1.01, -0.69 } } }
            local y = m { { 0, 1 }, { 3, 3 } }
            close(y, { { { 0.28, 0.13 }, { 0.33, -0.08 } }, { { 1.01, -0.69 }, { 1.01, -0.69 } } })
            weigh(y):backward()
            close(m.weight.grad, { { 0.1, 0.2 }, { 0, 0 }, { 0, 0 }, { 1.2, 1.4 } })
            same(m(lorawb.tensor { { 0, 1 }, { 3, 3 } }), y)
            """,
            """
            local m, x = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2), nn.Tanh()), input()
            m:load_state_dict {
              ["0.weight"] = { { 0.91, 1.06, -1.68 }, { -0.15, -1.79, -1.42 }, { -1.14, -1.39, -0.27 }, { -0.77, -0.13, -1.18 } },
              ["0.bias"] = { 0.31, -0.39, 0.83, -0.82 },
              ["2.weight"] = { { -0.08, 0.18, 0.83, 0.87 }, { -0.16, -0.97, -0.4, -0.12 } }, ["2.bias"] = { 2.42, -0.32 },
            }
            local y = m(x)
            close(y, { { 0.979343, -0.229637 }, { 0.992737, -0.645483 } })
            weigh(y):backward()
            close(x.grad, { { 0.015017, 0.017399, 0.004437 }, { 0.031214, -0.011959, 0.079172 } })
            close(m[3].weight.grad, { { 0.010508, -0.000214, -0.000552, 0.002818 }, { 0.569657, -0.01144, -0.025785, 0.152996 } })
            close(m[1].bias.grad, { -0.041399, 0.021137, -0.060506, -0.023505 })
            """,
            """
            close(nn.ReLU()(input()), { { 0, 0.79, 0.95 }, { 0, 1.69, 0 } })
            close(nn.GELU()(input()), { { -0.066057, 0.620337, 0.787497 }, { -0.148184, 1.613081, -0.166192 } })
            close(nn.GELU { approximate = "tanh" }(input()), { { -0.066058, 0.620256, 0.787362 }, { -0.148374, 1.612943, -0.166306 } })
            close(nn.SiLU()(input()), { { -0.069386, 0.543387, 0.685059 }, { -0.275137, 1.426739, -0.259088 } })
            close(nn.Tanh()(input()), { { -0.148885, 0.658409, 0.739783 }, { -0.804062, 0.934147, -0.711394 } })
            """,
        ])
    func layers(recipe: String) throws { try TemporaryBench().run(recipe) }

    private static let z =
        "local z = lorawb.tensor({ { -3.27, 0.26, -0.01 }, { 1.18, -1.52, 0.24 }, { -1.19, 0.2, 1.95 }, "
        + "{ -0.48, 1.49, -1.44 } }, { requires_grad = true })\n"

    @Test(
        "losses give torch's values and gradients",
        arguments: [
            """
            local labels = { 2, -100, 0, 1 }
            local loss = nn.cross_entropy(z, labels)
            close(loss, 1.4555)
            loss:backward()
            close(z.grad, { { 0.005449, 0.185941, -0.19139 }, { 0, 0, 0 }, { -0.321479, 0.047594, 0.273885 }, { 0.03897, -0.053891, 0.014921 } })
            close(nn.cross_entropy(z, lorawb.tensor(labels), { reduction = "sum" }), 4.366498)
            close(nn.cross_entropy(z, labels, { label_smoothing = 0.1 }), 1.492833)
            close(nn.cross_entropy(z, { 2, 1, 0, 1 }, { ignore_index = 1 }), (3 * 1.4555 - nn.cross_entropy(z:narrow(1, 4, 1), { 1 }):item()) / 2, 1e-5)
            -- Micro-batches divided by what the step holds add up to the whole.
            local parts = nn.cross_entropy(z:narrow(1, 1, 2), { 2, -100 }, { num_items_in_batch = 3 })
              + nn.cross_entropy(z:narrow(1, 3, 2), { 0, 1 }, { num_items_in_batch = 3 })
            close(parts, 1.4555)
            close(nn.cross_entropy(z:reshape(2, 2, 3), { { 2, -100 }, { 0, 1 } }), 1.4555)
            """,
            """
            local t = { { 1, 0, 1 }, { 0, 0, 1 }, { 1, 1, 0 }, { 0.5, 0, 0 } }
            local loss = nn.mse_loss(z, t)
            close(loss, 3.174475)
            loss:backward()
            close(z.grad, { { -0.711667, 0.043333, -0.168333 }, { 0.196667, -0.253333, -0.126667 }, { -0.365, -0.133333, 0.325 }, { -0.163333, 0.248333, -0.24 } })
            close(nn.mse_loss(z, lorawb.tensor(t), { reduction = "sum" }), 38.0937)
            """,
            """
            local t = { { 1, 0, 1 }, { 0, 0, 1 }, { 1, 1, 0 }, { 0.5, 0, 0 } }
            local loss = nn.binary_cross_entropy_with_logits(z, t)
            close(loss, 1.152285)
            loss:backward()
            close(z.grad, { { -0.080282, 0.047053, -0.041875 }, { 0.063746, 0.014955, -0.036691 }, { -0.063895, -0.037514, 0.072954 }, { -0.009812, 0.068007, 0.015962 } })
            close(nn.binary_cross_entropy_with_logits(z, t, { reduction = "sum" }), 13.827425)
            """,
        ])
    func losses(recipe: String) throws { try TemporaryBench().run(LayerTests.z + recipe) }

    @Test("new weights start as torch's do, follow from the seed, and differ from layer to layer")
    func beginnings() throws {
        let bench = try TemporaryBench(seed: 7)
        try bench.run(
            """
            local a, b = nn.Linear(16, 400), nn.Linear(16, 400)
            assert(a.weight ~= b.weight)
            local bound, sum = 0, 0
            for _, row in ipairs(a.weight:tolist()) do
              for _, v in ipairs(row) do bound = math.max(bound, math.abs(v)); sum = sum + v * v end
            end
            -- U(-1/4, 1/4): variance 1/48; 6400 numbers give it to a few per cent.
            assert(bound <= 0.25 and bound > 0.24, bound)
            close(sum / 6400, 1 / 48, 1e-3)
            assert(a.bias:max():item() <= 0.25 and a.weight.requires_grad)
            close(nn.LayerNorm(3).weight, { 1, 1, 1 })
            same(#nn.Linear(2, 2, { bias = false }):parameters(), 1)
            lorawb.manual_seed(7)
            same(nn.Linear(16, 400).weight, a.weight)
            lorawb.manual_seed(8)
            assert(nn.Linear(16, 400).weight ~= a.weight)
            """)
    }

    @Test("any rank goes through a layer whose last dimension fits")
    func ranks() throws {
        try TemporaryBench().run(
            """
            local m = nn.Linear(3, 2)
            local x = lorawb.randn(2, 4, 3)
            close(m(x):reshape(8, 2), m(x:reshape(8, 3)))
            close(m(x:select(1, 1):select(1, 1)), m(x):select(1, 1):select(1, 1))
            same(#m(lorawb.zeros(0, 3)), 0)
            """)
    }
}
