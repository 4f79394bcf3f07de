import CLuaShim
import Memory

/// How a run of a script ended otherwise than well.
public struct LuaFailure: Error, CustomStringConvertible {
    /// Why it ended.
    public enum Kind: Sendable {
        /// An error that nothing caught.
        case error
        /// Text that does not compile.
        case syntax
        /// Text that could go on: an interactive line that wants another.
        case incomplete
        /// Ctrl-C, or the host's own wish.
        case interrupted
        /// The time limit.
        case timeLimit
        /// The memory limit.
        case memoryLimit
    }

    /// Why it ended.
    public let kind: Kind
    /// What went wrong, with the recipe's file and line in front.
    public let message: String
    /// The recipe's frames, innermost first: `recipe.lua:4: in function 'build'`.
    public let traceback: [String]
    /// The error value where it is not nil.
    public let value: LuaReference?

    /// The message.
    public var description: String { message }

    /// The error object, where a host function raised one with `LuaError`.
    public func object<T: AnyObject>(_ type: T.Type = T.self) -> T? { (try? value?.value())?.asObject(type) }

    private init(_ failure: LuaFailure, message: String) {
        (kind, self.message, traceback, value) = (failure.kind, message, failure.traceback, nil)
    }

    /// The same failure with more words at the end of its message, where it is a text; objects that a script raised stay as they are.
    func adding(_ words: String) -> LuaFailure {
        guard kind == .error, case .string? = try? value?.value() else { return self }
        return LuaFailure(self, message: message + words)
    }

    init(status: Int32, state: StateHandle) {
        message = state.message
        kind =
            switch Int(status) {
            case LW_SYNTAX: .syntax
            case LW_INCOMPLETE: .incomplete
            case LW_STOPPED_INTERRUPT: .interrupted
            case LW_STOPPED_TIME: .timeLimit
            case LW_STOPPED_MEMORY: .memoryLimit
            default: message.contains(MemoryRefusal.prefix) ? .memoryLimit : .error
            }
        let frames = state.traceback
        traceback = frames.isEmpty ? [] : frames.split(separator: "\n").map(String.init)
        let key = lw_failure_value(state.raw)
        value = key > 0 ? LuaReference(state: state, key: key) : nil
    }
}

/// An error of the script's on its way through Swift; thrown on, it is raised again unchanged.
public struct LuaError: Error, CustomStringConvertible {
    /// What failed in the script.
    public let failure: LuaFailure

    init(_ failure: LuaFailure) { self.failure = failure }

    /// The same error, whose message also says `words`: where the host was when the script failed.
    public func adding(_ words: String) -> LuaError { LuaError(failure.adding(words)) }

    /// The message, with the place in front; that memory ended stays known where it becomes part of another message.
    public var description: String {
        let isTold = failure.kind != .memoryLimit || failure.message.contains(MemoryRefusal.prefix)
        return isTold ? failure.message : MemoryRefusal.prefix + failure.message
    }
}
