import Formats
import LuaBridge
import Reports

/// What recipes can call, told: the text of help, the manual, definitions for editors.
public enum Reference {
    /// All that is registered, in the order of registration.
    package static func documentation() throws -> [LuaDocumentation] { try host().documentation }

    /// A host with all that is registered, in which nothing is run.
    static func host() throws -> LuaHost {
        let permissions = Permissions(base: "/")
        let run = RunFolder(named: nil, stem: "help", workingFolder: "/", permissions: permissions)
        let context = RecipeContext(
            permissions: permissions, runFolder: run, words: [], workingFolder: "/", wantsHelp: false,
            recipeName: "help", source: [], options: SessionOptions(), output: Output())
        return try RecipeEnvironment.make(context)
    }

    /// The text about a name, or the overview; false where nothing has that name, with what is near.
    public static func help(about name: String?) throws -> (text: String, isFound: Bool) {
        let help = LuaHelp(try documentation())
        guard let name else { return (help.overview, true) }
        if let text = help.text(about: name) { return (text, true) }
        return (help.refusal(of: name), false)
    }

    /// The manual that docs/api.md holds.
    public static func manual() throws -> String {
        LuaManual(try documentation()).markdown(
            title: "What recipes can call",
            introduction: """
                This page is made of the declarations that the program itself reads: `lorawb help --markdown > docs/api.md`. `lorawb help NAME` shows
                one entry, `help(x)` does in the interactive session. Names are PEFT's and transformers' where the concept is theirs. Positions and
                dimensions count from 1 as in Lua; ids of tokens and classes, and numbers of layers, count from 0 as in the files. An option that is
                not listed is an error that names the nearest one; so is a field that a table of the host's has not.
                """)
    }

    /// Writes definitions for the Lua language server into `path`: `library/lorawb.lua`, and `.luarc.json` where there is none.
    ///
    /// Gives what the user should be told, a line each.
    public static func writeStubs(to path: String) throws -> [String] {
        let permissions = Permissions(base: Machine.workingFolder)
        permissions.allow(.write, "/")
        let folder = try permissions.writingFolder(path)
        let stubs = LuaStubs(try documentation()).text(module: "lorawb")
        try folder.subfolder("library", create: true).write("lorawb.lua", text: stubs)
        var notes = ["\(path)/library/lorawb.lua: definitions of what recipes can call"]
        let settings = """
            {
              "runtime.version": "Lua 5.4",
              "workspace.library": ["library"]
            }

            """
        if folder.exists(".luarc.json") {
            let known = try folder.readText(".luarc.json")
            if known != settings {
                notes.append(
                    "\(path)/.luarc.json is there already and stays; add to it: \"workspace.library\": [\"library\"]")
            }
        } else {
            try folder.write(".luarc.json", text: settings)
            notes.append("\(path)/.luarc.json: settings of the Lua language server")
        }
        return notes
    }
}
