/// How much of a value is printed.
struct PrintStyle {
    /// Columns to fill.
    var width = 80
    /// Whether everything is wanted.
    var isFull = false
    /// How deep tables are shown within one another.
    var depth = 4
    /// Entries of a table, rows of a data set.
    var items = 40
    /// Characters of a text within a table.
    var characters = 300

    init(width: Int = 80, isFull: Bool = false) {
        (self.width, self.isFull) = (max(20, width), isFull)
        if isFull { (depth, items, characters) = (60, 1_000_000, 1_000_000) }
    }
}
