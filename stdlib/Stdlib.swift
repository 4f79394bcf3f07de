/// The files of this folder, carried inside the binary.
public enum Stdlib {
    /// Text of lorawb's own Lua module `name` ("lorawb.report"); nil where there is none.
    public static func module(_ name: String) -> [UInt8]? {
        switch name {
        case "lorawb.losses": PackageResources.losses_lua
        case "lorawb.report": PackageResources.report_lua
        default: nil
        }
    }

    /// Text of the recipe `name` ("sst2"); nil where there is none of that name inside the binary.
    public static func recipe(_ name: String) -> [UInt8]? {
        switch name {
        case "answers": PackageResources.answers_lua
        case "chat_tune": PackageResources.chat_tune_lua
        case "cola": PackageResources.cola_lua
        case "documents": PackageResources.documents_lua
        case "e2e_nlg": PackageResources.e2e_nlg_lua
        case "finetune_text": PackageResources.finetune_text_lua
        case "generate": PackageResources.generate_lua
        case "labels": PackageResources.labels_lua
        case "loop": PackageResources.loop_lua
        case "pairs": PackageResources.pairs_lua
        case "predict": PackageResources.predict_lua
        case "quickstart": PackageResources.quickstart_lua
        case "sst2": PackageResources.sst2_lua
        case "sweep": PackageResources.sweep_lua
        case "tags": PackageResources.tags_lua
        case "text_to_sql": PackageResources.text_to_sql_lua
        case "translate": PackageResources.translate_lua
        case "zero_shot": PackageResources.zero_shot_lua
        default: nil
        }
    }

    /// Text of the data file `name` that recipes inside the binary read ("reviews.tsv"); nil where there is none of that name.
    public static func data(_ name: String) -> [UInt8]? {
        switch name {
        case "chat_tune.tsv": PackageResources.chat_tune_tsv
        case "reviews.tsv": PackageResources.reviews_tsv
        default: nil
        }
    }

    /// Names of the data files that recipes inside the binary read.
    public static let dataFiles = ["chat_tune.tsv", "reviews.tsv"]

    /// Names of the recipes inside the binary.
    public static let recipes = [
        "answers", "chat_tune", "cola", "documents", "e2e_nlg", "finetune_text", "generate", "labels", "loop", "pairs",
        "predict", "quickstart", "sst2", "sweep", "tags", "text_to_sql", "translate", "zero_shot",
    ]
}
