#include "CEdit.h"

#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

// What is used of <histedit.h>, as it has been since 2012.
typedef struct editline EditLine;
typedef struct historyW HistoryW;
typedef struct lineinfow {
    const wchar_t *buffer, *cursor, *lastchar;
} LineInfoW;
typedef struct histeventW {
    int num;
    const wchar_t *str;
} HistEventW;
enum { EL_PROMPT = 0, EL_EDITOR = 2, EL_SIGNAL = 3, EL_BIND = 4, EL_ADDFN = 9, EL_HIST = 10, EL_GETCFN = 13, EL_PREP_TERM = 16,
       EL_REFRESH = 20 };
enum { H_SETSIZE = 1, H_ENTER = 10, H_SETUNIQUE = 20 };
enum { CC_NORM = 0, CC_REFRESH = 4, CC_ERROR = 6, CC_REDISPLAY = 8 };

#define FUNCTIONS(F) \
    F(EditLine *, el_init, (const char *, FILE *, FILE *, FILE *)) \
    F(void, el_end, (EditLine *)) \
    F(const wchar_t *, el_wgets, (EditLine *, int *)) \
    F(void, el_wpush, (EditLine *, const wchar_t *)) \
    F(int, el_wset, (EditLine *, int, ...)) \
    F(void, el_resize, (EditLine *)) \
    F(void, el_reset, (EditLine *)) \
    F(int, el_cursor, (EditLine *, int)) \
    F(const LineInfoW *, el_wline, (EditLine *)) \
    F(int, el_winsertstr, (EditLine *, const wchar_t *)) \
    F(HistoryW *, history_winit, (void)) \
    F(void, history_wend, (HistoryW *)) \
    F(int, history_w, (HistoryW *, HistEventW *, int, ...))
#define DECLARE(result, name, parameters) result(*name) parameters;
static struct { FUNCTIONS(DECLARE) } api;

static EditLine *editor;
static HistoryW *history;
static edit_hooks caller;
static wchar_t prompt[64];
static char *line;
static struct winsize shown_size;
static volatile sig_atomic_t continued;
static bool line_begins, shows;
// Characters that were typed so far, and when an arrow last brought an entry back.
static unsigned long typed_count, recalled_at;
// The line beneath the one that is being typed, and whether to ask for another one when nothing comes for a moment.
static char hint[4096];
static bool hint_is_due, is_shown_above;
// What was read of the terminal and not used yet.
static unsigned char waiting[4096];
static size_t waiting_start, waiting_end;

enum { HISTORY_SIZE = 1000, LARGEST_PASTE = 1 << 22, HINT_PAUSE = 120 };
static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l", paste_end[] = "\033[201~";

static void put(const char *text) {
    fflush(stdout);
    for (size_t left = strlen(text); left;) {
        ssize_t count = write(STDOUT_FILENO, text, left);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        text += count;
        left -= (size_t)count;
    }
}

// MARK: Text

// Decodes UTF-8; what is none becomes U+FFFD. The result is the caller's to free; null without memory.
static wchar_t *decode(const char *text, size_t length) {
    wchar_t *wide = malloc((length + 1) * sizeof *wide), *target = wide;
    if (!wide) return NULL;
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)text[i];
        size_t more = first < 0x80 ? 0 : first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 9;
        if (first >= 0xF5) more = 9;
        uint32_t code = more == 0 ? first : more > 3 ? 0xFFFD : first & (0x3F >> more);
        size_t used = 1;
        for (; more < 9 && used <= more && i + used < length && ((unsigned char)text[i + used] & 0xC0) == 0x80; used++) {
            code = code << 6 | ((unsigned char)text[i + used] & 0x3F);
        }
        if (more < 9 && used <= more) code = 0xFFFD;
        *target++ = (wchar_t)code;
        i += used;
    }
    *target = 0;
    return wide;
}

