import LuaBridge
import Options
import Training

/// A learning rate schedule as an object that recipes hold.
final class SchedulerBox {
    let scheduler: Scheduler
    let optimizer: OptimizerBox

    init(_ optimizer: OptimizerBox, _ schedule: Schedule) throws {
        try optimizer.beginSchedule()
        self.optimizer = optimizer
        scheduler = Scheduler(optimizer.optimizer, schedule)
    }
}

/// The schedules of `lorawb.optim`, by transformers' names.
enum ScheduleLua {
    private static let optimizer = LuaParameter(
        "optimizer", .object("lorawb.optim.Optimizer"), "Whose learning rates are set.")
    private static let warmup = Option(
        "num_warmup_steps", .integer(.total), "Steps over which the rate rises from 0.", example: "10")
    private static let total = Option(
        "num_training_steps", .integer(.total), "Steps of the whole training.", example: "100")
    private static let numbers: [Schedule.Kind: [Option]] = [
        .cosine: [
            Option(
                "num_cycles", .number(.atLeastZero), default: .words("0.5: down to 0"), "Waves of the cosine.",
                example: "1")
        ],
        .cosineWithRestarts: [Option("num_cycles", .number(.atLeastZero), default: 1, "Number of restarts.")],
        .polynomial: [
            Option("lr_end", .number(.atLeastZero), default: 1e-7, "Rate at the end."),
            Option("power", .number, default: 1, "Power of the polynomial."),
        ],
        .inverseSqrt: [
            Option(
                "timescale", .number(.aboveZero), default: .words("the warm-up's, or 10000"), "Steps of one unit.",
                example: "1000")
        ],
    ]

    private static func steps(_ kind: Schedule.Kind) -> [Option] {
        switch kind {
        case .constant: []
        case .constantWithWarmup, .inverseSqrt: [warmup]
        default: [warmup, total]
        }
    }

    static var functions: [LuaFunctionDeclaration] {
        [
            schedule("get_constant_schedule", "Keeps the learning rate.", .constant),
            schedule(
                "get_constant_schedule_with_warmup", "Raises the learning rate from 0, then keeps it.",
                .constantWithWarmup),
            schedule(
                "get_linear_schedule_with_warmup", "Raises the learning rate from 0, then lowers it to 0 along a line.",
                .linear),
            schedule(
                "get_cosine_schedule_with_warmup", "Raises the learning rate from 0, then lowers it along a cosine.",
                .cosine),
            schedule(
                "get_cosine_with_hard_restarts_schedule_with_warmup", "As cosine, beginning anew num_cycles times.",
                .cosineWithRestarts),
            schedule(
                "get_polynomial_decay_schedule_with_warmup",
                "Raises the learning rate from 0, then lowers it to lr_end by a polynomial.",
                .polynomial),
            schedule(
                "get_inverse_sqrt_schedule", "Raises the learning rate from 0, then lowers it as 1 / √step.",
                .inverseSqrt),
            byName,
        ]
    }

    private static func schedule(_ name: String, _ doc: String, _ kind: Schedule.Kind) -> LuaFunctionDeclaration {
        let steps = steps(kind)
        let declared = OptionTable(steps + (numbers[kind] ?? []))
        return LuaFunctionDeclaration(
            name, doc + " Step counts stand alone or in the options.",
            parameters: [optimizer]
                + steps.map {
                    LuaParameter($0.name, .either([$0.type, .table]), optional: true, $0.doc)
                } + [
                    LuaParameter("options", declared)
                ],
            returns: "lorawb.optim.Scheduler",
            example:
                "local scheduler = lorawb.optim.\(name)(\((["optimizer"] + zip(steps, ["10", "100"]).map(\.1)).joined(separator: ", ")))"
        ) { call in
            try make(kind, try call.object(1, as: OptimizerBox.self, "optimizer"), call, from: 2, steps, declared)
        }
    }

