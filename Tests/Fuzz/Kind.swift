import Formats

/// One kind of input: how one is made, and what is done with it.
protocol Kind {
    /// Name for `--only`.
    static var name: String { get }
    /// Reads what inputs are made of; `root` is the package's folder.
    init(root: Folder) throws
    /// The input of these dice.
    func input(_ dice: inout Dice) throws -> Input
    /// Does with the files in `folder` all that a user could; an error thrown is as good as a result.
    func use(_ folder: Folder, _ dice: inout Dice) throws
}

/// All kinds, in the order in which they are tried.
enum Kinds {
    static var all: [any Kind.Type] {
        [
            SafetensorsKind.self, GGUFKind.self, JSONKind.self, DataKind.self, TokenizerKind.self, StagesKind.self,
            TemplateKind.self, ModelKind.self, AdapterKind.self, PatternKind.self, ResumeKind.self, RecipeKind.self,
            RecordKind.self, CheckKind.self,
        ]
    }
}
