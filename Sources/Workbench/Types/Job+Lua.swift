import LuaBridge
import Training

/// What recipes see of a job: the type `lorawb.Job`, which `trainer:start()` makes.
enum JobLua {
    static var type: LuaType<TrainingJob> {
        LuaType(
            "lorawb.Job", "A training that goes on between the lines of a session.",
            methods: [
                LuaMethod(
                    "pause", "Has it stand still after its last finished step; nothing is written.",
                    example: "local job = trainer:start()\njob:pause()"
                ) { job, _ in
                    try job.pause()
                    return .nothing
                },
                LuaMethod(
                    "resume", "Has it go on where it paused.",
                    example: "local job = trainer:start()\njob:pause()\njob:resume()"
                ) { job, _ in
                    try job.resume()
                    return .nothing
                },
                LuaMethod(
                    "wait",
                    "Trains in the foreground to the end, with its bar, and gives what trainer:train() gives. Ctrl-C gives the prompt back, and the job goes on between the lines.",
                    returns: "table", example: "local job = trainer:start()\nprint(job:wait().training_loss)"
                ) { job, _ in try TrainerLua.result(try job.wait()) },
                LuaMethod(
                    "stop",
                    "Ends the training where it is, as a callback's \"stop\" does: the last row of the log, the best weights, on_train_end.",
                    example: "local job = trainer:start()\njob:stop()"
                ) { job, _ in
                    try job.stop()
                    return .nothing
                },
            ],
            properties: [
                LuaProperty(
                    "state", "\"running\", \"paused\", \"finished\" or \"failed\".", type: "string"
                ) { .string($0.state.rawValue) },
                LuaProperty("step", "Optimizer steps done.", type: "integer") {
                    .integer($0.trainer.state.globalStep)
                },
                LuaProperty("max_steps", "Optimizer steps in all.", type: "integer") {
                    .integer($0.trainer.state.maxSteps)
                },
                LuaProperty("epoch", "Epochs done.", type: "number") { .number($0.trainer.state.epoch) },
                LuaProperty("loss", "Loss of the last step; nil before the first one.", type: "number?") {
                    $0.loss.map { .number($0) } ?? .nil
                },
                LuaProperty("error", "Why it failed; nil where it did not.", type: "string?") {
                    $0.failure.map { .string($0) } ?? .nil
                },
                LuaProperty("trainer", "The trainer whose steps it does.", type: "lorawb.Trainer") {
                    .object($0.box)
                },
            ],
            metamethods: [.text("Where it stands.") { $0.text }])
    }
}
