import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One row of `stdlib/recipes/reviews.tsv`, with the forms of its sentence that the checks compare.
private struct Review {
    let sentence: String
    let label: Int
    let heldOut: Bool
    let words: [String]
    let trigrams: Set<[String]>
    let skeleton: [String]

    init(_ sentence: String, label: Int = 1, heldOut: Bool = false) {
        self.sentence = sentence
        self.label = label
        self.heldOut = heldOut
        let words = sentence.lowercased().filter { $0 != "'" && $0 != "’" }
            .split { !$0.isLetter && !$0.isNumber }.map(String.init)
        self.words = words
        trigrams = Set((0..<max(0, words.count - 2)).map { [String](words[$0..<($0 + 3)]) })
        skeleton = words.reduce(into: []) { kept, word in
            if functionWords.contains(word) {
                kept.append(word == "an" ? "a" : word)
            } else if kept.last != "_" {
                kept.append("_")
            }
        }
    }
}

/// The words that make a template: what is left of a sentence when every content word is a gap.
///
/// He, she and their forms are gaps like the nouns that they stand for, and "an" counts as "a", because replacing a
/// content word changes both.
private let functionWords = Set(
    """
    a about above across after again against all almost along already also although always am among an and another
    any anyone anything are around as at away be became because become been before being below beneath beside
    between beyond both but by can cannot could did do does doing done down during each either else enough even ever
    every everyone everything few for from had has have having here how however i if in inside instead into is it
    its itself just least less like many may me might mine more most much must my myself neither never no nobody
    none nor not nothing now of off often on once one only onto or other others our ours ourselves out outside over
    own perhaps quite rather same shall should since so some somebody someone something still such than that the
    their theirs them themselves then there these they this those though through to too toward towards under unless
    until up upon us very was we were what whatever when where whether which while who whole whom whose why will
    with within without would yet you your yours yourself
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

/// Why a data file cannot be read.
private enum ReviewsError: Error {
    case header(String)
    case row(Int, String)
}

/// Reads rows of sentence, label and split under a header line.
private func parseReviews(_ text: String) throws -> [Review] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    guard let header = lines.first, header == "sentence\tlabel\tsplit" else {
        throw ReviewsError.header(String(lines.first ?? ""))
    }
    return try lines.enumerated().dropFirst().map { index, line in
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 3, let label = Int(fields[1]), label == 0 || label == 1,
            fields[2] == "train" || fields[2] == "validation"
        else { throw ReviewsError.row(index + 1, String(line)) }
        return Review(fields[0], label: label, heldOut: fields[2] == "validation")
    }
}

/// Pairs of sentences that share at least half of the shorter one's trigrams.
///
/// A sentence of fewer than three words has no trigrams; it offends only by being another sentence, word for word.
private func overlappingPairs(_ reviews: [Review]) -> [String] {
    var rowsByTrigram: [[String]: [Int]] = [:]
    var shared: [[Int]: Int] = [:]
    for (row, review) in reviews.enumerated() {
        for trigram in review.trigrams {
            for earlier in rowsByTrigram[trigram, default: []] { shared[[earlier, row], default: 0] += 1 }
            rowsByTrigram[trigram, default: []].append(row)
        }
    }
    let close = shared.filter { pair, count in
        2 * count >= min(reviews[pair[0]].trigrams.count, reviews[pair[1]].trigrams.count)
    }
    return close.keys.map { "\(reviews[$0[0]].sentence) | \(reviews[$0[1]].sentence)" } + repeated(reviews.map(\.words))
}

/// Values that occur more often than `limit` times, joined to readable text.
private func repeated(_ values: [[String]], limit: Int = 1) -> [String] {
    Dictionary(grouping: values) { $0 }.filter { $0.value.count > limit }.keys.map { $0.joined(separator: " ") }
}

/// Openings of four words that more than two sentences begin with.
private func wornOpenings(_ reviews: [Review]) -> [String] {
    repeated(reviews.filter { $0.words.count >= 4 }.map { [String]($0.words.prefix(4)) }, limit: 2)
}

/// Held-out sentences that a training sentence becomes when its content words are replaced.
///
/// Skeletons with a single function word ("_ and _") say nothing about a template.
private func leakedTemplates(_ reviews: [Review]) -> [String] {
    let training = Set(reviews.filter { !$0.heldOut }.map(\.skeleton))
    return reviews.filter { review in
        review.heldOut && review.skeleton.count(where: { $0 != "_" }) >= 2 && training.contains(review.skeleton)
    }.map(\.sentence)
}

/// The share of `reviews` that `condition` holds for, 0 to 1.
private func share(of reviews: [Review], _ condition: (Review) -> Bool) -> Double {
    Double(reviews.count(where: condition)) / Double(max(1, reviews.count))
}

/// The quickstart's data file keeps what its results rest on: balance, breadth, and a held-out part that is new.
@Suite struct ReviewsDataTests {
    private let text: String
    private let reviews: [Review]

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "stdlib/recipes/reviews.tsv")
        text = try String(contentsOf: file, encoding: .utf8)
        reviews = try parseReviews(text)
    }

    @Test func hasEnoughRowsOfSensibleLength() {
        #expect(reviews.count >= 600)
        #expect(reviews.filter { !(4...30).contains($0.words.count) }.map(\.sentence) == [])
    }

    @Test func isPlainTabSeparatedText() {
        #expect(!text.contains("\r") && !text.contains("\"") && text.hasSuffix("\n"))
        #expect(reviews.filter { $0.sentence.first?.isWhitespace ?? true }.map(\.sentence) == [])
        #expect(reviews.filter { $0.sentence.last?.isWhitespace ?? true }.map(\.sentence) == [])
    }

    @Test func isBalancedOverallAndInEachSplit() {
        for part in [reviews, reviews.filter(\.heldOut), reviews.filter { !$0.heldOut }] {
            #expect((0.45...0.55).contains(share(of: part) { $0.label == 1 }))
        }
        #expect((0.19...0.21).contains(share(of: reviews, \.heldOut)))
    }

    @Test func noTwoSentencesShareHalfOfTheirTrigrams() {
        #expect(overlappingPairs(reviews) == [])
    }

    @Test func noOpeningIsWornOut() {
        #expect(wornOpenings(reviews) == [])
    }

    @Test func heldOutSentencesShareNoTemplateWithTrainingOnes() {
        #expect(leakedTemplates(reviews) == [])
    }
}

/// The checks above can fail: each finds the fault it is there for, and passes its nearest innocent neighbour.
@Suite struct ReviewsChecksTests {
    @Test func wordsAreLowerCasedAndStrippedOfPunctuation() {
        #expect(Review("It's a WELL-made film, isn't it?").words == ["its", "a", "well", "made", "film", "isnt", "it"])
        #expect(Review("oh no").trigrams.isEmpty)
    }

    @Test func halfOfTheTrigramsIsTooMuch() {
        // Two trigrams each: "one two three" is shared, which is half.
        #expect(overlappingPairs([Review("one two three four"), Review("One, two, three: five")]).count == 1)
        // Three in the shorter one, of which one is shared.
        #expect(overlappingPairs([Review("one two three four five"), Review("one two three nine eight")]).isEmpty)
        #expect(overlappingPairs([Review("oh no"), Review("Oh, no!")]).count == 1)
        #expect(overlappingPairs([Review("oh no"), Review("oh yes")]).isEmpty)
    }

    @Test func aThirdSentenceWithTheSameOpeningIsFound() {
        let twice = [Review("what a fine old barn"), Review("what a fine old horse")]
        #expect(wornOpenings(twice).isEmpty)
        #expect(wornOpenings(twice + [Review("What a fine old song")]) == ["what a fine old"])
    }

    @Test func aHeldOutSentenceMadeByReplacingContentWordsIsFound() {
        let training = Review("a brilliant study of grief and memory")
        #expect(leakedTemplates([training, Review("a dire study of love and golf", heldOut: true)]).count == 1)
        #expect(leakedTemplates([training, Review("a very dire bit of love and golf", heldOut: true)]).isEmpty)
        #expect(leakedTemplates([training, Review("a dire study of love and golf")]).isEmpty)
    }

    @Test(arguments: [
        "sentence\tlabel\nfine\t1\n", "sentence\tlabel\tsplit\nfine\t2\ttrain\n",
        "sentence\tlabel\tsplit\nfine\t1\ttest\n", "sentence\tlabel\tsplit\nfi\tne\t1\ttrain\n",
        "sentence\tlabel\tsplit\nfine\t1\ttrain\n\n",
    ])
    func malformedFilesAreRefused(text: String) {
        #expect(throws: ReviewsError.self) { try parseReviews(text) }
    }
}
