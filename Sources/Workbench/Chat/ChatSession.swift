import Formats
import Inference
import Kernels
import LuaBridge
import Models
import Tokenizers
import Words

/// A conversation with a model: reads a line, streams the answer, and keeps both for the next turn.
///
/// Ctrl-C stops the answer, which is kept as far as it came, or clears the line; what a line does wrong ends the turn alone.
final class ChatSession {
    private let host: LuaHost
    private let context: RecipeContext
    private let options: ChatOptions
    private let output: Output
    private let box: ModelBox
    private var tokenizer: Tokenizer
    private var prompt: ChatPrompt
    private let ownTokenizer: Tokenizer
    /// The conversation, without what the model is told before it.
    private var messages: [JSON] = []
    private var system: String?
    private var cache = PromptCache()
    /// Names of adapters by their folders, as they were typed, and the tokenizers of those with tokens of their own.
    private var adapters: [String: (name: String, tokenizer: Tokenizer?)] = [:]
    /// Whether a turn went wrong.
    private(set) var hasFailed = false

    /// Loads the model, its tokenizer and the adapter.
    init(_ host: LuaHost, _ context: RecipeContext, _ options: ChatOptions) throws {
        (self.host, self.context, self.options, output, system) = (
            host, context, options, context.output, options.system
        )
        context.allowTyped(.read, options.model)
        ownTokenizer = try TokenizerLua.load(options.model, context).tokenizer
        tokenizer = ownTokenizer
        prompt = try ChatPrompt(tokenizer)
        box = try ModelLua.load(
            options.model, LoadOptions(taskType: .causalLM, seed: context.seed), context)
        try generation.check()
        if let adapter = options.adapter { try use(adapter: adapter) }
    }

    private var generation: GenerationOptions {
        // A model that was trained to chat ends its turns by what the tokenizer says too.
        let ends = box.generation.endIds + (tokenizer.id(.eos).map { [$0] } ?? [])
        return options.generation(endIds: Set(ends).sorted(), seed: context.seed)
    }

    /// Talks until the input ends.
    func run() throws {
        let isTerminal = Repl.isTerminal && output.isTerminal
        let edited = isTerminal ? EditedLines { _, _ in nil } : nil
        let lines: any LineReader = edited ?? PlainLines(output: output)
        defer { lines.close() }
        if isTerminal {
            output.print("\(box.name): /help shows the commands, Ctrl-C stops an answer, Ctrl-D ends")
        }
        while true {
            switch lines.read(prompt: isTerminal ? "> " : "") {
            case .end:
                if isTerminal { output.raw("\n") }
                return
            case .interrupted:
                try goOn()
                guard isTerminal else { return }
                output.raw("^C\n")
            case .line(let line):
                guard !line.allSatisfy(\.isWhitespace) else { continue }
                lines.remember(line)
                do {
                    if let command = ChatCommand(line) {
                        try run(command)
                    } else {
                        try answer(line.hasPrefix("//") ? String(line.dropFirst()) : line)
                    }
                } catch {
                    try complain(error)
                }
            }
        }
    }

    /// One turn of the conversation.
    private func answer(_ line: String) throws {
        let asked = messages + [message("user", line)]
        var chat = ChatPrompt.Options()
        chat.addGenerationPrompt = true
        let told = system.map { [message("system", $0)] } ?? []
        let ids = try prompt.ids(told + asked, chat)
        var text = ""
        do {
            let answers = try generate(
                [ids], model: box.model, tokenizer: tokenizer, options: generation, keeping: cache
            ) { [output] piece, _, _ in
                text += piece
                output.write(LuaString(piece))
                return true
            }
            text = answers[0][0].text ?? text
            output.raw("\n")
            if answers[0][0].finishReason == .length { tellOfLength(ids.count + answers[0][0].tokens.count) }
        } catch {
            guard LuaInterrupt.pending == .interrupt else {
                if !text.isEmpty { output.raw("\n") }
                throw error
            }
            // The terminal has shown ^C; what came so far was said.
            output.raw("\n")
            try goOn()
        }
        messages = asked + [message("assistant", text)]
    }

    private func tellOfLength(_ count: Int) {
        let longest = box.model.config.maxLength
        output.complain(
            count > longest
                ? "the conversation fills the model's \(longest) positions; /reset begins anew"
                : "the answer ends at --max-new-tokens \(options.maxNewTokens)")
    }

