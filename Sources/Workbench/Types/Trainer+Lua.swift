import Formats
import LuaBridge
import Options
import Tensors
import Training

/// What recipes see of training: the type `lorawb.Trainer` and `lorawb.trainer`.
enum TrainerLua {
    /// What a training gave, for Lua.
    static func result(_ output: TrainOutput) throws -> LuaReturn {
        .fields(
            "the result",
            [
                "global_step": .integer(output.globalStep), "training_loss": .number(output.trainingLoss),
                "metrics": try LuaRows.table(output.metrics, "the metrics"),
            ])
    }

    private static let dataset = LuaParameter(
        "dataset", .either([.object("lorawb.Dataset"), .table]), default: .words("eval_dataset"),
        "The rows, or several sets of them by name.")
    private static let trainOptions = OptionTable([
        Option(
            "resume_from_checkpoint", .boolean, default: false,
            "Whether to go on from the newest checkpoint of output_dir.")
    ])

    static var type: LuaType<TrainerBox> {
        LuaType(
            "lorawb.Trainer", "Trains a model, one optimizer step at a time.",
            methods: [
                LuaMethod(
                    "train",
                    "Trains to the end, or goes on where it stopped: { global_step =, training_loss =, metrics = }.",
                    parameters: [LuaParameter("options", trainOptions)], returns: "table",
                    example: "local result = trainer:train()\nprint(result.training_loss)"
                ) { box, call in
                    let resume = try call.options(1, trainOptions).boolean("resume_from_checkpoint")
                    try box.planIfAsked()
                    let output = try box.training {
                        try box.resumeIfAsked(always: resume)
                        return try box.trainer.train()
                    }
                    return try result(output)
                },
                LuaMethod(
                    "step", "Does one optimizer step with all that follows it; false when the training is over.",
                    returns: "boolean", example: "while trainer:step() do end"
                ) { box, _ in
                    try box.planIfAsked()
                    return .boolean(
                        try box.training {
                            try box.resumeIfAsked()
                            return try box.trainer.step()
                        })
                },
                LuaMethod(
                    "start",
                    "Trains between the lines of a session: gives a job, which can be asked, paused and waited for. In a recipe, which has no lines, job:wait() does all the work.",
                    returns: "lorawb.Job", example: "local job = trainer:start()\nprint(job:wait().training_loss)"
                ) { box, _ in .object(try box.start()) },
                LuaMethod(
                    "change",
                    "Changes arguments from the next step on. The schedule goes on at its step with the new learning rate; the change is a row of the log.",
                    parameters: [
                        LuaParameter("args", .options(TrainingArguments.changeOptions), "The arguments that change.")
                    ],
                    example: "trainer:change { learning_rate = 1e-4 }"
                ) { box, call in
                    for line in try box.trainer.change(try call.options(1, TrainingArguments.changeOptions)) {
                        box.report(line)
                    }
                    return .nothing
                },
                LuaMethod(
                    "add_callback", "Adds functions that are called at the training's events, behind those there are.",
                    parameters: [
                        LuaParameter("callbacks", .options(callbackOptions), "Functions by event; and lorawb.samples.")
                    ],
                    example: "trainer:add_callback { on_log = function(state, control, row) print(row.loss) end }"
                ) { box, call in
                    box.trainer.callbacks += try callbacks(try call.table(1, "callbacks"), box.model)
                    return .nothing
                },
                LuaMethod(
                    "remove_callback", "Takes away all functions of an event.",
                    parameters: [
                        LuaParameter("event", .oneOf(TrainerEvent.documentation.map(\.name)), "The event.")
                    ], example: "trainer:remove_callback(\"on_log\")"
                ) { box, call in
                    let event = try call.string(1, "event")
                    for callback in box.trainer.callbacks { (callback as? LuaCallbacks)?.remove(event) }
                    return .nothing
                },
                LuaMethod(
                    "evaluate", "Evaluates rows: eval_loss, eval_<metric>, eval_runtime and more.",
                    parameters: [dataset], returns: "table", example: "print(trainer:evaluate().eval_loss)"
                ) { box, call in
                    let sets = try EvalSetsLua.sets(call.isNil(1) ? .nil : try call.value(1)).map { name, rows in
                        (name: name, dataset: try box.prepared(DatasetBox(rows)))
                    }
                    let named = sets.compactMap { set in set.name.map { (name: $0, dataset: set.dataset) } }
                    return .value(
                        try LuaRows.table(
                            try box.training {
                                named.isEmpty
                                    ? try box.trainer.evaluate(sets.first?.dataset)
                                    : try box.trainer.evaluate(named)
                            }, "the evaluation"))
                },
                LuaMethod(
                    "predict",
                    "Scores of rows: { predictions =, label_ids =, cu_seqlens =, metrics =, rows = }. predictions are the logits [rows, labels], of a model for tokens [tokens, labels] with cu_seqlens where each row begins; rows has what they say of each row: { label =, label_id =, score =, scores = } as model:classify gives it, of several labels also labels with all above a half, of a model for tokens a list with { label =, label_id =, score = } for each token. Of a model for question answering predictions are [tokens, 2] and rows is nil.",
                    parameters: [LuaParameter("dataset", .object("lorawb.Dataset"), "The rows.")], returns: "table",
                    example: "print(trainer:predict(rows).predictions:argmax(2))"
                ) { box, call in
                    let rows = try call.object(1, as: DatasetBox.self, "dataset")
                    let (predictions, metrics) = try box.training { try box.trainer.predict(box.prepared(rows)) }
                    var fields = try TrainerLua.fields(predictions)
                    let model = (box.model as? ModelBox)?.model
                    fields["rows"] = model.flatMap { PredictedRows(predictions, $0) }.map { .list($0.values) } ?? .nil
                    fields["metrics"] = try LuaRows.table(metrics, "the metrics")
                    return .fields("the predictions", fields)
                },
                LuaMethod(
                    "save_model",
                    "Writes every adapter, or the whole model where there is none, and the tokenizer that the trainer has; of a module of lorawb.nn its state dict, model.safetensors.",
                    parameters: [LuaParameter("path", .string, "The folder.")], example: "trainer:save_model(\"saved\")"
                ) { box, call in
                    try box.model.context.permissions.saving(try call.string(1, "path")) { try box.save(to: $0) }
                    return .nothing
                },
            ],
            properties: [
                LuaProperty("state", "Where the training stands.", type: "lorawb.TrainerState") {
                    .object(TrainerStateBox($0.trainer))
                },
                LuaProperty("model", "The model or module.", type: "lorawb.Model|lorawb.nn.Module") {
                    .object($0.model)
                },
                LuaProperty("args", "The arguments in use.", type: "table") {
                    try LuaRows.table(
                        $0.trainer.arguments.entries, "args",
                        .frozen(
                            instead:
                                "lorawb.trainer is given args when it makes the trainer, and trainer:change { learning_rate = 1e-4 } changes what may change later"
                        ))
                },
            ],
            metamethods: [
                .text("The step it is at, and what it trains.") { $0.text }
            ])
    }
}