    private static var byName: LuaFunctionDeclaration {
        let declared = OptionTable([
            warmup, total,
            Option(
                "scheduler_specific_kwargs", .table,
                "Options of the schedule itself: num_cycles, lr_end, power, timescale.", example: "{ num_cycles = 2 }"),
        ])
        return LuaFunctionDeclaration(
            "get_scheduler", "The schedule of a name: \"linear\", \"cosine\", \"constant\", ...",
            parameters: [
                LuaParameter("name", .oneOf(Schedule.Kind.allCases.map(\.rawValue)), "Its name."),
                optimizer,
                LuaParameter("num_warmup_steps", .either([warmup.type, .table]), optional: true, warmup.doc),
                LuaParameter("num_training_steps", .either([total.type, .table]), optional: true, total.doc),
                LuaParameter("options", declared),
            ], returns: "lorawb.optim.Scheduler",
            example: "local scheduler = lorawb.optim.get_scheduler(\"linear\", optimizer, 10, 100)"
        ) { call in
            let kind = try call.string(1, "name", oneOf: Schedule.Kind.allCases.map(\.rawValue))
            let box = try call.object(2, as: OptimizerBox.self, "optimizer")
            return try make(try Schedule.Kind(named: kind), box, call, from: 3, [warmup, total], declared)
        }
    }

    /// Step counts from `position` on, an option table after them or instead of them.
    private static func make(
        _ kind: Schedule.Kind, _ box: OptimizerBox, _ call: borrowing LuaCall, from position: Int, _ steps: [Option],
        _ declared: OptionTable
    ) throws -> LuaReturn {
        var given: [String: Int] = [:]
        var next = position
        for step in steps where next <= call.count && !call.isTable(next) {
            if !call.isNil(next) { given[step.name] = try call.integer(next, step.name) }
            next += 1
        }
        let options = try call.options(next, declared)
        if next < call.count { throw call.argumentError(next + 1, nil, "unexpected argument") }
        let needed = self.steps(kind).map(\.name)
        for step in steps {
            if let value = options.optionalInteger(step.name) {
                guard given.updateValue(value, forKey: step.name) == nil else {
                    throw LuaFault("'\(step.name)' is given twice")
                }
            }
            guard given[step.name] != nil || !needed.contains(step.name) else {
                throw LuaFault("'\(step.name)' is missing; give it after the optimizer or in the options")
            }
        }
        var kwargs: [String: Double] = [:]
        let declaredNumbers = OptionTable(numbers[kind] ?? [])
        let own = try options.table("scheduler_specific_kwargs").map { try LuaOptions($0, declaredNumbers) } ?? options
        for option in declaredNumbers.options { kwargs[option.name] = own.optionalNumber(option.name) }
        let schedule = try Schedule(
            kind, warmupSteps: given["num_warmup_steps"] ?? 0, totalSteps: given["num_training_steps"] ?? 0,
            initialLearningRate: box.learningRate, options: kwargs)
        return .object(try SchedulerBox(box, schedule))
    }

    static var type: LuaType<SchedulerBox> {
        LuaType(
            "lorawb.optim.Scheduler", "Sets an optimizer's learning rates by a schedule.",
            methods: [
                LuaMethod(
                    "step", "Sets the learning rates of the next update; call it after optimizer:step().",
                    example:
                        "local scheduler = lorawb.optim.get_constant_schedule(optimizer)\noptimizer:step()\nscheduler:step()"
                ) {
                    box, _ in
                    box.scheduler.step()
                    return .nothing
                },
                LuaMethod(
                    "get_last_lr", "The present learning rate of each group.", returns: "number[]",
                    example: "print(lorawb.optim.get_constant_schedule(optimizer):get_last_lr()[1])"
                ) { box, _ in
                    .value(.numbers(box.optimizer.optimizer.groups.map(\.learningRate)))
                },
            ],
            metamethods: [
                .text("Kind and step.") { box in
                    "Scheduler(\(box.scheduler.schedule.kind.rawValue), step \(box.scheduler.lastStep), lr = \(box.scheduler.learningRate))"
                }
            ])
    }
}