// Encodes as UTF-8; the result is the caller's to free. Counts the bytes, and those before `cursor`.
static char *encode(const wchar_t *wide, size_t count, size_t *length, size_t cursor, size_t *cursor_byte) {
    char *text = malloc(count * 4 + 1), *target = text;
    if (!text) return NULL;
    for (size_t i = 0; i <= count; i++) {
        if (i == cursor && cursor_byte) *cursor_byte = (size_t)(target - text);
        if (i == count) break;
        uint32_t code = (uint32_t)wide[i];
        if (code < 0x80) {
            *target++ = (char)code;
        } else if (code < 0x800) {
            *target++ = (char)(0xC0 | code >> 6);
            *target++ = (char)(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            *target++ = (char)(0xE0 | code >> 12);
            *target++ = (char)(0x80 | (code >> 6 & 0x3F));
            *target++ = (char)(0x80 | (code & 0x3F));
        } else {
            *target++ = (char)(0xF0 | (code >> 18 & 7));
            *target++ = (char)(0x80 | (code >> 12 & 0x3F));
            *target++ = (char)(0x80 | (code >> 6 & 0x3F));
            *target++ = (char)(0x80 | (code & 0x3F));
        }
    }
    *target = 0;
    *length = (size_t)(target - text);
    return text;
}

// MARK: Hints

// The cursor is put back by the terminal, so that libedit knows nothing of the line beneath.
static void take_hint_away(void) {
    if (!*hint) return;
    *hint = 0;
    put("\0337\033[B\r\033[J\0338");
}

void edit_hint(const char *text, bool is_dim) {
    if (strncmp(hint, text, sizeof hint - 1) == 0) return;
    if (!*text) return take_hint_away();
    snprintf(hint, sizeof hint, "%s", text);
    char drawn[sizeof hint + 64];
    // Down and up again makes room where the cursor is in the last row.
    snprintf(drawn, sizeof drawn, "\033D\033[A\0337\033[B\r\033[J%s%s%s\0338", is_dim ? "\033[2m" : "", hint, is_dim ? "\033[0m" : "");
    put(drawn);
}

// Columns of the row that the end of an entry is in; 0 where it is not known.
static size_t end_column(const LineInfoW *info) {
    size_t used = 0;
    const wchar_t *start = info->lastchar;
    while (start > info->buffer && start[-1] != L'\n') start--;
    if (start == info->buffer) used = wcslen(prompt);
    for (const wchar_t *c = start; c < info->lastchar; c++) {
        int width = wcwidth(*c);
        used += width > 0 ? (size_t)width : 0;
    }
    return shown_size.ws_col ? used % shown_size.ws_col : 0;
}

static void ask_for_hint(void) {
    hint_is_due = false;
    const LineInfoW *info = api.el_wline(editor);
    size_t column = end_column(info), length = 0;
    // At the edge terminals differ in which row the cursor is.
    bool fits = column > 0 && column + 1 < shown_size.ws_col;
    char *text = info->cursor == info->lastchar && fits ? encode(info->buffer, (size_t)(info->lastchar - info->buffer), &length, 0, NULL) : NULL;
    if (text) {
        caller.hint(caller.context, text, length);
    } else {
        take_hint_away();
    }
    free(text);
}

// A character at the end of the entry leaves the line beneath as it is; anything else may move the cursor, or print.
static void keep_hint_for(int byte) {
    if (!*hint) return;
    const LineInfoW *info = api.el_wline(editor);
    bool is_plain = byte >= 0x20 && byte < 0x7F && info->cursor == info->lastchar && end_column(info) + 2 < shown_size.ws_col;
    if (!is_plain || waiting_start < waiting_end) take_hint_away();
}

// MARK: Reading

// The next byte of the terminal; -1 at its end, -2 where the caller stops.
static int next_byte(void) {
    while (waiting_start == waiting_end) {
        if (caller.stops(caller.context)) return -2;
        // Woken now and then: a signal may come just before poll, or reach another thread.
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        int ready = poll(&input, 1, hint_is_due ? HINT_PAUSE : 100);
        if (ready <= 0) {
            if (continued) return -3;
            if (ready == 0 && hint_is_due) ask_for_hint();
            continue;
        }
        hint_is_due = false;
        ssize_t count = read(STDIN_FILENO, waiting, sizeof waiting);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        waiting_start = 0;
        waiting_end = (size_t)count;
    }
    return waiting[waiting_start++];
}

// After a stop by Ctrl-Z the terminal is as the shell left it.
static void take_terminal_back(EditLine *el) {
    continued = 0;
    *hint = 0;
    api.el_wset(el, EL_PREP_TERM, 0);
    api.el_wset(el, EL_PREP_TERM, 1);
    put(paste_on);
    api.el_wset(el, EL_REFRESH);
}

static void follow_size(EditLine *el) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
    if (size.ws_col == shown_size.ws_col && size.ws_row == shown_size.ws_row) return;
    take_hint_away();
    shown_size = size;
    api.el_resize(el);
}

