import Formats
import Words

/// What a run that goes on has otherwise than it was recorded, as far as that is allowed: a longer training, and an edited recipe.
///
/// A parameter of the recipe may change where the only training arguments that change with it are `num_train_epochs` or
/// `max_steps`, upwards. Each continuation with changes is a line of `changes.jsonl` in the run's folder.
struct RunChanges {
    /// A value under its name, before and now.
    struct Change: Equatable {
        let name: String
        let before, now: JSON

        /// What is said of it.
        var text: String { "\(name) \(before.quoted) → \(now.quoted)" }

        /// Throws that it is not allowed; `source` names the record.
        func refuse(_ source: String) throws -> Never {
            throw TrainingError(
                "\(source): the run was made with \(name) = \(before.quoted), now it is \(now.quoted); give it the same value, or start a new run"
            )
        }
    }

    /// The file of the folder that keeps them.
    static let file = "changes.jsonl"
    private static let lengths = ["num_train_epochs", "max_steps"]

    /// Training arguments that are others.
    let arguments: [Change]
    /// Parameters of the recipe that are others.
    let parameters: [Change]
    /// Whether the recipe is another.
    let isEdited: Bool
    /// Steps in all, before and now.
    private(set) var steps: (before: Int, now: Int)?

    /// Whether there is none.
    var isEmpty: Bool { arguments.isEmpty && parameters.isEmpty && !isEdited }

    /// Throws for a change that is not allowed.
    ///
    /// - Parameters:
    ///   - arguments: training arguments that differ from the checkpoint's; `source` names its record.
    ///   - parameters: parameters that differ from the run's; `parameterSource` names its record.
    init(
        arguments: [Change], source: String, parameters: [Change], parameterSource: String, isEdited: Bool
    ) throws {
        (self.arguments, self.parameters, self.isEdited) = (arguments, parameters, isEdited)
        let isLonger = !arguments.isEmpty && arguments.allSatisfy { Self.lengths.contains($0.name) }
        // A parameter that is handed on as it is changes nothing else; of others only one can be what made the training longer.
        let strangers = parameters.filter { parameter in
            !arguments.contains {
                Self.lengths.contains($0.name) && $0.before.isSame(parameter.before) && $0.now.isSame(parameter.now)
            }
        }
        if let stranger = strangers.first, !isLonger || parameters.count > 1 { try stranger.refuse(parameterSource) }
        for change in arguments where !Self.lengths.contains(change.name) { try change.refuse(source) }
    }

    /// Throws where the training is to be shorter than it was; `source` names the record.
    mutating func check(before: Int, now: Int, maxSteps: Int, source: String) throws {
        guard let first = arguments.first else { return }
        let isShorter = arguments.contains { change in
            guard let before = change.before.double, let now = change.now.double, before > 0, now > 0 else {
                return false
            }
            // With max_steps the number of epochs means nothing.
            return now < before && (change.name == "max_steps" || maxSteps <= 0)
        }
        guard now >= before, !isShorter else { try first.refuse(source) }
        steps = (before, now)
    }

    /// What is said of them, a line.
    var line: String {
        var parts: [String] = []
        if let steps, steps.now != steps.before {
            parts.append(
                "the training goes on to \(steps.now) steps instead of \(steps.before) (\(arguments.map(\.text).joined(separator: ", "))), and the schedule is worked out anew from that total"
            )
        } else if !arguments.isEmpty {
            parts.append("changed: " + arguments.map(\.text).joined(separator: ", "))
        }
        if isEdited { parts.append("the recipe was edited; the one before is kept beside it") }
        return parts.joined(separator: "; ")
    }

    /// The line of `changes.jsonl`, for a run that goes on from a checkpoint.
    func record(_ checkpoint: String) -> JSON {
        func pairs(_ changes: [Change]) -> JSON {
            JSON(changes.map { .init($0.name, .array([$0.before, $0.now])) })
        }
        var members: [JSON.Member] = [.init("checkpoint", .string(checkpoint))]
        if !arguments.isEmpty { members.append(.init("arguments", pairs(arguments))) }
        if !parameters.isEmpty { members.append(.init("parameters", pairs(parameters))) }
        if let steps { members.append(.init("max_steps", .array([.integer(steps.before), .integer(steps.now)]))) }
        if isEdited { members.append(.init("recipe", .string("edited"))) }
        return JSON(members)
    }
}

extension JSON {
    /// Whether it is the same value; 2 and 2.0 are.
    func isSame(_ other: JSON) -> Bool { self == other || (double != nil && double == other.double) }
}
