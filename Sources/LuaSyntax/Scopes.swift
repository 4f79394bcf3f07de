/// What is visible at a place of a function, and the jumps that have not found their label: what Lua's compiler keeps while it reads one.
struct FunctionScope {
    /// A block within the function.
    struct Level {
        /// How many variables were there before it.
        let variables: Int
        let firstLabel: Int
        let firstJump: Int
        let isLoop: Bool
    }
    struct Label {
        let name: String
        let line: Int
        /// How many variables are there.
        let variables: Int
    }
    /// A `goto`, or a `break`, which is one to a label that cannot be written.
    struct Jump {
        let name: String
        let line: Int
        let range: Range<Int>
        /// How many variables are there, of those that the label can see.
        var variables: Int
    }

    static let breakLabel = "break"

    /// Its place among the tree's functions.
    let function: Int
    /// The variables that are visible, in order: places in the tree's list.
    var active: [Int] = []
    /// Names of the same, those that no one can write included.
    var names: [String] = []
    /// Variables that are declared and not yet visible.
    var pending = 0
    var levels: [Level] = []
    var labels: [Label] = []
    var jumps: [Jump] = []
    /// The variables of enclosing functions that it uses; -1 is the environment.
    var upvalues: Set<Int> = []
    /// The line it begins at; 0 for the chunk.
    let line: Int

    mutating func enter(isLoop: Bool = false) {
        levels.append(
            Level(variables: active.count, firstLabel: labels.count, firstJump: jumps.count, isLoop: isLoop))
    }

    /// Finds jumps of the innermost block that lead to a label; gives the first that would jump over a variable.
    mutating func resolve(_ label: Label) -> Jump? {
        var place = levels.last?.firstJump ?? 0
        while place < jumps.count {
            guard jumps[place].name == label.name else {
                place += 1
                continue
            }
            if jumps[place].variables < label.variables { return jumps[place] }
            jumps.remove(at: place)
        }
        return nil
    }

    /// Leaves the innermost block; gives a jump that has found no label in the whole function.
    mutating func leave() -> Jump? {
        guard let level = levels.popLast() else { return nil }
        if level.isLoop {
            let inside = jumps[level.firstJump...].filter { $0.name != FunctionScope.breakLabel }
            jumps.replaceSubrange(level.firstJump..., with: inside)
        }
        active.removeSubrange(level.variables...)
        names.removeSubrange(level.variables...)
        labels.removeSubrange(level.firstLabel...)
        for place in jumps.indices.dropFirst(level.firstJump) {
            jumps[place].variables = min(jumps[place].variables, level.variables)
        }
        return levels.isEmpty ? jumps.first : nil
    }
}
