/// What a call needs beyond what the types of its parameters say, so that odd numbers meet a call that is right but for them.
extension EveryCall {
    /// Arguments by what is called; `o` is the object.
    static let right: [String: [String]] = [
        "lorawb.Tensor:permute": ["{ 2, 1 }"],
        "lorawb.Tensor:matmul": ["o:transpose(1, 2)"],
        "lorawb.Tensor:to": ["\"int64\""],
        "lorawb.unpack": ["lorawb.ones { 2, 3 }", "{ 0, 1, 2 }"],
        "lorawb.nn.binary_cross_entropy_with_logits": ["lorawb.ones { 2, 3 }", "lorawb.ones { 2, 3 }"],
        "lorawb.nn.mse_loss": ["lorawb.ones { 2, 3 }", "lorawb.ones { 2, 3 }"],
        "lorawb.nn.cross_entropy": ["lorawb.ones { 2, 3 }", "lorawb.tensor { 0, 1 }"],
        "lorawb.nn.module": ["{ a = lorawb.nn.Linear(3, 2), forward = function(self, x) return self.a(x) end }"],
        "lorawb.nn.Module:forward": ["lorawb.ones { 2, 3 }"],
        "lorawb.nn.Module __call": ["lorawb.ones { 2, 3 }"],
        "lorawb.nn.Module:load_state_dict": ["o:state_dict()"],
        "lorawb.nn.Module:save_weights": ["lorawb.run_dir .. \"/w.safetensors\""],
        "lorawb.nn.Module:load_weights": ["weights(o)"],
        "lorawb.Metric __call": ["{ predictions = { { 0.1, 0.2 } }, label_ids = { 1 } }"],
        "lorawb.metrics.combine": ["{ lorawb.metrics.accuracy }"],
        "lorawb.optim.AdamW": ["make[\"lorawb.nn.Module\"]():parameters()", "{ lr = 0.1 }"],
        "lorawb.optim.SGD": ["make[\"lorawb.nn.Module\"]():parameters()", "{ lr = 0.1 }"],
        "lorawb.Tokenizer __call": ["\"a good film\""],
        "lorawb.Tokenizer:encode_batch": ["{ \"a\", \"good film\" }"],
        "lorawb.Tokenizer:apply_chat_template": [
            "{ { role = \"user\", content = \"a\" } }", "{ chat_template = \"{{ messages[0].content }}\" }",
        ],
        "lorawb.optim.clip_grad_norm": ["make[\"lorawb.nn.Module\"]():parameters()", "1"],
        "lorawb.optim.clip_grad_norm_": ["make[\"lorawb.nn.Module\"]():parameters()", "1"],
        "lorawb.Trainer:predict": ["make[\"rows\"]()"],
        "lorawb.Trainer:change": ["{ learning_rate = 1e-4 }"],
        "lorawb.Trainer:add_callback": ["{ on_log = print }"], "lorawb.Trainer:remove_callback": ["\"on_log\""],
        "lorawb.Trainer:save_model": ["lorawb.run_dir .. \"/trained\""],
        ":sort": ["\"label\""], ":select_columns": ["\"label\""], ":remove_columns": ["\"label\""],
        ":rename_columns": ["{ label = \"labels\" }"],
        ":flat_map": ["function(row) return { { part = 1 }, { part = 2 } } end"],
        "lorawb.Dataset:save": ["lorawb.run_dir .. \"/d.csv\""],
        "lorawb.concatenate": ["{ make[\"rows\"](), make[\"rows\"]() }"],
        "lorawb.Tensor:gather": ["2", "lorawb.tensor { { 0 }, { 1 } }"],
        "lorawb.dataset": ["{ { a = 1 }, { a = 2 } }"],
        "lorawb.answer_features": [
            "lorawb.dataset { { question = \"a\", context = \"good film\" } }",
            "{ tokenizer = make[\"lorawb.Tokenizer\"]() }",
        ],
        "lorawb.Model:answer": [
            "{ question = \"a\", context = \"good film\" }", "{ tokenizer = make[\"lorawb.Tokenizer\"]() }",
        ],
        "lorawb.show": ["make[\"rows\"]()", "1", "{ tokenizer = make[\"lorawb.Tokenizer\"]() }"],
        "lorawb.read_text": ["\"d.tsv\""], "lorawb.read_json": ["\"tiny/config.json\""],
        "lorawb.load_safetensors": ["tensors()"],
        "lorawb.save_safetensors": ["lorawb.run_dir .. \"/t.safetensors\"", "{ t = lorawb.ones { 2 } }"],
        "lorawb.save_text": ["lorawb.run_dir .. \"/t.txt\"", "\"x\""],
        "lorawb.save_json": ["lorawb.run_dir .. \"/t.json\"", "{ 1 }"],
        ":delete_adapter": ["\"default\""], ":set_adapter": ["\"default\""],
        ":save_adapter": ["lorawb.run_dir .. \"/adapter\""], ":load_adapter": ["saved(o)", "\"again\""],
        ":save_pretrained": ["lorawb.run_dir .. \"/whole\""],
        ":add_weighted_adapter": ["{ \"default\" }", "{ 1 }", "\"new\""],
    ]

