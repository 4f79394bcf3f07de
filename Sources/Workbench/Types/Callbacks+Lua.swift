import LuaBridge
import Training

/// Something a recipe gives as compute_metrics that gathers batch by batch.
protocol StreamingMetrics: AnyObject {
    /// New metrics, in the order in which they are reported.
    func makeMetrics() throws -> [any Metric]
}

/// Calls the functions of a recipe's `callbacks` table.
final class LuaCallbacks: TrainerCallback {
    private var functions: [String: LuaFunction]

    init(_ functions: [String: LuaFunction]) { self.functions = functions }

    /// Forgets the function of an event.
    func remove(_ event: String) { functions[event] = nil }

    func handle(_ event: TrainerEvent, _ trainer: Trainer) throws {
        guard let function = functions[event.name] else { return }
        var arguments: [LuaValue] = [.object(TrainerStateBox(trainer)), .object(ControlBox(trainer))]
        switch event {
        case .log(let row): arguments += try LuaRows.log([row])
        case .evaluate(let row), .predict(let row): arguments.append(try LuaRows.table(row, "the metrics"))
        case .save(let name): arguments.append(.string(name))
        default: break
        }
        if try stopping({ try function.call(arguments) }).first?.asString == "stop" {
            trainer.control.shouldTrainingStop = true
        }
    }
}

/// Why the session is to stop; nil where it is not.
func pendingStop() -> Interruption? {
    LuaInterrupt.pending.map { Interruption($0.rawValue) }
}

/// Calls a recipe's function; where Ctrl-C or the time limit ended it, the trainer stops as between steps.
func stopping<Result>(_ call: () throws -> Result) throws -> Result {
    do { return try call() } catch { throw pendingStop() ?? error }
}
