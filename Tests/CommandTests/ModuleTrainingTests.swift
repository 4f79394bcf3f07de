import Foundation
import Testing

/// A trainer of a module that a recipe made with lorawb.nn: against a loop by hand, evaluated, saved, gone on with.
struct ModuleTrainingTests {
    /// Rows of three features and three classes, a module with dropout, and its loss.
    private static let head = """
        local nn = lorawb.nn
        local rows = {}
        for i = 1, 22 do rows[i] = { x = { math.sin(i), math.cos(3 * i), i / 22 }, labels = i % 3, name = "row " .. i } end
        local data = lorawb.dataset(rows)
        local function make(p)
          lorawb.manual_seed(5)
          return nn.module {
            hidden = nn.Linear(3, 8), drop = nn.Dropout(p or 0.2), out = nn.Linear(8, 3),
            forward = function(self, x) return self.out(self.drop(self.hidden(x):tanh())) end,
          }
        end
        local function compute_loss(net, inputs)
          local logits = net(inputs.x)
          return nn.cross_entropy(logits, inputs.labels), logits
        end
        local function train(net, more)
          local args = { learning_rate = 1e-2, per_device_train_batch_size = 4, num_train_epochs = 3, max_grad_norm = 0, seed = 5, logging_steps = 1 }
          for name, value in pairs(more or {}) do args[name] = value end
          return lorawb.trainer {
            model = net, train_dataset = data, eval_dataset = data, compute_loss = compute_loss,
            compute_metrics = lorawb.metrics.accuracy, args = args,
          }
        end
        local function difference(a, b)
          local most = 0
          for name, tensor in pairs(a) do most = math.max(most, (tensor - b[name]):relu():max():item(), (b[name] - tensor):relu():max():item()) end
          return most
        end

        """

    /// Runs a recipe that begins with the rows, the module and its loss.
    private func run(_ lines: String, in place: Place? = nil, _ words: String...) throws -> Outcome {
        let place = try place ?? Place()
        try place.put("r.lua", "local lorawb = require \"lorawb\"\n" + Self.head + lines)
        return try Running([Running.program, "run", "r.lua"] + words, cwd: place.path).wait()
    }

    @Test func equalsALoopByHand() throws {
        for loss in ["nn.module", "Sequential"] {
            let other =
                loss == "nn.module"
                ? ""
                : "make = function(p) lorawb.manual_seed(5) return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(p or 0.2), nn.Linear(8, 3)) end\n"
            let outcome = try run(
                other + """
                    local net = make()
                    train(net, { save_strategy = "no" }):train()
                    local twin = make()
                    local optimizer = lorawb.optim.AdamW(twin:parameters(), { lr = 1e-2, weight_decay = 0 })
                    local schedule = lorawb.optim.get_linear_schedule_with_warmup(optimizer, 0, 18)
                    local first
                    for epoch = 0, 2 do
                      for batch in data:batches { batch_size = 4, shuffle = true, seed = 5, epoch = epoch } do
                        local loss = nn.cross_entropy(twin(lorawb.tensor(batch.x)), batch.labels)
                        optimizer:zero_grad()
                        loss:backward()
                        optimizer:step()
                        schedule:step()
                        first = first or loss:item()
                      end
                    end
                    print("apart", difference(net:state_dict(), twin:state_dict()), difference(net:state_dict(), make():state_dict()) > 0.01)
                    """)
            #expect(outcome.code == 0, "\(outcome)")
            // The same operations in the same order, and the same numbers dropped.
            #expect(outcome.out.contains("apart\t0\ttrue\n"), "\(loss) \(outcome)")
        }
    }

