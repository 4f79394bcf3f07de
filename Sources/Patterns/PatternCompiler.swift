/// Turns a tree, whose size and depth the parser has checked, into a program.
struct PatternCompiler {
    private(set) var program: [Pattern.Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private(set) var hasEmptyLoop = false

    /// Appends the program of `tree`, and `.accept`.
    mutating func compile(_ tree: PatternTree) {
        emit(tree)
        program.append(.accept)
    }

    private mutating func emit(_ tree: PatternTree) {
        switch tree.kind {
        case .set(let set):
            sets.append(set)
            program.append(.one(sets.count - 1))
        case .sequence(let parts):
            for part in parts { emit(part) }
        case .choice(let parts): emitChoice(parts)
        case .loop(let body, let min, let max, let mode):
            if case .set(let set) = body.kind, mode != .lazy {
                sets.append(set)
                program.append(.run(sets.count - 1, min: min, max: max, possessive: mode == .possessive))
            } else if mode == .possessive {
                emitInner(PatternTree(.loop(body, min: min, max: max, mode: .greedy))) { .atomic(next: $0) }
            } else {
                emitLoop(body, min, max, isLazy: mode == .lazy)
            }
        case .look(let body, let negative): emitInner(body) { .look(negative: negative, next: $0) }
        case .atomic(let body): emitInner(body) { .atomic(next: $0) }
        case .anchor(let anchor): program.append(.anchor(anchor))
        }
    }

    private mutating func emitInner(_ body: PatternTree, _ make: (Int) -> Pattern.Instruction) {
        let place = program.count
        program.append(.accept)
        emit(body)
        program.append(.accept)
        program[place] = make(program.count)
    }

    private mutating func emitChoice(_ parts: [PatternTree]) {
        var jumps: [Int] = []
        for (place, part) in parts.enumerated() {
            guard place < parts.count - 1 else {
                emit(part)
                break
            }
            let split = program.count
            program.append(.accept)
            emit(part)
            jumps.append(program.count)
            program.append(.accept)
            program[split] = .split(split + 1, program.count)
        }
        for jump in jumps { program[jump] = .jump(program.count) }
    }

    private mutating func emitLoop(_ body: PatternTree, _ min: Int, _ max: Int, isLazy: Bool) {
        for _ in 0..<min { emit(body) }
        func branch(_ split: Int, out: Int) -> Pattern.Instruction {
            isLazy ? .split(out, split + 1) : .split(split + 1, out)
        }
        if max == Int.max {
            if body.canBeEmpty { hasEmptyLoop = true }
            let split = program.count
            program.append(.accept)
            emit(body)
            program.append(.jump(split))
            program[split] = branch(split, out: program.count)
            return
        }
        var splits: [Int] = []
        for _ in min..<max {
            splits.append(program.count)
            program.append(.accept)
            emit(body)
        }
        for split in splits { program[split] = branch(split, out: program.count) }
    }
}
