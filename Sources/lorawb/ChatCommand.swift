import ArgumentParser
import Workbench

/// `lorawb chat MODEL [--adapter DIR] [--system TEXT]`.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Converses with a model on the terminal, by its own chat template.",
        discussion: """
            Answers are the most probable ones, unless --temperature, --top-k, --top-p or --min-p has tokens drawn. Ctrl-C stops an answer, Ctrl-D ends; /help \
            shows the commands. What is piped in is answered line by line.
            """)

    @OptionGroup var host: HostOptions

    @Argument(help: "The model: a folder, a .gguf file, or a name in the Hugging Face cache.")
    var model: String

    @Option(name: .long, help: "Folder of an adapter.")
    var adapter: String?

    @Option(name: .long, parsing: .unconditional, help: "What the model is told before the conversation.")
    var system: String?

    @Option(name: .long, parsing: .unconditional, help: "Most tokens of an answer.")
    var maxNewTokens = 512

    @Option(name: .long, parsing: .unconditional, help: "What logits are divided by before tokens are drawn.")
    var temperature: Double?

    @Option(name: .long, parsing: .unconditional, help: "How many of the most probable tokens are drawn from.")
    var topK: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "The most probable tokens that reach this probability are drawn from.")
    var topP: Double?

    @Option(
        name: .long, parsing: .unconditional,
        help: "Tokens of at least this share of the greatest probability are drawn from.")
    var minP: Double?

    @Option(name: .long, parsing: .unconditional, help: "What logits of tokens that came before are divided by.")
    var repetitionPenalty: Double?

    func validate() throws {
        let ranges: [(name: String, value: Double?, range: ClosedRange<Double>)] = [
            ("max-new-tokens", Double(maxNewTokens), 1...1e9), ("temperature", temperature, 1e-6...1e6),
            ("top-k", topK.map(Double.init), 0...1e9), ("top-p", topP, 0...1), ("min-p", minP, 0...1),
            ("repetition-penalty", repetitionPenalty, 1e-6...1e6),
        ]
        for (name, value, range) in ranges {
            if let value, !range.contains(value) {
                throw ValidationError(
                    "--\(name) expects a number from \(range.lowerBound) to \(range.upperBound), got \(value)")
            }
        }
        if host.locked { throw ValidationError("--locked goes with a recipe, whose header has what is checked") }
        if host.resume != nil || host.runDir != nil {
            throw ValidationError("a conversation has no run folder; leave --run-dir and --resume out")
        }
    }

    func run() throws {
        var options = ChatOptions(model: model)
        (options.adapter, options.system, options.maxNewTokens) = (adapter, system, maxNewTokens)
        (options.temperature, options.topK, options.topP, options.minP) = (temperature, topK, topP, minP)
        options.repetitionPenalty = repetitionPenalty
        throw ExitCode(Session(try host.session()).chat(options))
    }
}
