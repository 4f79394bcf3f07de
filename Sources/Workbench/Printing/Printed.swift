/// An object of the host's that says what it holds.
protocol Printed: AnyObject {
    /// What it is in one line, for a place within a table.
    var headline: String { get }
    /// What it holds, and whether something was left out.
    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool)
}

extension Printed {
    /// Nothing but the headline.
    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) { (headline, false) }

    /// What tostring gives.
    var text: String { printed(PrintStyle(width: Output.columns)).text }
}