    private func message(_ role: String, _ content: String) -> JSON {
        .object(["role": .string(role), "content": .string(content)])
    }

    // MARK: Commands

    private func run(_ command: ChatCommand) throws {
        switch command.name {
        case "help": output.page(ChatCommand.help)
        case "reset":
            messages = []
            output.print("the conversation begins anew")
        case "system":
            (system, messages) = (command.argument.isEmpty ? nil : command.argument, [])
            output.print(system == nil ? "the model is told nothing" : "the conversation begins anew")
        case "adapter": try use(adapter: command.argument)
        case "save": try save(command.argument)
        default:
            let near = nearestName(to: command.name, in: ChatCommand.all.map(\.name))
            throw LuaFault(
                "unknown command '/\(Shown.name(command.name))'"
                    + (near.map { "; did you mean /\($0)?" } ?? "; /help shows the commands"))
        }
    }

    /// Goes on with an adapter, loaded where it is new, or without any.
    private func use(adapter path: String) throws {
        guard !path.isEmpty else { throw LuaFault("/adapter expects a folder, or off") }
        // What was computed with another one is of no use.
        defer { cache = PromptCache() }
        if path == "off" {
            if !box.adapters.names.isEmpty { try box.adapters.disable() }
            try use(tokenizer: nil)
            output.print("no adapter")
            return
        }
        if adapters[path] == nil {
            context.allowTyped(.read, path)
            let name = "adapter\(adapters.count + 1)"
            let folder = try ModelLocation.folder(path, context, kind: "adapter")
            for note in try box.adapters.load(folder, name: name, isTrainable: false, checkBase: true) {
                output.print(note)
            }
            adapters[path] = (name, try tokenizer(beside: folder))
        }
        guard let (name, tokenizer) = adapters[path] else { return }
        try box.adapters.enable()
        try box.adapters.setActive([name])
        try use(tokenizer: tokenizer)
        output.print("adapter \(Permissions.shown(path))")
    }

    /// The tokenizer in an adapter's folder, where it has tokens that the model's has not.
    private func tokenizer(beside folder: Folder) throws -> Tokenizer? {
        guard folder.exists("tokenizer.json") else { return nil }
        let found = try Tokenizer.load(from: folder)
        return found.count > ownTokenizer.count ? found : nil
    }

    private func use(tokenizer: Tokenizer?) throws {
        prompt = try ChatPrompt(tokenizer ?? ownTokenizer)
        self.tokenizer = tokenizer ?? ownTokenizer
    }

    private func save(_ path: String) throws {
        guard !path.isEmpty else { throw LuaFault("/save expects a file") }
        let absolute = Permissions.absolute(path, from: context.workingFolder)
        context.permissions.allow(.write, Permissions.parent(absolute))
        let (folder, name) = try context.permissions.writing(absolute)
        let told = system.map { [message("system", $0)] } ?? []
        let json = JSON.object(["messages": .array(told + messages)])
        let text = path.hasSuffix(".jsonl") ? json.compact() : json.serialized(indent: 2, asciiOnly: false)
        try folder.write(name, text: text + "\n")
        output.print("\(messages.count) messages in \(Permissions.shown(path))")
    }

    // MARK: Failures

    /// Tells of a failure; the conversation goes on, but past the time limit.
    private func complain(_ error: any Error) throws {
        if LuaInterrupt.isPending {
            output.raw("\n")
        } else {
            output.complain("\(error)")
            hasFailed = true
        }
        try goOn()
    }

    /// Forgets that something was to stop, also where a piece of work noted it and nobody asked; past the time limit the session ends as any
    /// run does.
    private func goOn() throws {
        if LuaInterrupt.pending == .timeLimit { _ = try host.evaluate("do end") }
        LuaInterrupt.clear()
        _ = try? Trouble.check()
    }
}

extension RecipeContext {
    /// Grants what the user typed as a path; a model may have a name in the cache instead.
    fileprivate func allowTyped(_ access: Permissions.Access, _ path: String) {
        let absolute = Permissions.absolute(path, from: workingFolder)
        if Permissions.exists(absolute) { permissions.allow(access, absolute) }
    }
}