    /// Options that a call cannot do without, by what is called.
    static let needed: [String: [(key: String, value: String)]] = [
        "lorawb.metrics.bleu": [("predictions", "{ \"a b\" }"), ("references", "{ { \"a\", \"b\" } }")],
        "lorawb.metrics.rouge_l": [("predictions", "{ \"a b\" }"), ("references", "{ { \"a\", \"b\" } }")],
        "lorawb.metrics.seqeval": [
            ("id2label", "{ [0] = \"O\", \"B-A\", \"I-A\" }"), ("predictions", "{ { 0, 1, 2 } }"),
            ("label_ids", "{ { 0, 1, 1 } }"),
        ],
        "lorawb.metrics.confusion_matrix": [("predictions", "{ 0, 1 }"), ("label_ids", "{ 1, 1 }")],
        "lorawb.Model:add_adapter": [("target_modules", "{ \"query\" }"), ("r", "2")],
        "lorawb.nn.Module:add_adapter": [("target_modules", "{ \"a\" }"), ("r", "2")],
        "lorawb.Model:forward": [("input_ids", "{ { 1, 2 }, { 3 } }")],
        "lorawb.Model __call": [("input_ids", "{ { 1, 2 }, { 3 } }")],
        "lorawb.Model:classify": [("tokenizer", "make[\"lorawb.Tokenizer\"]()")],
        "lorawb.Model:generate": [("input_ids", "{ 1, 2 }"), ("max_new_tokens", "3")],
        "lorawb.Model:score": [("tokenizer", "make[\"lorawb.Tokenizer\"]()")],
        "lorawb.samples": [("input_ids", "{ 1, 2 }")], "lorawb.show": [("tokenizer", "make[\"lorawb.Tokenizer\"]()")],
        "lorawb.trainer": [
            ("model", "make[\"lorawb.Model\"]()"), ("train_dataset", "make[\"rows\"]()"), ("args", "{ max_steps = 1 }"),
        ],
    ]

    /// The object of a call, where it is not the usual one of its type.
    static let objects: [String: String] = [
        "lorawb.Tensor:item": "lorawb.ones { 1 }",
        "lorawb.Tensor:backward": "(lorawb.ones({ 2 }, { requires_grad = true }) * 2):sum()",
        "lorawb.Tensor:matmul": "lorawb.ones { 2, 3 }",
        "lorawb.Model:add_adapter": "bare()",
        "lorawb.Model:answer": "reader()", "lorawb.Model:generate": "language()", "lorawb.Model:score": "language()",
        "lorawb.Model:add_weighted_adapter":
            "(function() local m = lorawb.load_model(\"tiny\") m:add_adapter { r = 2, target_modules = { \"query\" } } return m end)()",
        "lorawb.nn.Module:add_adapter": "layers()",
        "lorawb.Model:unmerge_adapter": "merged(make[\"lorawb.Model\"]())",
        "lorawb.nn.Module:unmerge_adapter": "merged(make[\"lorawb.nn.Module\"]())",
        "lorawb.nn.Module __len": "lorawb.nn.Sequential(lorawb.nn.Linear(3, 2))",
    ]

    /// What a table gives for a path, or for the method's name of any type.
    static func found<T>(_ table: [String: T], _ path: String) -> T? {
        table[path] ?? path.firstIndex(of: ":").flatMap { table[String(path[$0...])] }
    }

