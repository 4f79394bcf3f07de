import CEdit
import LuaBridge
import Words

/// Lines edited on a terminal, by libedit: arrows, history, Tab, pastes.
final class EditedLines: LineReader {
    /// What Tab does: given an entry and the place of the cursor in its bytes.
    typealias Complete = (_ text: [UInt8], _ cursor: Int) -> Completion?

    /// What is shown beneath an entry that is being typed, its cursor at its end, in one line; empty for nothing.
    typealias Hint = (_ text: [UInt8]) -> String

    private let complete: Complete
    private let hint: Hint?
    private let marks: Bool

    /// Terminals that move the cursor as a VT100 does, and keep lines beneath it.
    private static let known = [
        "xterm", "screen", "tmux", "rxvt", "linux", "vt1", "vt2", "alacritty", "kitty", "foot", "konsole", "gnome",
        "wezterm", "putty", "cygwin", "eterm",
    ]

    private static var showsHints: Bool {
        guard let terminal = ModelCache.environment("TERM"), ModelCache.environment("LORAWB_HINTS") != "0" else {
            return false
        }
        return known.contains { terminal.hasPrefix($0) }
    }

    /// Takes the terminal; nil where libedit is not there, or the terminal cannot do it.
    ///
    /// - Parameter marks: whether what is important in hints is marked by the terminal's own means.
    init?(marks: Bool = false, complete: @escaping Complete, hint: Hint? = nil) {
        (self.complete, self.hint, self.marks) = (complete, hint, marks)
        guard let terminal = ModelCache.environment("TERM"), terminal != "dumb",
            ModelCache.environment("LORAWB_EDIT") != "0"
        else { return nil }
        var hooks = unsafe edit_hooks()
        unsafe hooks.context = Unmanaged.passUnretained(self).toOpaque()
        unsafe hooks.stops = { _ in LuaInterrupt.hasArrived }
        if hint != nil, EditedLines.showsHints {
            unsafe hooks.hint = { context, text, length in
                guard let context = unsafe context, let text = unsafe text else { return }
                let lines = unsafe Unmanaged<EditedLines>.fromOpaque(context).takeUnretainedValue()
                let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
                unsafe edit_hint(lines.hint?(Array(bytes)) ?? "", lines.marks)
            }
        }
        unsafe hooks.complete = { context, text, length, cursor in
            guard let context = unsafe context, let text = unsafe text else { return }
            let lines = unsafe Unmanaged<EditedLines>.fromOpaque(context).takeUnretainedValue()
            let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
            unsafe lines.answer(Array(bytes), cursor)
        }
        var message: UnsafePointer<CChar>? = nil
        guard unsafe edit_open(&hooks, &message) == 0 else { return nil }
    }

    private func answer(_ text: [UInt8], _ cursor: Int) {
        guard let completion = complete(text, cursor) else { return }
        if !completion.insertion.isEmpty { unsafe edit_insert(completion.insertion) }
        guard completion.insertion.isEmpty else { return }
        var parts = completion.hint.map { [$0.text(width: Output.columns, marks: marks)] } ?? []
        if !completion.choices.isEmpty {
            parts.append(Columns.text(completion.choices.map { Shown.name($0) }, width: Output.columns))
        }
        if !parts.isEmpty { unsafe edit_show(parts.joined(separator: "\n")) }
    }

    func read(prompt: String) -> TypedLine {
        var text: UnsafePointer<CChar>? = nil
        var length = 0
        switch Int(unsafe edit_read(prompt, &text, &length)) {
        case EDIT_STOPPED: return .interrupted
        case EDIT_LINE:
            let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
            var line = unsafe String(decoding: bytes, as: UTF8.self)
            while line.hasSuffix("\n") { line.removeLast() }
            return .line(line)
        default: return .end
        }
    }

    func remember(_ entry: String) {
        // libedit's texts end at a zero byte.
        guard !entry.utf8.contains(0) else { return }
        unsafe edit_remember(entry)
    }

    func close() { edit_close() }
}
