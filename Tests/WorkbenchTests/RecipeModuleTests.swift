import Testing

/// Modules of one's own: names, adapters, dropout, and what they refuse.
struct RecipeModuleTests {
    private static let net = """
        function net()
          return nn.module {
            fc1 = nn.Linear(4, 8), act = nn.ReLU(), drop = nn.Dropout(0.5), body = nn.Sequential { nn.Linear(8, 8), nn.Tanh() },
            head = nn.module { out = nn.Linear(8, 2), forward = function(self, h) return self.out(h) end },
            scale = lorawb.ones(8, { requires_grad = true }), width = 8,
            twice = function(self, h) return h + h end,
            forward = function(self, x) return self.head(self:twice(self.body(self.drop(self.act(self.fc1(x))) * self.scale))) end,
          }
        end

        """

    private func run(_ recipe: String) throws { try TemporaryBench().run(RecipeModuleTests.net + recipe) }

    @Test("parts and parameters have dotted names, and forward runs with self")
    func names() throws {
        try run(
            """
            local m, names = net(), {}
            for name, p in m:named_parameters() do names[#names + 1] = name; assert(p.requires_grad) end
            same(table.concat(names, " "), "scale body.0.weight body.0.bias fc1.weight fc1.bias head.out.weight head.out.bias")
            names = {}
            for name, part in m:named_modules() do names[#names + 1] = name .. ":" .. part.kind end
            same(table.concat(names, " "), ":Module act:ReLU body:Sequential body.0:Linear body.1:Tanh drop:Dropout fc1:Linear head:Module head.out:Linear")
            same(#m:parameters(), 7)
            same(m.width, 8)
            same(#m.body, 2)
            same(m.body[1], m.body["0"])
            same(m.head.out.weight.shape[1], 2)
            same(m(lorawb.randn(3, 4)).shape[2], 2)
            same(m:eval():forward(lorawb.ones(3, 4)), m(lorawb.ones(3, 4)))
            local list = nn.ModuleList { nn.Linear(2, 2), nn.Linear(2, 3) }
            local count = 0
            for i, layer in ipairs(list) do count = count + layer.weight.shape[1] end
            same(count, 5)
            """)
    }

    @Test("an adapter counts, trains alone, is saved and comes back")
    func adapters() throws {
        try run(
            """
            local m = net()
            m:add_adapter { r = 2, lora_alpha = 4, target_modules = { "fc1", "out" } }
            local trainable, all = m:get_nb_trainable_parameters()
            same(trainable, 2 * (4 + 8) + 2 * (8 + 2))
            same(all, trainable + 4 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2 + 8)
            m:eval()
            local x, labels = lorawb.randn(6, 4), { 0, 1, 0, 1, 0, 1 }
            local before, plain = m:state_dict(), m(x)
            local o = optim.AdamW(m:named_parameters(), { lr = 0.05 })
            local first, last
            for i = 1, 20 do
              o:zero_grad()
              local loss = nn.cross_entropy(m(x), labels)
              loss:backward()
              o:step()
              first, last = first or loss:item(), loss:item()
            end
            assert(last < 0.9 * first, first .. " " .. last)
            for name, tensor in pairs(m:state_dict()) do
              same(tensor == before[name], not name:find "lora")
            end
            local trained = m(x)
            assert(trained ~= plain)
            m:save_adapter("adapter")
            m:merge_adapter()
            close(m(x), trained, 1e-5)
            m:unmerge_adapter()
            same(m(x), trained)
            m:disable_adapters()
            same(m(x), plain)
            m:enable_adapters()
            m:delete_adapter("default")
            same(m(x), plain)
            m:load_adapter("adapter")
            same(m(x), trained)
            local config = lorawb.read_json("adapter/adapter_config.json")
            same(config.peft_type, "LORA")
            same(config.r, 2)
            """)
    }

    @Test("all weights are saved and come back, and other shapes are refused")
    func weights() throws {
        try run(
            """
            local a, b = net():eval(), net():eval()
            local x = lorawb.randn(3, 4)
            assert(a(x) ~= b(x))
            a:save_weights("net.safetensors")
            b:load_weights("net.safetensors")
            same(a(x), b(x))
            local ok, message = pcall(nn.Linear(4, 8).load_weights, nn.Linear(4, 8), "net.safetensors")
            assert(message:find "net.safetensors: 'body.0.bias' is no parameter of this module", message)
            ok, message = pcall(nn.Linear(2, 2).load_state_dict, nn.Linear(2, 2), { weight = { 1, 2 }, bias = { 1, 2 } })
            assert(message:find "'weight' has shape %[2%], the module's has %[2, 2%]", message)
            """)
    }

    @Test("masks follow from step, row and place: not from accumulation, shape or what was called before")
    func masks() throws {
        try run(
            """
            local function drops(seed)
              lorawb.manual_seed(seed)
              local m = nn.module { fc = nn.Linear(3, 3), a = nn.Dropout(0.5), b = nn.Dropout(0.5),
                forward = function(self, x) return lorawb.cat({ self.a(x), self.b(x), self.a(x) }, 2) end }
              return m, optim.SGD(m:parameters(), { lr = 0 })
            end
            local x = lorawb.ones(8, 6)
            local m, o = drops(1)
            local whole = m(x)
            assert(whole:narrow(2, 1, 6) ~= whole:narrow(2, 7, 6), "two layers draw one mask")
            assert(whole:narrow(2, 1, 6) ~= whole:narrow(2, 13, 6), "two uses of a layer draw one mask")
            local kept = whole:gt(0):to("float32"):mean():item()
            assert(kept > 0.35 and kept < 0.65, kept)
            assert(whole:max():item() == 2)
            -- Two micro-batches take the rows one after the other.
            m, o = drops(1)
            same(lorawb.cat { m(x:narrow(1, 1, 3)), m(x:narrow(1, 4, 5)) }, whole)
            -- The next step draws anew, and a new run the same again.
            o:step()
            local second = m(x)
            assert(second ~= whole)
            m, o = drops(1)
            o:step()
            same(m(x), second)
            m, o = drops(2)
            assert(m(x) ~= whole)
            same(m:eval()(x), lorawb.ones(8, 18))
            -- Positions keep their numbers when they are laid out otherwise.
            local function shaped(flat)
              lorawb.manual_seed(3)
              local d = nn.module { drop = nn.Dropout(0.5),
                forward = function(self, x) return flat and self.drop(x:reshape(8, 3)):reshape(4, 2, 3) or self.drop(x) end }
              return d(lorawb.ones(4, 2, 3))
            end
            same(shaped(true), shaped(false))
            -- Two layers that stand alone differ, and eval of a part concerns it alone.
            assert(nn.Dropout(0.5)(x) ~= nn.Dropout(0.5)(x))
            m, o = drops(1)
            m.a:eval()
            same(m(x):narrow(2, 1, 6), x)
            assert(m(x):narrow(2, 7, 6) ~= x and m.training and not m.a.training)
            """)
    }

    @Test("a frozen weight of a layer is not trained and requires_grad of its tensor counts")
    func frozen() throws {
        try run(
            """
            local m = net()
            m.fc1.weight.requires_grad = false
            local trained = 0
            for name, p in m:named_parameters() do if p.requires_grad then trained = trained + 1 end end
            same(trained, 6)
            same(#m:parameters(), 6)
            local before = m.fc1.weight:clone()
            local o = optim.SGD(m:parameters(), { lr = 1 })
            nn.mse_loss(m(lorawb.randn(2, 4)), { { 1, 1 }, { 1, 1 } }):backward()
            o:step()
            same(m.fc1.weight, before)
            """)
    }
}
