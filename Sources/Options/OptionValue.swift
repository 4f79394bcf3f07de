/// A value that an option may have, whatever it comes from: Lua, JSON, the command line.
public protocol OptionValue {
    /// Whether it is nothing: nil, null.
    var isAbsent: Bool { get }
    /// The integer that it is: an integer, or a float with an integer's value, never a string.
    var asInteger: Int? { get }
    /// The number that it is, never a string.
    var asNumber: Double? { get }
    /// The text that it is.
    var asString: String? { get }
    /// The boolean that it is.
    var asBoolean: Bool? { get }
    /// The elements of a list; an empty table is an empty list.
    var asElements: [Self]? { get }
    /// The integers of a list of nothing else.
    var asIntegers: [Int64]? { get }
    /// The numbers of a list of nothing else.
    var asNumbers: [Double]? { get }
    /// The texts of a list of nothing else.
    var asStrings: [String]? { get }
    /// Names and values of a table without a list; an empty list is an empty table.
    var asMembers: [(name: String, value: Self)]? { get }
    /// Whether it is a table or list.
    var isTable: Bool { get }
    /// Whether it is a function.
    var isFunction: Bool { get }
    /// The Lua name of the type of a host object.
    var objectName: String? { get }
    /// The value as errors tell it: a type, and for short scalars the value.
    var shown: String { get }
}

extension OptionValue {
    /// No function, where it is not said otherwise.
    public var isFunction: Bool { false }
    /// No host object, where it is not said otherwise.
    public var objectName: String? { nil }

    /// The value as a recipe writes it, where it is a short scalar; else as errors tell it.
    @usableFromInline var literal: String {
        asBoolean.map { "\($0)" } ?? asString.map { "'\($0.prefix(40))'" } ?? shown
    }
}
