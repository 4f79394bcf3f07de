/// What the texts of an option or argument name, where that is something that is there: a session completes them by it.
///
/// Of a table the keys are meant, of a function the fields of its first argument.
public enum OptionValues: Sendable {
    /// Modules of a model, by the ends of their paths.
    case modules
    /// Adapters of a model.
    case adapters
    /// Columns of a data set.
    case columns
    /// What evaluations give.
    case metrics
}
