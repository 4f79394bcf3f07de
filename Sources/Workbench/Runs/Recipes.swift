import Formats
import LuaBridge
import Reports
import Stdlib
import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Recipes as files, and those inside the binary: what `lorawb recipes`, `show`, `new` and `lock` do.
///
/// Each prints what it has to say and gives the exit code.
public enum Recipes {
    /// Whether a word is the path of a recipe and not a command: it ends in .lua, has a folder in front, or is a file.
    public static func isPath(_ word: String) -> Bool {
        guard !word.hasPrefix("-"), !word.isEmpty else { return false }
        return word.hasSuffix(".lua") || word.contains("/")
            || Permissions.isFile(Permissions.absolute(word, from: Machine.workingFolder))
    }

    /// Whether a recipe of this name is inside the binary.
    public static func isInside(_ name: String) -> Bool { Stdlib.recipe(name) != nil }

    /// Lists the recipes inside the binary, a line each, or as JSON.
    public static func list(json: Bool) -> Int32 {
        let output = Output()
        let headers = Stdlib.recipes.map { ($0, header($0)) }
        if json {
            let list = headers.map { name, header in
                JSON([
                    .init("name", .string(name)), .init("title", .string(header.title)),
                    .init("version", header.version.map(JSON.string) ?? .null),
                    .init("licence", header.licence.map(JSON.string) ?? .null),
                    .init("data", .array(data(of: name).map(JSON.string))),
                ])
            }
            output.page(JSON.array(list).serialized(indent: 2, asciiOnly: false))
            return output.end()
        }
        let width = headers.map(\.0.count).max() ?? 0
        for (name, header) in headers {
            let line = name + String(repeating: " ", count: width + 2 - name.count) + header.title
            let room = output.isTerminal ? Output.columns : .max
            output.print(line.count > room ? line.prefix(max(1, room - 1)) + "…" : line)
        }
        if output.isTerminal {
            output.print(
                "\nlorawb show NAME prints one, lorawb run NAME runs it, lorawb new MINE --from NAME makes it yours")
        }
        return output.end()
    }

    /// Prints the text of a recipe inside the binary, of data that comes with one, or of a file; or what its header says.
    public static func show(_ name: String, headerAlone: Bool) -> Int32 {
        let output = Output()
        do {
            let (bytes, isRecipe) = try text(of: name)
            guard headerAlone else {
                output.write(LuaString(bytes: bytes))
                let brought = isRecipe && Stdlib.recipe(name) == bytes ? data(of: name) : []
                if !brought.isEmpty {
                    Workbench.complain(
                        "\(name) reads \(brought.joined(separator: " and ")), inside lorawb too: lorawb show \(brought[0]); lorawb new MINE --from \(name) writes all"
                    )
                }
                return output.end()
            }
            let header = RecipeHeader(bytes, stem: RunFolder.stem(of: name))
            for line in header.lines(of: Permissions.shown(name)) { Workbench.complain(line) }
            output.page(header.text.isEmpty ? "no header" : String(header.text.dropLast()))
            return output.end()
        } catch {
            Workbench.complain("\(error)")
            return Session.Exit.misuse
        }
    }

    private static func text(of name: String) throws -> (bytes: [UInt8], isRecipe: Bool) {
        if let bytes = Stdlib.recipe(name) { return (bytes, true) }
        if let bytes = Stdlib.data(name), !Permissions.isFile(name) { return (bytes, false) }
        let (folder, file) = try place(of: name)
        return (try folder.read(file), true)
    }

    /// The folder and name of a recipe's file that the user typed.
    private static func place(of name: String) throws -> (Folder, String) {
        let path = Permissions.absolute(name, from: Machine.workingFolder)
        guard !Permissions.isFolder(path) else {
            throw FormatError("\(Permissions.shown(name)): is a folder, expected a recipe")
        }
        guard Permissions.isFile(path) else { throw missing(name) }
        // A link to a recipe is followed: what is written is the recipe and not the link.
        let (parent, file) = Permissions.parted(Permissions.real(path) ?? path)
        return (try Folder(path: parent, linkRoot: "/"), file)
    }