// Moves to the last line of an entry, from the cursor's.
static void below_entry(EditLine *el) {
    const LineInfoW *info = api.el_wline(el);
    for (const wchar_t *c = info->cursor; c < info->lastchar; c++) {
        if (*c == L'\n') put("\n");
    }
}

static int read_character(EditLine *el, wchar_t *character) {
    if (line_begins) {
        line_begins = false;
        put(paste_on);  // behind the prompt, so that the prompt begins its line
    }
    int first;
    hint_is_due = caller.hint && waiting_start == waiting_end && !is_shown_above;
    is_shown_above = false;
    while ((first = next_byte()) == -3) take_terminal_back(el);
    hint_is_due = false;
    keep_hint_for(first);
    follow_size(el);
    if (first == -1) return 0;
    if (first < 0) {
        below_entry(el);
        errno = EINTR;
        return -1;
    }
    // The mark of a paste becomes one key: a search, which an escape would end, hands it on whole.
    static const char mark[] = "[200~";
    if (first == 0x1F) first = 0;
    if (first == 033 && waiting_end - waiting_start >= sizeof mark - 1
        && memcmp(waiting + waiting_start, mark, sizeof mark - 1) == 0) {
        waiting_start += sizeof mark - 1;
        first = 0x1F;
    }
    char bytes[4] = {(char)first};
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0, count = 1;
    while (count <= more) {
        int next = next_byte();
        if (next < 0) break;
        if ((next & 0xC0) != 0x80) {
            waiting_start--;
            break;
        }
        bytes[count++] = (char)next;
    }
    wchar_t *wide = decode(bytes, count);
    if (!wide) return -1;
    *character = *wide;
    free(wide);
    typed_count++;
    return 1;
}

// MARK: What keys do

