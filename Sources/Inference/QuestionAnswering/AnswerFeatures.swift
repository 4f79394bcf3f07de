import Formats
import Tokenizers

/// A row that a model for question answering is trained on.
public struct AnswerFeature: Sendable, Equatable {
    /// The tokens of question and context.
    public var ids: [Int]
    /// Which of the two each belongs to.
    public var typeIds: [Int]
    /// First token of the answer, from 0; the classifier's where these tokens hold none, nil where no answer is known.
    public var start: Int?
    /// Its last token.
    public var end: Int?
}

/// Turns questions, contexts and answers, with the columns of SQuAD, into rows to train on.
///
/// `answers` is {text = {…}, answer_start = {…}} as the datasets library has it, or a list of {text, answer_start} as SQuAD's files have it; the first
/// is trained on, and an empty list means that the text holds none. Places count characters from 0, as in those files.
public struct AnswerFeatures: Sendable {
    /// How long contexts are cut.
    public let windows: AnswerWindows
    private let tokenizer: Tokenizer

    /// Rows by this tokenizer, no longer than it says that its model takes.
    public init(_ tokenizer: Tokenizer, windows: AnswerWindows = AnswerWindows()) {
        (self.tokenizer, self.windows) = (tokenizer, windows.fitting(tokenizer))
    }

    /// The rows of one question: each window of its context.
    ///
    /// - Throws: `InferenceError` for what has not these columns, and for an answer that is not where it is said to be.
    public func rows(of row: JSON) throws -> [AnswerFeature] {
        let asked = try AnswerFeatures.asked(row)
        let answer = try AnswerFeatures.answer(row, Array(asked.context.utf8))
        let encodings: [Encoding]
        do { encodings = try windows.rows(asked, tokenizer) } catch let error as TokenizerError {
            throw InferenceError("\(error)")
        }
        return encodings.map { encoding in
            var feature = AnswerFeature(ids: encoding.ids, typeIds: encoding.typeIds)
            guard let answer else { return feature }
            let none = Answerer.nullPlace(encoding, tokenizer)
            (feature.start, feature.end) = answer.flatMap { AnswerFeatures.tokens(encoding, $0) } ?? (none, none)
            return feature
        }
    }

    /// The question and the context of a row.
    public static func asked(_ row: JSON) throws -> AskedText {
        func text(_ column: String) throws -> String {
            guard let text = row[column]?.string else {
                throw InferenceError("\(column) is \(row[column]?.kind ?? "missing"); expected a text")
            }
            return text
        }
        return AskedText(question: try text("question"), context: try text("context"))
    }

    /// First and last token of the bytes of an answer; nil where a window does not hold all of it.
    private static func tokens(_ encoding: Encoding, _ answer: Range<Int>) -> (Int, Int)? {
        let context = encoding.ids.indices.filter { encoding.sequenceIds[$0] == 1 }
        guard let first = context.first, let last = context.last,
            encoding.offsets[first].lowerBound <= answer.lowerBound,
            encoding.offsets[last].upperBound >= answer.upperBound,
            let start = context.last(where: { encoding.offsets[$0].lowerBound <= answer.lowerBound }),
            let end = context.first(where: { encoding.offsets[$0].upperBound >= answer.upperBound })
        else { return nil }
        return (start, end)
    }

    /// The bytes of the first answer; nil where the row says nothing of answers, an empty optional where it says that there is none.
    private static func answer(_ row: JSON, _ context: [UInt8]) throws -> Range<Int>?? {
        guard let given = row["answers"] ?? row["answer"], given != .null else { return .none }
        let (text, place): (JSON?, JSON?)
        if let list = given.array {
            guard let first = list.first else { return .some(nil) }
            (text, place) = (first["text"] ?? first, first["answer_start"])
        } else if given.string != nil {
            (text, place) = (given, row["answer_start"])
        } else {
            let texts = given["text"]
            if texts?.array?.isEmpty == true { return .some(nil) }
            (text, place) = (texts?.array?.first ?? texts, given["answer_start"]?.array?.first ?? given["answer_start"])
        }
        guard let text = text?.string else {
            throw InferenceError(
                "answers is \(given.quoted); expected { text = { … }, answer_start = { … } } as in SQuAD")
        }
        let bytes = Array(text.utf8)
        guard let place, place != .null else {
            guard let found = first(bytes, in: context) else {
                throw InferenceError("the answer \(JSON.string(text).quoted) does not stand in the context")
            }
            return .some(found)
        }
        guard let characters = place.int, characters >= 0, let start = byte(ofCharacter: characters, in: context),
            context[start...].starts(with: bytes)
        else {
            throw InferenceError(
                "the answer \(JSON.string(text).quoted) does not stand at answer_start \(place.quoted) of the context, which counts characters from 0"
            )
        }
        return .some(start..<start + bytes.count)
    }

    private static func byte(ofCharacter place: Int, in bytes: [UInt8]) -> Int? {
        var seen = 0
        for (index, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
            if seen == place { return index }
            seen += 1
        }
        return seen == place ? bytes.count : nil
    }

    private static func first(_ needle: [UInt8], in bytes: [UInt8]) -> Range<Int>? {
        guard !needle.isEmpty, needle.count <= bytes.count else { return nil }
        for start in 0...bytes.count - needle.count where bytes[start...].starts(with: needle) {
            return start..<start + needle.count
        }
        return nil
    }
}
