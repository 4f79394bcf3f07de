/// Tells the folders of PEFT's adapters from those of models.
public enum AdapterFolder {
    /// The file by which an adapter's folder is known.
    public static let configName = "adapter_config.json"

    /// What a folder is that was taken for a model's: an adapter's, with the base that it names, or one with adapters beneath; nil
    /// where it is neither.
    public static func explanation(of folder: Folder) -> String? {
        if folder.isThere(configName) {
            let source = "\(folder.path)/\(configName)"
            let json = (try? folder.read(configName, limit: 1 << 24)).flatMap { try? JSON(parsing: $0, source: source) }
            let base = json?["base_model_name_or_path"]?.string.map { " '\(FormatError.shown($0, limit: 100))'" } ?? ""
            return "the folder holds an adapter, no model; load its base\(base) and then the adapter by load_adapter"
        }
        guard let name = beneath(folder).first else { return nil }
        return
            "its folder '\(FormatError.shown(name))' holds an adapter, no model; load the base and then the adapter by load_adapter"
    }

    /// Names of the folders beneath that hold adapters, sorted.
    public static func beneath(_ folder: Folder) -> [String] {
        ((try? folder.list()) ?? []).filter { !$0.hasPrefix(".") && folder.isThere("\($0)/\(configName)") }
    }
}