// A terminal that knows of pastes puts marks around them: what is between is text, whatever keys it would be.
static unsigned char paste(EditLine *el, wint_t key) {
    (void)key;
    size_t size = 4096, length = 0;
    char *text = malloc(size);
    while (text) {
        int byte = next_byte();
        if (byte == -3) continue;
        if (byte < 0) break;
        if (length + 2 > size) {
            char *larger = size < LARGEST_PASTE ? realloc(text, size * 2) : NULL;
            if (!larger) break;
            text = larger;
            size *= 2;
        }
        text[length++] = (char)byte;
        size_t mark = sizeof paste_end - 1;
        if (length >= mark && memcmp(text + length - mark, paste_end, mark) == 0) {
            length -= mark;
            break;
        }
    }
    if (!text) return CC_ERROR;
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '\r') {
            if (i + 1 < length && text[i + 1] == '\n') continue;
            byte = '\n';
        }
        if ((byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t') text[kept++] = (char)byte;
    }
    while (kept && text[kept - 1] == '\n') kept--;
    wchar_t *wide = decode(text, kept);
    free(text);
    int result = wide && *wide ? api.el_winsertstr(el, wide) : 0;
    free(wide);
    return result == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char complete(EditLine *el, wint_t key) {
    (void)key;
    const LineInfoW *info = api.el_wline(el);
    size_t length = 0, cursor = 0;
    char *text = encode(info->buffer, (size_t)(info->lastchar - info->buffer), &length, (size_t)(info->cursor - info->buffer), &cursor);
    if (!text) return CC_ERROR;
    shows = false;
    caller.complete(caller.context, text, length, cursor);
    free(text);
    is_shown_above = shows;
    return shows ? CC_REDISPLAY : CC_REFRESH;
}

void edit_insert(const char *text) {
    wchar_t *wide = decode(text, strlen(text));
    if (wide && *wide) api.el_winsertstr(editor, wide);
    free(wide);
}

void edit_show(const char *text) {
    below_entry(editor);
    put("\n");
    put(text);
    put("\n");
    shows = true;
}

// The arrows go through the lines of an entry before they go through the history; but who goes through the history goes on, whatever
// lines the entries have. An arrow is three characters.
static bool is_recalling(void) { return recalled_at && typed_count - recalled_at <= 3; }

static unsigned char recall(EditLine *el, const wchar_t *key) {
    recalled_at = typed_count;
    api.el_wpush(el, key);
    return CC_NORM;
}

static size_t column_of(const LineInfoW *info) {
    const wchar_t *start = info->cursor;
    while (start > info->buffer && start[-1] != L'\n') start--;
    return (size_t)(info->cursor - start);
}

static unsigned char up(EditLine *el, wint_t key) {
    (void)key;
    const LineInfoW *info = api.el_wline(el);
    size_t column = column_of(info);
    const wchar_t *start = info->cursor - column;
    if (start == info->buffer || is_recalling()) return recall(el, L"\020");
    const wchar_t *before = start - 1;
    while (before > info->buffer && before[-1] != L'\n') before--;
    size_t length = (size_t)(start - 1 - before);
    api.el_cursor(el, (int)(before + (column < length ? column : length) - info->cursor));
    return CC_REFRESH;
}

static unsigned char down(EditLine *el, wint_t key) {
    (void)key;
    const LineInfoW *info = api.el_wline(el);
    size_t column = column_of(info);
    const wchar_t *end = info->cursor;
    while (end < info->lastchar && *end != L'\n') end++;
    if (end == info->lastchar || is_recalling()) return recall(el, L"\016");
    const wchar_t *next = end + 1, *next_end = next;
    while (next_end < info->lastchar && *next_end != L'\n') next_end++;
    size_t length = (size_t)(next_end - next);
    api.el_cursor(el, (int)(next + (column < length ? column : length) - info->cursor));
    return CC_REFRESH;
}

static wchar_t *give_prompt(EditLine *el) {
    (void)el;
    return prompt;
}

static void bind_key(const wchar_t *key, const wchar_t *command) { api.el_wset(editor, EL_BIND, key, command, NULL); }

static void bind_keys(void) {
    static const struct { const wchar_t *name, *help; unsigned char (*function)(EditLine *, wint_t); } own[] = {
        {L"lorawb-complete", L"Completes the word", complete}, {L"lorawb-paste", L"Takes a paste as text", paste},
        {L"lorawb-up", L"Line above or entry before", up}, {L"lorawb-down", L"Line below or entry after", down}};
    static const wchar_t *const keys[][2] = {
        {L"\t", L"lorawb-complete"}, {L"\033[200~", L"lorawb-paste"},
        {L"\033[A", L"lorawb-up"}, {L"\033OA", L"lorawb-up"}, {L"\033[B", L"lorawb-down"}, {L"\033OB", L"lorawb-down"},
        {L"\033[C", L"ed-next-char"}, {L"\033OC", L"ed-next-char"}, {L"\033[D", L"ed-prev-char"}, {L"\033OD", L"ed-prev-char"},
        {L"\033[H", L"ed-move-to-beg"}, {L"\033OH", L"ed-move-to-beg"}, {L"\033[1~", L"ed-move-to-beg"}, {L"\033[7~", L"ed-move-to-beg"},
        {L"\033[F", L"ed-move-to-end"}, {L"\033OF", L"ed-move-to-end"}, {L"\033[4~", L"ed-move-to-end"}, {L"\033[8~", L"ed-move-to-end"},
        {L"\033[3~", L"ed-delete-next-char"}, {L"\033[1;5C", L"em-next-word"}, {L"\033[1;5D", L"ed-prev-word"},
        {L"\033[1;3C", L"em-next-word"}, {L"\033[1;3D", L"ed-prev-word"}, {L"\022", L"em-inc-search-prev"},
        // libedit's own commands could unbind all of these, and it crashes at some.
        {L"\033x", L"ed-unassigned"}, {L"\033X", L"ed-unassigned"}, {L"\037", L"lorawb-paste"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        api.el_wset(editor, EL_ADDFN, own[i].name, own[i].help, own[i].function);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) bind_key(keys[i][0], keys[i][1]);
}

// MARK: Opening

static const char *open_library(void) {
    static const char *const names[] = {"libedit.so.2", "libedit.so.0", "libedit.so", "libedit.3.dylib", "libedit.dylib"};
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libedit is not installed";
#define RESOLVE(result, name, parameters) \
    *(void **)&api.name = dlsym(library, #name); \
    if (!api.name) return "libedit lacks " #name;
    FUNCTIONS(RESOLVE)
    return NULL;
}

// Characters are those of UTF-8 whatever the user's locale is; numbers and the order of texts stay C's.
static void set_characters(void) {
    static const char *const names[] = {"", "C.UTF-8", "en_US.UTF-8", "UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_CTYPE, names[i]) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0) return;
    }
}

static bool describes(const char *folder, const char *below, const char *terminal) {
    char path[512];
    if (!folder || !*folder) return false;
    snprintf(path, sizeof path, "%s%s/%c/%s", folder, below, *terminal, terminal);
    if (access(path, R_OK) == 0) return true;
    snprintf(path, sizeof path, "%s%s/%02x/%s", folder, below, (unsigned char)*terminal, terminal);
    return access(path, R_OK) == 0;
}

// Whether the machine knows a terminal of this name: libedit complains of others, and moves no cursor on them.
static bool is_known(const char *terminal) {
    static const char *const folders[] = {"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo",
                                          "/usr/local/share/terminfo", "/opt/homebrew/share/terminfo"};
    if (!terminal || !*terminal || strchr(terminal, '/')) return false;
    if (describes(getenv("TERMINFO"), "", terminal) || describes(getenv("HOME"), "/.terminfo", terminal)) return true;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (describes(folders[i], "", terminal)) return true;
    }
    return false;
}

static void on_continue(int signal) {
    (void)signal;
    continued = 1;
}

int edit_open(const edit_hooks *hooks, const char **message) {
    *message = open_library();
    if (*message) return -1;
    // What the machine does not know, such as the terminal of a newer one at the other end, understands what an xterm does.
    if (!is_known(getenv("TERM"))) {
        if (!is_known("xterm") || setenv("TERM", "xterm", 1) != 0) {
            *message = "the terminal is not known";
            return -1;
        }
    }
    set_characters();
    caller = *hooks;
    editor = api.el_init("lorawb", stdin, stdout, stderr);
    history = editor ? api.history_winit() : NULL;
    if (!history) {
        *message = "libedit could not take the terminal";
        edit_close();
        return -1;
    }
    HistEventW event;
    api.history_w(history, &event, H_SETSIZE, HISTORY_SIZE);
    api.history_w(history, &event, H_SETUNIQUE, 1);
    api.el_wset(editor, EL_SIGNAL, 0);
    api.el_wset(editor, EL_PROMPT, give_prompt);
    api.el_wset(editor, EL_EDITOR, L"emacs");
    api.el_wset(editor, EL_HIST, api.history_w, history);
    api.el_wset(editor, EL_GETCFN, read_character);
    bind_keys();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, NULL);
    return 0;
}

int edit_read(const char *text_of_prompt, const char **text, size_t *length) {
    wchar_t *wide = decode(text_of_prompt, strlen(text_of_prompt));
    if (wide) wcsncpy(prompt, wide, sizeof prompt / sizeof *prompt - 1);
    free(wide);
    follow_size(editor);
    line_begins = true;
    recalled_at = 0;
    continued = 0;
    api.el_wset(editor, EL_PREP_TERM, 1);  // before the prompt: what is typed from then on is not shown twice
    int count = 0;
    errno = 0;
    const wchar_t *typed = api.el_wgets(editor, &count);
    if (!typed) {
        bool stopped = caller.stops(caller.context);
        if (stopped) waiting_start = waiting_end = 0;
        return stopped ? EDIT_STOPPED : EDIT_END;
    }
    free(line);
    line = encode(typed, (size_t)count, length, 0, NULL);
    *text = line;
    return line ? EDIT_LINE : EDIT_END;
}

void edit_remember(const char *entry) {
    HistEventW event;
    wchar_t *wide = decode(entry, strlen(entry));
    if (wide) api.history_w(history, &event, H_ENTER, wide);
    free(wide);
}

void edit_close(void) {
    if (history) api.history_wend(history);
    if (editor) {
        put(paste_off);
        api.el_end(editor);
    }
    history = NULL;
    editor = NULL;
    free(line);
    line = NULL;
}
