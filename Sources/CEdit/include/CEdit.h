#ifndef LORAWB_CEDIT_H
#define LORAWB_CEDIT_H

#include <stdbool.h>
#include <stddef.h>

// Lines typed and edited on a terminal, through libedit. The library is opened when it is first asked for, never linked and never
// seen by the compiler: a program built without its header uses it, and one without the library runs.
//
// All text is UTF-8. One thread uses this, on standard input and output.

// What the caller adds.
typedef struct edit_hooks {
    void *context;
    // Asked now and then while nothing is typed: whether reading is to end.
    bool (*stops)(void *context);
    // Tab was typed with the cursor at byte `cursor` of `text`; answers by edit_insert and edit_show.
    void (*complete)(void *context, const char *text, size_t length, size_t cursor);
    // Nothing was typed for a moment, with the cursor at the end of `text`; answers by edit_hint. May be null.
    void (*hint)(void *context, const char *text, size_t length);
} edit_hooks;

// How reading a line ended.
enum { EDIT_LINE, EDIT_END, EDIT_STOPPED };

// Opens the library and the terminal. Returns 0, or -1 with the reason in *message.
int edit_open(const edit_hooks *hooks, const char **message);
// Reads a line, or several pasted at once. The text is valid until the next call.
int edit_read(const char *prompt, const char **text, size_t *length);
// Adds an entry to those that the arrow keys bring back.
void edit_remember(const char *entry);
// For `complete`: puts text in at the cursor, or shows text below the line.
void edit_insert(const char *text);
void edit_show(const char *text);
// For `hint`: shows a line beneath the one that is being typed, dim where the terminal's own means may be used; an empty one takes it away.
void edit_hint(const char *text, bool is_dim);
// Leaves the terminal as it was.
void edit_close(void);

#endif
