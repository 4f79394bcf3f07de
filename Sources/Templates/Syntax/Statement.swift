/// A statement of a template.
///
/// A `scope` is a number under which `Scopes` keeps what names mean within.
indirect enum Statement: Sendable {
    case output([Piece])
    case loop(Loop)
    case choice(Choice)
    case assignment(Target, Expression, line: Int)
    case capture(Capture)
    case macro(Macro)
    case call(CallBlock)
    case filter(FilterBlock)
    case with(With)
    case block(Block)
    case generation(Body, line: Int)
    /// A body with names of its own, such as that of `autoescape false`.
    case scope(Body)
    case leave(Leave, line: Int)

    /// Text, or an expression whose value is written.
    enum Piece: Sendable {
        case data(Text)
        case expression(Expression, line: Int)
    }
    /// What is assigned to.
    indirect enum Target: Sendable {
        case name(Expression.Name)
        case attribute(Expression.Name, String)
        case tuple([Target])
    }
    /// Statements with a scope of their own.
    struct Body: Sendable {
        let scope: Int
        let statements: [Statement]
    }
    /// `for`.
    struct Loop: Sendable {
        let target: Target
        let elements: Expression
        let test: Expression?
        let body: Body
        let testScope: Int
        let otherwise: Body
        let isRecursive: Bool
        let line: Int
    }
    /// `if`, with its `elif`s one within the other's `otherwise`.
    struct Choice: Sendable {
        let branches: [Branch]
        let otherwise: [Statement]

        /// A condition and what it guards.
        struct Branch: Sendable {
            let test: Expression
            let body: [Statement]
            let line: Int
        }
    }
    /// `set` with a body.
    struct Capture: Sendable {
        let target: Target
        let filter: Expression?
        let body: Body
        let line: Int
    }
    /// What a macro or the body of `call` takes.
    struct Parameters: Sendable {
        var names: [Expression.Name] = []
        /// The last of them have these defaults.
        var defaults: [Expression] = []
    }
    /// `macro`.
    struct Macro: Sendable {
        let name: Expression.Name
        let parameters: Parameters
        let body: Body
        let line: Int
    }
    /// `call`.
    struct CallBlock: Sendable {
        let call: Expression
        let parameters: Parameters
        let body: Body
        let line: Int
    }
    /// `filter`.
    struct FilterBlock: Sendable {
        let filter: Expression
        let body: Body
        let line: Int
    }
    /// `with`.
    struct With: Sendable {
        let targets: [Target]
        let values: [Expression]
        let body: Body
        let line: Int
    }
    /// `block`.
    struct Block: Sendable {
        let name: String
        let isScoped: Bool
        let isRequired: Bool
        let body: Body
        let line: Int
    }
    /// How a loop is left.
    enum Leave: String, Sendable { case leave = "break", next = "continue" }
}
