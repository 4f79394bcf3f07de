/// Turns a tree into a program.
struct RegexCompiler {
    let pattern: String
    private(set) var program: [Regex.Instruction] = []
    private(set) var sets: [ScalarSet] = []

    init(pattern: String) { self.pattern = pattern }

    /// Appends the program of `tree`, and `.accept`.
    mutating func compile(_ tree: RegexParser.Tree) throws {
        try emit(tree)
        program.append(.accept)
    }

    private mutating func emit(_ tree: RegexParser.Tree) throws {
        guard program.count < 20_000 else {
            throw TokenizerError.unsupportedPattern(pattern, what: "more than 20,000 steps written out", at: 0)
        }
        switch tree {
        case .set(let set):
            sets.append(set)
            program.append(.one(sets.count - 1))
        case .sequence(let parts):
            for part in parts { try emit(part) }
        case .choice(let parts): try emitChoice(parts)
        case .loop(.set(let set), let min, let max, let mode) where mode != .lazy:
            sets.append(set)
            program.append(.run(sets.count - 1, min: min, max: max, possessive: mode == .possessive))
        case .loop(let body, let min, let max, let mode): try emitLoop(body, min, max, mode)
        case .look(let body, let negative):
            try emitSub(body) { .look(negative: negative, next: $0) }
        case .atomic(let body):
            try emitSub(body) { .atomic(next: $0) }
        case .anchor(let anchor):
            program.append(.anchor(anchor))
        }
    }

    private mutating func emitSub(_ body: RegexParser.Tree, _ make: (Int) -> Regex.Instruction) throws {
        let place = program.count
        program.append(.accept)
        try emit(body)
        program.append(.accept)
        program[place] = make(program.count)
    }

    private mutating func emitChoice(_ parts: [RegexParser.Tree]) throws {
        var jumps: [Int] = []
        for (place, part) in parts.enumerated() {
            guard place < parts.count - 1 else {
                try emit(part)
                break
            }
            let split = program.count
            program.append(.accept)
            try emit(part)
            jumps.append(program.count)
            program.append(.accept)
            program[split] = .split(split + 1, program.count)
        }
        for jump in jumps { program[jump] = .jump(program.count) }
    }

    private mutating func emitLoop(_ body: RegexParser.Tree, _ min: Int, _ max: Int, _ mode: RegexParser.Mode) throws {
        if mode == .possessive { return try emit(.atomic(.loop(body, min: min, max: max, mode: .greedy))) }
        for _ in 0..<min { try emit(body) }
        let isLazy = mode == .lazy
        func branch(_ split: Int, out: Int) -> Regex.Instruction {
            isLazy ? .split(out, split + 1) : .split(split + 1, out)
        }
        if max == Int.max {
            let split = program.count
            program.append(.accept)
            try emit(body)
            program.append(.jump(split))
            program[split] = branch(split, out: program.count)
            return
        }
        var splits: [Int] = []
        for _ in min..<max {
            splits.append(program.count)
            program.append(.accept)
            try emit(body)
        }
        for split in splits { program[split] = branch(split, out: program.count) }
    }
}