    /// The error that there is no recipe of a name.
    static func missing(_ name: String) -> FormatError {
        let near = nearestName(to: name, in: Stdlib.recipes).map { "did you mean '\($0)'?" }
        return FormatError(
            "\(Permissions.shown(name)): no such recipe file; "
                + (near ?? "inside lorawb are: \(Stdlib.recipes.joined(separator: ", "))"))
    }

    /// Writes a new recipe: a short one to begin with, or a copy of one inside the binary or of a file, with the data that it brings.
    ///
    /// Nothing that is there is written over.
    public static func make(_ name: String, from source: String?) -> Int32 {
        let output = Output()
        do {
            let file = name.hasSuffix(".lua") ? name : name + ".lua"
            let stem = RunFolder.stem(of: file)
            let letters = stem.utf8.allSatisfy {
                (48...57).contains($0) || (97...122).contains($0 | 32) || "_.-".utf8.contains($0)
            }
            guard letters, let first = stem.utf8.first, !".-".utf8.contains(first) else {
                throw FormatError(
                    "'\(Permissions.shown(name))': expected a name of letters, digits, '_', '-' and '.' for the recipe")
            }
            let path = Permissions.absolute(file, from: Machine.workingFolder)
            let (parent, last) = Permissions.parted(path)
            guard Permissions.isFolder(parent) else {
                throw FormatError("there is no folder '\(Permissions.shown(parent))'; make it first")
            }
            let folder = try Folder(path: parent, linkRoot: parent)
            let shownFolder = file.split(separator: "/").count > 1 ? String(file.dropLast(last.count)) : ""
            let text = try source.map { try copy(of: $0, named: stem) } ?? Array(template(stem).utf8)
            let brought = source.map(data(of:)) ?? []
            for other in [last] + brought where folder.isThere(other) {
                // Data that is the same already is no harm.
                if brought.contains(other), (try? folder.read(other, limit: 1 << 24)) == Stdlib.data(other) { continue }
                throw FormatError(
                    "\(Permissions.shown(shownFolder + other)): is there already; take another name, or remove it")
            }
            try folder.write(last, text)
            try setExecutable(path)
            for other in brought { if let bytes = Stdlib.data(other) { try folder.write(other, bytes) } }
            for written in [last] + brought { output.print("\(shownFolder)\(written): written") }
            output.print("lorawb run \(file) --help   shows its parameters")
            return output.end()
        } catch {
            Workbench.complain("new: \(error)")
            return Session.Exit.misuse
        }
    }

    /// A recipe's text under another name, in its first line.
    private static func copy(of source: String, named stem: String) throws -> [UInt8] {
        let (bytes, isRecipe) = try text(of: source)
        guard isRecipe else { throw FormatError("\(Permissions.shown(source)): is data, expected a recipe") }
        let old = Array("-- \(RunFolder.stem(of: source)):".utf8)
        let renamed = bytes.starts(with: old) ? Array("-- \(stem):".utf8) + bytes.dropFirst(old.count) : bytes
        return renamed.starts(with: "#!".utf8) ? renamed : Array("#!/usr/bin/env lorawb\n".utf8) + renamed
    }

    /// Writes into a recipe's header what its inputs are now.
    public static func lock(_ name: String) -> Int32 {
        let output = Output()
        LuaInterrupt.install()
        do {
            if Stdlib.recipe(name) != nil, !Permissions.isFile(name) {
                throw FormatError(
                    "\(name) is inside lorawb; lorawb new MINE --from \(name) makes a recipe of your own, which can be locked"
                )
            }
            let (folder, file) = try place(of: name)
            let source = try folder.read(file)
            let header = RecipeHeader(source, stem: RunFolder.stem(of: file))
            let shown = Permissions.shown(name)
            for line in header.lines(of: shown) where !line.contains("input: expected a file and sha256") {
                Workbench.complain(line)
            }
            guard !header.inputs.isEmpty else {
                throw FormatError(
                    "\(shown): its header names no input; add a line such as '-- input: data/train.tsv' for each file and folder that it reads"
                )
            }
            let base = Permissions.parent(Permissions.absolute(name, from: Machine.workingFolder))
            let inputs = RecipeInputs(recipe: shown, base: base, brought: { _ in nil }, header: header)
            let (locked, said) = try inputs.locked(source)
            if locked != source {
                let path = "\(folder.path)/\(file)"
                let mode = Permissions.permissionBits(path)
                try folder.write(file, locked)
                if let mode { _ = unsafe chmod(path, mode) }
            }
            for line in said { output.print(line) }
            return output.end()
        } catch is LuaInterrupted {
            Workbench.complain("interrupted")
            return Session.Exit.interrupted
        } catch {
            Workbench.complain("lock: \(error)")
            return Session.Exit.failure
        }
    }

