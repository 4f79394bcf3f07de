import Formats
import Training

/// What a run that is continued recorded of how it was started: the values of its parameters, the words typed for them, its seed.
///
/// The files are the host's: a recipe may not write them (`RunFolder`), for a path that was typed then is granted again.
struct RecordedRun {
    /// Values of the recipe's parameters, and what errors call the record.
    let parameters: (values: JSON, source: String)
    /// What was typed behind the recipe, without a seed.
    let words: [String]
    /// The seed among it.
    let typedSeed: Int?
    /// The seed in front of the recipe.
    let seed: Int?

    /// The record in the folder of a run; nil where there is none.
    init?(in path: String) throws {
        guard let folder = try? Folder(path: path), folder.exists(RunRecord.parametersFile) else { return nil }
        let source = "\(folder.path)/\(RunRecord.parametersFile)"
        parameters = (try RunRecord.parameters(in: folder), source)
        let environment =
            folder.exists(RunRecord.environmentFile)
            ? try JSON(
                parsing: folder.read(RunRecord.environmentFile), source: "\(folder.path)/\(RunRecord.environmentFile)")
            : .null
        let typed = (environment["arguments"]?.array ?? []).compactMap(\.string)
        (words, typedSeed) = (try? RecipeParameters.withoutSeed(typed)) ?? (typed, nil)
        seed = environment["seed"]?.int
    }
}