    @Test func accumulationAndEvaluation() throws {
        let outcome = try run(
            """
            local whole, parts = make(), make()
            train(whole, { save_strategy = "no" }):train()
            train(parts, { save_strategy = "no", per_device_train_batch_size = 2, gradient_accumulation_steps = 2 }):train()
            print("apart", difference(whole:state_dict(), parts:state_dict()) < 1e-5)
            local trainer = train(whole, { save_strategy = "no", per_device_eval_batch_size = 5 })
            local result = trainer:evaluate()
            whole:eval()
            local x = {}
            for i = 1, #data do x[i] = data[i].x end
            local logits = whole(lorawb.tensor(x))
            local labels = lorawb.tensor(data.labels)
            local loss = nn.cross_entropy(logits, labels):item()
            print("loss", math.abs(result.eval_loss - loss) < 1e-6, math.abs(result.eval_accuracy - logits:argmax(2):eq(labels):mean():item()) < 1e-6)
            local predicted = trainer:predict(data)
            print("scores", (predicted.predictions - logits):relu():max():item() < 1e-6, predicted.predictions.shape[1], predicted.metrics.test_loss == result.eval_loss)
            whole:train()
            trainer:evaluate()
            print("flag", whole.training, whole.drop.training)
            """)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.out.hasSuffix("apart\ttrue\nloss\ttrue\ttrue\nscores\ttrue\t22\ttrue\nflag\ttrue\ttrue\n"),
            "\(outcome)")
    }

    @Test func goesOnFromItsStateDict() throws {
        let place = try Place()
        let recipe = """
            local net = make()
            local trainer = train(net, { save_steps = 4, eval_strategy = "steps", eval_steps = 4, load_best_model_at_end = false })
            local count = 0
            while trainer:step() do
              count = count + 1
              if count == 7 and lorawb.exists("crash") then error "boom" end
            end
            trainer:save_model(lorawb.run_dir .. "/saved")
            local other = make()
            other:load_weights(lorawb.run_dir .. "/saved/model.safetensors")
            print("same", difference(net:state_dict(), other:state_dict()), difference(net:state_dict(), lorawb.load_safetensors(lorawb.run_dir .. "/saved/model.safetensors")))
            """
        let whole = try run(recipe, in: place)
        #expect(whole.code == 0 && whole.out.contains("same\t0\t0\n"), "\(whole)")
        try place.put("crash", "")
        #expect(try run(recipe, in: place, "--run-dir", "cut").code == 1)
        try place.remove("crash")
        let resumed = try run(recipe, in: place, "--resume", "cut")
        #expect(
            resumed.code == 0 && resumed.out.contains("resuming from \(place.path)/cut/checkpoint-4\n"), "\(resumed)")
        let files = place.files("cut/checkpoint-4")
        #expect(
            Set(files) == [
                "model.safetensors", "optimizer.safetensors", "resume.json", "trainable.safetensors",
                "trainer_state.json",
            ], "\(files)")
        #expect(try place.data("cut/saved/model.safetensors") == place.data("runs/r-1/saved/model.safetensors"))
        // A column that only the loss reads is the run's too.
        try place.put(
            "r.lua",
            "local lorawb = require \"lorawb\"\n" + Self.head.replacing("math.cos(3 * i)", with: "math.cos(4 * i)")
                + recipe)
        let other = try lorawb("run", "r.lua", "--resume", "cut", "--edited", cwd: place.path)
        #expect(other.code == 1 && other.line.contains("the run was made with another train_dataset"), "\(other)")
    }

    @Test func aModuleWithAModelInIt() throws {
        let place = try Place.training()
        let outcome = try place.run(
            """
            local nn = lorawb.nn
            local tokenizer = lorawb.load_tokenizer("tiny")
            local data = lorawb.load_dataset("data/train.tsv"):map(function(r) return { input_ids = tokenizer:encode(r.sentence), labels = r.label + 0.5 } end)
            lorawb.manual_seed(1)
            local net = nn.module {
              encoder = lorawb.load_model("tiny"), head = nn.Linear(32, 1),
              forward = function(self, ids)
                local out = self.encoder { input_ids = ids }
                local parts = lorawb.unpack(out.last_hidden_state or out.hidden_states[#out.hidden_states], out.cu_seqlens)
                local firsts = {}
                for i, part in ipairs(parts) do firsts[i] = part:narrow(1, 1, 1) end
                return self.head(lorawb.cat(firsts, 1))
              end,
            }
            net:add_adapter { r = 2, target_modules = { "query" }, modules_to_save = { "head" } }
            local trainer = lorawb.trainer {
              model = net, train_dataset = data, args = { max_steps = 6, learning_rate = 1e-2, save_steps = 3, logging_steps = 1 },
              compute_loss = function(net, inputs) return nn.mse_loss(net(inputs.input_ids):reshape(#inputs.input_ids), inputs.labels) end,
            }
            trainer:train()
            local log = trainer.state.log_history
            print("falls", log[6].loss < log[1].loss)
            """)
        #expect(outcome.code == 0 && outcome.out.hasSuffix("falls\ttrue\n"), "\(outcome)")
        let files = place.files("runs/r-1/checkpoint-6")
        #expect(
            Set(files).isSuperset(of: ["adapter_config.json", "adapter_model.safetensors", "model.safetensors"]),
            "\(files)")
    }

    @Test func columnsBecomeTensors() throws {
        let outcome = try run(
            """
            local odd = lorawb.dataset {
              { a = 1, b = 0.5, c = true, d = { 1, 2 }, e = { { 0.5, 1 }, { 2, 3 } }, f = { 1 }, g = "x", input_ids = { 4, 5 } },
              { a = 2, b = 1, c = false, d = { 3, 4 }, e = { { 0, 1 }, { 2, 3 } }, f = { 1, 2 }, g = "y", input_ids = { 6, 7 } },
            }
            local net = nn.Sequential(nn.Linear(1, 1))
            local function shown(v) return type(v) == "table" and "list" or v.dtype .. " " .. table.concat(v.shape, "x") end
            lorawb.trainer {
              model = net, train_dataset = odd, args = { max_steps = 1, per_device_train_batch_size = 2, save_strategy = "no" },
              compute_loss = function(net, inputs)
                for _, name in ipairs { "a", "b", "c", "d", "e", "f", "g", "input_ids" } do print(name, shown(inputs[name])) end
                return net(inputs.b:reshape(2, 1)):sum()
              end,
            }:train()
            """)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.out.contains(
                "a\tint64 2\nb\tfloat32 2\nc\tint64 2\nd\tint64 2x2\ne\tfloat32 2x2x2\nf\tlist\ng\tlist\ninput_ids\tlist\n"
            ),
            "\(outcome)")
    }

    @Test func whatCannotBe() throws {
        for (lines, message) in [
            (
                "lorawb.trainer { model = make(), train_dataset = data }",
                "a module of one's own has no loss; give compute_loss"
            ),
            ("train(make(), { freeze_dropout = true }):train()", "freeze_dropout: a module of one's own has no layers"),
            (
                "train(make(), { train_sampling_strategy = \"group_by_length\" }):train()",
                "needs a column 'input_ids' or 'length'"
            ),
            ("train(make().hidden)", "is a part of another module"),
            ("train(make(), { max_tokens_per_batch = 8 })", "needs a column 'input_ids' of train_dataset"),
        ] {
            let outcome = try run(lines)
            #expect(outcome.code == 1 && outcome.err.contains(message), "\(outcome)")
        }
    }

    @Test func tablesOfTensorsOnDisk() throws {
        let place = try Place()
        let outcome = try run(
            """
            local net = make()
            lorawb.save_safetensors("net.safetensors", net:state_dict(), { metadata = { epoch = "3" } })
            lorawb.save_safetensors("more.safetensors", { ids = lorawb.tensor { 1, 2, 3 }, list = { { 0.5, 1.5 } } })
            local more = lorawb.load_safetensors("more.safetensors")
            print(more.ids.dtype, more.ids:tolist()[3], more.list.shape[2], more.list:tolist()[1][2])
            local other = make()
            other:load_state_dict(lorawb.load_safetensors("net.safetensors"))
            print(difference(net:state_dict(), other:state_dict()))
            for name, parameter in net:named_parameters() do lorawb.save_safetensors("one.safetensors", { [name] = parameter }) break end
            """, in: place, "--allow-write", ".")
        #expect(outcome.code == 0 && outcome.out == "int64\t3\t2\t1.5\n0\n", "\(outcome)")
        // The bytes that the safetensors package (0.8) writes for torch's tensors: made by save_file({"ids": …, "list": …}, metadata={"format": "pt"}).
        let header =
            "{\"__metadata__\":{\"format\":\"pt\"},\"ids\":{\"dtype\":\"I64\",\"shape\":[3],\"data_offsets\":[0,24]},\"list\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[24,32]}}"
        let bytes = [UInt8](try place.data("more.safetensors"))
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(Array(bytes[8..<8 + padded.utf8.count]) == Array(padded.utf8))
        #expect(
            bytes.suffix(32) == [
                1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 63, 0, 0, 192, 63,
            ])
        for (lines, message) in [
            ("lorawb.save_safetensors('x.safetensors', { 1 })", "{ name = tensor } expected, got a list"),
            (
                "lorawb.save_safetensors('x.safetensors', { a = 'b' })",
                "'a' expected lorawb.Tensor or nested lists, got string 'b'"
            ),
            (
                "lorawb.save_safetensors('x.safetensors', { a = lorawb.tensor { 0.0 } / 0 })",
                "'a' holds a number that is not finite; nothing was written"
            ),
            ("lorawb.save_safetensors('x.safetensors', { a = t }, { metadata = { 1 } })", "got a list"),
            ("lorawb.load_safetensors('r.lua')", "r.lua"),
        ] {
            let refused = try run("local t = lorawb.ones(2)\n" + lines, in: place, "--allow-write", ".")
            #expect(refused.code == 1 && refused.err.contains(message), "\(refused)")
            #expect(!place.exists("x.safetensors"))
        }
    }
}
