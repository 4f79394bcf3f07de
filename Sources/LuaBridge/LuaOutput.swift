import CLuaShim
import Words

/// Where `print` writes.
public enum LuaOutput {
    /// Standard output; on a terminal control characters are made visible, so that a script cannot draw a forged question.
    public static func standard(_ text: LuaString) {
        let shown = lw_is_terminal() ? LuaString(Shown.text(text.text)) : text
        shown.withBytes { lw_write($0, $1) }
    }
}
