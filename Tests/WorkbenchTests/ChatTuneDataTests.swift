import Foundation
import TestSupport
import Testing

/// `stdlib/recipes/chat_tune.tsv`: what the second quickstart trains on.
struct ChatTuneDataTests {
    private func pairs() throws -> [(prompt: String, completion: String)] {
        let text = try String(contentsOfFile: Golden.packageRoot + "/stdlib/recipes/chat_tune.tsv", encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "prompt\tcompletion" && lines.last == "")
        return try lines.dropFirst().dropLast().enumerated().map { place, line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(fields.count == 2, "line \(place + 2)")
            return (fields[0], fields[1])
        }
    }

    @Test("at least 200 pairs, none twice, all in the one manner that the recipe teaches")
    func manner() throws {
        let pairs = try pairs()
        #expect(pairs.count >= 200)
        func plain(_ text: String) -> [Substring] { text.lowercased().split { !$0.isLetter && !$0.isNumber } }
        #expect(Set(pairs.map { plain($0.prompt) }).count == pairs.count, "a prompt is there twice")
        #expect(Set(pairs.map { plain($0.completion) }).count == pairs.count, "a completion is there twice")
        for (prompt, completion) in pairs {
            #expect(!prompt.isEmpty && prompt == prompt.trimmingCharacters(in: .whitespaces), "\(prompt)")
            #expect(completion.hasPrefix("Log: ") && completion.hasSuffix(" Fair winds."), "\(completion)")
            // Something is said between the two.
            #expect(plain(completion).count > 4, "\(completion)")
            #expect(!prompt.lowercased().contains("fair winds"), "\(prompt)")
        }
    }

    /// A token is a byte at least, and SmolLM2's template adds about 35 tokens to a pair: there cannot be more than this.
    @Test("a fifth is held out, and what is trained on stays below 25,000 tokens")
    func size() throws {
        let pairs = try pairs()
        let recipe = try String(contentsOfFile: Golden.packageRoot + "/stdlib/recipes/chat_tune.lua", encoding: .utf8)
        #expect(recipe.contains("train_test_split { test_size = 0.2, seed = args.seed }"))
        let most = pairs.reduce(0) { $0 + $1.prompt.utf8.count + $1.completion.utf8.count + 40 }
        #expect(most * 4 / 5 < 25_000, "\(most)")
    }

    /// The six questions that the recipe asks are not in the data: what is shown was not learnt by heart.
    @Test("the questions of the recipe are not in the data")
    func questions() throws {
        let prompts = Set(try pairs().map(\.prompt))
        let recipe = try String(contentsOfFile: Golden.packageRoot + "/stdlib/recipes/chat_tune.lua", encoding: .utf8)
        let list = try #require(recipe.split(separator: "local questions = {").last?.split(separator: "\n}").first)
        let questions = list.split(separator: "\n").compactMap { $0.split(separator: "\"").dropFirst().first }
        #expect(questions.count == 6)
        for question in questions { #expect(!prompts.contains(String(question)), "\(question)") }
    }
}