    private static func header(_ name: String) -> RecipeHeader { RecipeHeader(Stdlib.recipe(name) ?? [], stem: name) }

    /// Names of the data that a recipe inside the binary brings: those that its text mentions.
    static func data(of name: String) -> [String] {
        guard let bytes = Stdlib.recipe(name) else { return [] }
        let text = String(decoding: bytes, as: UTF8.self)
        return Stdlib.dataFiles.filter { text.contains("\"\($0)\"") }
    }

    /// Lets whoever may read a file run it too.
    private static func setExecutable(_ path: String) throws {
        guard let mode = Permissions.permissionBits(path) else { return }
        _ = unsafe chmod(path, mode | (mode & 0o444) >> 2)
    }

    /// A recipe to begin with.
    private static func template(_ name: String) -> String {
        """
        #!/usr/bin/env lorawb
        -- \(name): what this recipe teaches a model, in one line.
        -- version: 0.1
        -- needs: lorawb >= \(Workbench.version)
        -- Name what it reads as `-- input: data/train.tsv`; `lorawb lock \(name).lua` adds the sha256 that `lorawb run --locked` checks.
        -- What should come out is a line too: `-- expects: eval_accuracy >= 0.9`, without the quotes.
        local lorawb = require "lorawb"

        -- Each may be typed: --lr 5e-4. `lorawb help args` says what a parameter can have.
        local args = lorawb.args {
          model = { "models/all-MiniLM-L6-v2", type = "model", help = "model folder, or a name in the Hugging Face cache" },
          data = { "", type = "path", help = "a .tsv, .csv or .jsonl file with the columns text and label" },
          epochs = { 3, min = 0 }, lr = { 2e-3, min = 0 }, r = { 8, min = 1, help = "rank of the adapter" },
        }

        -- A few rows stand here so that it runs as it is.
        local rows = args.data ~= "" and lorawb.load_dataset(args.data) or lorawb.dataset {
          { text = "a good film", label = 1 }, { text = "a bad film", label = 0 },
          { text = "what a fine play", label = 1 }, { text = "dull from end to end", label = 0 },
          { text = "i would see it again", label = 1 }, { text = "i left early", label = 0 },
        }

        local model = lorawb.load_model(args.model, { task_type = "SEQ_CLS", num_labels = 2 })
        local tokenizer = lorawb.load_tokenizer(args.model)
        local data = rows:map(function(row)
          return { input_ids = tokenizer:encode(row.text, { max_length = 128 }), labels = row.label }
        end):train_test_split { test_size = 0.34, seed = 1 }

        model:add_adapter { r = args.r, lora_alpha = 2 * args.r, target_modules = { "query", "value" } }
        model:print_trainable_parameters()

        local trainer = lorawb.trainer {
          model = model, train_dataset = data.train, eval_dataset = data.test, compute_metrics = lorawb.metrics.accuracy,
          args = {
            learning_rate = args.lr, num_train_epochs = args.epochs, per_device_train_batch_size = 16,
            eval_strategy = "epoch", save_strategy = "epoch", load_best_model_at_end = true, metric_for_best_model = "accuracy",
          },
        }
        trainer:train()
        trainer:save_model(lorawb.run_dir .. "/adapter")
        print("the adapter lies in " .. lorawb.run_dir .. "/adapter")

        """
    }
}
