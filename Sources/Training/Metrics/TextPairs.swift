/// Texts beside their references, as `BLEU` and `RougeL` take them.
enum TextPairs {
    /// Throws where there is no text, the numbers differ, or a text has no reference.
    static func check(_ texts: [String], _ references: [[String]], _ metric: String) throws {
        guard !texts.isEmpty else { throw TrainingError("\(metric): no predictions") }
        guard texts.count == references.count else {
            throw TrainingError(
                "\(metric): \(texts.count) predictions and references of \(references.count); one entry for each is needed"
            )
        }
        if let row = references.firstIndex(where: \.isEmpty) {
            throw TrainingError("\(metric): row \(row + 1) has no reference")
        }
    }
}
