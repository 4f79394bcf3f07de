import Testing

/// Loops that a recipe writes by hand beside the trainer, on the tiny BERT of the goldens.
struct HandLoopTests {
    private static let setup = """
        local rows = {}
        for i = 1, 22 do
          local ids = {}
          for k = 1, 3 + (i * 5) % 7 do ids[k] = 5 + (i * 13 + k * 7) % 40 end
          rows[i] = '{"input_ids": [' .. table.concat(ids, ", ") .. '], "labels": ' .. i % 3 .. "}"
        end
        lorawb.save_text("rows.jsonl", table.concat(rows, "\\n") .. "\\n")
        local data = lorawb.load_dataset("rows.jsonl")
        local function model()
          local m = lorawb.load_model(MODEL, { task_type = "SEQ_CLS", num_labels = 3 })
          m:add_adapter { r = 4, lora_alpha = 8, lora_dropout = 0.3, target_modules = { "query", "value" } }
          return m
        end

        """

    @Test("a loop written by hand gives the trainer's losses to the bit, dropout on", arguments: [1, 2, 3])
    func losses(accumulation: Int) throws {
        let bench = try TemporaryBench(seed: 5)
        let folder = bench.allowGoldens() + "/models/bert-classifier"
        try bench.run(
            "MODEL, K = '\(folder)', \(accumulation)\n" + HandLoopTests.setup + """
                local trained = model()
                local trainer = lorawb.trainer { model = trained, train_dataset = data, args = {
                  learning_rate = 1e-2, weight_decay = 0.01, per_device_train_batch_size = 4, gradient_accumulation_steps = K,
                  num_train_epochs = 2, warmup_steps = 2, logging_steps = 1, save_strategy = "no", disable_tqdm = true, seed = 5 } }
                trainer:train()
                local expected = {}
                for _, row in ipairs(trainer.state.log_history) do expected[#expected + 1] = row.loss end

                local m = model():train()
                local o = optim.AdamW(m:parameter_groups { weight_decay = 0.01 }, { lr = 1e-2 })
                local s = optim.get_linear_schedule_with_warmup(o, 2, trainer.state.max_steps)
                local losses = {}
                for epoch = 0, 1 do
                  local batches = {}
                  for batch in data:batches { batch_size = 4, shuffle = true, seed = 5, epoch = epoch } do batches[#batches + 1] = batch end
                  for first = 1, #batches, K do
                    local last, items, sum = math.min(first + K - 1, #batches), 0, 0
                    for i = first, last do items = items + #batches[i].labels end
                    for i = first, last do
                      local logits = m:forward { input_ids = batches[i].input_ids }.logits
                      local loss = nn.cross_entropy(logits, batches[i].labels, { num_items_in_batch = items })
                      loss:backward()
                      sum = sum + loss:item()
                    end
                    optim.clip_grad_norm(m:parameters(), 1)
                    o:step()
                    s:step()
                    o:zero_grad()
                    losses[#losses + 1] = sum
                  end
                end
                same(#losses, trainer.state.max_steps)
                for i, loss in ipairs(losses) do same(loss, expected[i]) end
                local weights = {}
                for name, p in trained:named_parameters() do weights[name] = p:tensor() end
                local compared = 0
                for name, p in m:named_parameters() do
                  if p.requires_grad then compared = compared + 1; assert(p:tensor() == weights[name], name) end
                end
                assert(compared >= 8, compared)
                """)
    }

    @Test("with one batch a step the model's own loss is the trainer's")
    func ownLoss() throws {
        let bench = try TemporaryBench(seed: 5)
        let folder = bench.allowGoldens() + "/models/bert-classifier"
        try bench.run(
            "MODEL = '\(folder)'\n" + HandLoopTests.setup + """
                local trainer = lorawb.trainer { model = model(), train_dataset = data, args = {
                  learning_rate = 1e-2, per_device_train_batch_size = 8, num_train_epochs = 1, logging_steps = 1,
                  lr_scheduler_type = "constant", max_grad_norm = 0, save_strategy = "no", disable_tqdm = true, seed = 5 } }
                trainer:train()
                local m = model():train()
                local o, i = optim.AdamW(m:parameters(), { lr = 1e-2, weight_decay = 0 }), 0
                for batch in data:batches { batch_size = 8, shuffle = true, seed = 5, epoch = 0 } do
                  i = i + 1
                  o:zero_grad()
                  local loss = m(batch).loss
                  loss:backward()
                  o:step()
                  same(loss:item(), trainer.state.log_history[i].loss)
                  -- What is asked in eval mode takes no rows of the step.
                  m:eval():forward { input_ids = batch.input_ids }
                  m:train()
                end
                same(i, 3)
                """)
    }

    @Test("a whole model is a part of a module of one's own, and one optimizer's step moves both on")
    func within() throws {
        let bench = try TemporaryBench(seed: 5)
        let folder = bench.allowGoldens() + "/models/bert-bare"
        try bench.run(
            "MODEL = '\(folder)'\n" + """
                local m = nn.module {
                  encoder = lorawb.load_model(MODEL), drop = nn.Dropout(0.2), head = nn.Linear(32, 2),
                  forward = function(self, ids)
                    local out, rows = self.encoder { input_ids = ids }, {}
                    for i, states in ipairs(lorawb.unpack(out.last_hidden_state, out.cu_seqlens)) do rows[i] = states:mean(1) end
                    return self.head(self.drop(lorawb.stack(rows)))
                  end,
                }
                m:add_adapter { r = 2, lora_alpha = 16, target_modules = { "query" }, modules_to_save = { "head" } }
                local o = optim.AdamW(m:named_parameters(), { lr = 1e-2 })
                local ids, labels = { { 5, 6, 7 }, { 8, 9 }, { 5, 9, 11, 12 }, { 7 } }, { 0, 1, 0, 1 }
                local first, last, seen
                for i = 1, 15 do
                  o:zero_grad()
                  local loss = nn.cross_entropy(m(ids), labels)
                  loss:backward()
                  o:step()
                  first, last = first or loss:item(), loss:item()
                end
                assert(last < first, first .. " " .. last)
                local a, b = m(ids), m(ids)
                assert(a ~= b, "rows were taken twice")
                m:eval()
                same(m(ids), m(ids))
                same(m.encoder.training, false)
                same(m:train().encoder.training, true)
                m:save_adapter("both")
                local ok, message = pcall(m.encoder.save_pretrained, m.encoder, "encoder")
                assert(message:find "'encoder' is a part of another module; call save_weights of the whole", message)
                assert(lorawb.exists("both/adapter_model.safetensors"))
                """)
    }

    @Test("a metric of lorawb.metrics gathers in the trainer what it gives by itself")
    func streaming() throws {
        let bench = try TemporaryBench(seed: 5)
        let folder = bench.allowGoldens() + "/models/bert-classifier"
        try bench.run(
            "MODEL = '\(folder)'\n" + HandLoopTests.setup + """
                local both = metrics.combine { metrics.accuracy, metrics.f1 { average = "macro" } }
                local trainer = lorawb.trainer { model = model(), eval_dataset = data, compute_metrics = both, args = { disable_tqdm = true } }
                local evaluated, predicted = trainer:evaluate(), trainer:predict(data)
                local alone = both { predictions = predicted.predictions, label_ids = predicted.label_ids }
                same(evaluated.eval_accuracy, alone.accuracy)
                same(evaluated.eval_f1, alone.f1)
                local ids = both { predictions = predicted.predictions:argmax(2), label_ids = predicted.label_ids }
                same(ids.accuracy, alone.accuracy)
                same(ids.f1, alone.f1)
                """)
    }
}
