import Formats
import Testing
import Training

struct ScheduleTests {
    @Test("rates equal transformers' get_scheduler, all steps of all 66 cases")
    func golden() throws {
        let cases = try Goldens.elements(Goldens.optim()["schedules"])
        #expect(cases.count == 66)
        var kinds: Set<String> = []
        for json in cases {
            let name = try #require(json["name"]?.string)
            kinds.insert(name)
            let base = try #require(json["base_rate"]?.double)
            let options = try #require(json["options"]?.object)
            let schedule = try Schedule(
                Schedule.Kind(named: name), warmupSteps: #require(json["warmup_steps"]?.int),
                totalSteps: #require(json["total_steps"]?.int), initialLearningRate: base,
                options: Dictionary(uniqueKeysWithValues: options.map { ($0.key, $0.value.double ?? .nan) }))
            for (step, rate) in try Goldens.numbers(json["rates"]).enumerated() {
                // Both compute in double precision; 1e-12 allows for another order of operations.
                #expect(
                    abs(base * schedule.multiplier(at: step) - rate) <= 1e-12 * max(base, 1),
                    "\(name) \(options) step \(step)")
            }
        }
        #expect(kinds == Set(Schedule.Kind.allCases.map(\.rawValue)))
    }

    @Test("warm-up steps below one are a share of all steps, rounded up")
    func warmup() throws {
        var arguments = TrainingArguments()
        arguments.warmupSteps = 0.06
        #expect(arguments.warmupSteps(of: 101) == 7)
        arguments.warmupSteps = 5
        #expect(arguments.warmupSteps(of: 101) == 5)
    }

    @Test(
        "what a schedule does not take is refused",
        arguments: [
            (
                "polynomial", ["lr_end": 1.0],
                "lr_scheduler_kwargs: lr_end is 1.0; expected less than the learning rate 0.001"
            ),
            (
                "cosine", ["num_cycle": 1.0],
                "lr_scheduler_kwargs: 'cosine' takes no 'num_cycle'; did you mean 'num_cycles'?"
            ),
            ("linear", ["power": 1.0], "lr_scheduler_kwargs: 'linear' takes no 'power'"),
            ("inverse_sqrt", ["timescale": 0.0], "lr_scheduler_kwargs: timescale is 0.0; expected a number above 0"),
            ("cosin", [:], "lr_scheduler_type 'cosin' is not supported; did you mean 'cosine'?"),
        ])
    func refusals(name: String, options: [String: Double], message: String) {
        #expect(throws: TrainingError(message)) {
            _ = try Schedule(
                Schedule.Kind(named: name), warmupSteps: 0, totalSteps: 10, initialLearningRate: 1e-3, options: options)
        }
    }
}