    /// Objects of every type, and what is done with a result.
    static let preamble = """
        local lorawb = require "lorawb"
        local make = {}
        local function rows() return lorawb.load_dataset("rows.jsonl") end
        local function bare() return lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 }) end
        local function reader() return lorawb.load_model("tiny", { task_type = "QUESTION_ANS" }) end
        local function language() return lorawb.load_model("tiny-lm", { task_type = "CAUSAL_LM" }) end
        local function layers()
          return lorawb.nn.module { a = lorawb.nn.Linear(3, 2), forward = function(self, x) return self.a(x) end }
        end
        local function merged(o) o:merge_adapter() return o end
        local function saved(o)
          o:save_adapter(lorawb.run_dir .. "/saved")
          return lorawb.run_dir .. "/saved"
        end
        local function tensors()
          lorawb.save_safetensors(lorawb.run_dir .. "/read.safetensors", { t = lorawb.ones { 2 } })
          return lorawb.run_dir .. "/read.safetensors"
        end
        local function weights(o)
          o:save_weights(lorawb.run_dir .. "/saved.safetensors")
          return lorawb.run_dir .. "/saved.safetensors"
        end
        make["lorawb.Model"] = function()
          local model = bare()
          model:add_adapter { r = 2, target_modules = { "query" } }
          return model
        end
        local function train(args)
          return lorawb.trainer { model = make["lorawb.Model"](), train_dataset = rows(), eval_dataset = rows(), args = args }
        end
        make["rows"] = rows
        make["lorawb.Tensor"] = function() return lorawb.tensor { { 1, 2, 3 }, { 4, 5, 6 } } end
        make["lorawb.Tokenizer"] = function() return lorawb.load_tokenizer("tiny") end
        make["lorawb.Dataset"] = function() return lorawb.load_dataset("d.tsv") end
        make["lorawb.DatasetDict"] = function() return make["lorawb.Dataset"]():train_test_split { test_size = 0.5 } end
        make["lorawb.nn.Module"] = function()
          local module = layers()
          module:add_adapter { r = 2, target_modules = { "a" } }
          return module
        end
        make["lorawb.Module"] = function()
          for name, module in make["lorawb.Model"]():named_modules() do if name ~= "" then return module end end
        end
        make["lorawb.Parameter"] = function() for _, p in make["lorawb.nn.Module"]():named_parameters() do return p end end
        make["lorawb.optim.Optimizer"] = function() return lorawb.optim.AdamW(layers():parameters(), { lr = 0.1 }) end
        make["lorawb.optim.ParamGroup"] = function() return make["lorawb.optim.Optimizer"]().param_groups[1] end
        make["lorawb.optim.Scheduler"] = function()
          return lorawb.optim.get_scheduler("linear", make["lorawb.optim.Optimizer"](), { num_warmup_steps = 1, num_training_steps = 9 })
        end
        make["lorawb.Metric"] = function() return lorawb.metrics.accuracy end
        make["lorawb.Trainer"] = function()
          return train { max_steps = 1, per_device_train_batch_size = 2, save_strategy = "no", disable_tqdm = true }
        end
        make["lorawb.Job"] = function()
          local job = make["lorawb.Trainer"]():start()
          job:pause()
          return job
        end
        make["lorawb.Samples"] = function() return lorawb.samples { input_ids = { 1, 2 } } end
        make["lorawb.TrainerState"] = function() return make["lorawb.Trainer"]().state end
        local control
        make["lorawb.TrainerControl"] = function()
          if not control then
            lorawb.trainer {
              model = make["lorawb.Model"](), train_dataset = rows(), args = { max_steps = 1, save_strategy = "no", disable_tqdm = true },
              callbacks = { on_train_begin = function(_, c) control = c end },
            }:step()
          end
          return control
        end
        local function use(value)
          pcall(tostring, value)
          pcall(function() return #value end)
          if type(value) == "function" then for _ = 1, 3 do pcall(value) end end
          if type(value) ~= "userdata" then return end
          pcall(function() return value:sum():item() end)
          pcall(function() return value:softmax(2), value:tolist() end)
          pcall(function() return value(lorawb.ones { 2, 3 }) end)
          pcall(function() return value(lorawb.ones { 2, 2 }) end)
          pcall(function() return value(lorawb.tensor({ 0, 1 }, { dtype = "int64" })) end)
          pcall(function() return value(nil) end)
          pcall(function() return value[1] end)
          pcall(function() value:step() end)
        end
        local function case(number, body)
          print(number)
          local results = table.pack(pcall(body))
          if results[1] then print("result") end
          if results[1] then for i = 2, math.min(results.n, 4) do use(results[i]) end end
        end

        """
}
