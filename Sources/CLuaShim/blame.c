// Whose line an error is: the recipe's, not the library's that it called.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { MAX_FRAMES = 20, LINE = 512 };

static bool is_library(const lua_Debug *frame) {
    return strncmp(frame->source, "=lorawb/", 8) == 0 || strncmp(frame->source, "=[C]", 4) == 0;
}

static bool push_position_of(lua_State *L, lua_State *from) {
    lua_Debug frame;
    for (int level = L == from ? 1 : 0; lua_getstack(from, level, &frame); level++) {
        if (!lua_getinfo(from, "Sl", &frame) || frame.currentline <= 0 || is_library(&frame)) continue;
        lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
        return true;
    }
    return false;
}

// Looks through the frames above the running function, then through those of the coroutines that wait for this one.
void lw_push_position(lua_State *L) {
    if (push_position_of(L, L)) return;
    for (lw_resume *frame = lw_state_of(L)->resumes; frame; frame = frame->up) {
        if (frame->parent != L && push_position_of(L, frame->parent)) return;
    }
    lua_pushliteral(L, "");
}

static void append(lw_text *text, const char *line) {
    size_t length = strlen(line);
    char *moved = realloc(text->bytes, text->length + length + 2);
    if (!moved) return;
    text->bytes = moved;
    if (text->length) text->bytes[text->length++] = '\n';
    memcpy(text->bytes + text->length, line, length + 1);
    text->length += length;
}

// Names of functions come out of recipes and data: none of them begins a line of its own.
static void keep_one_line(char *line) {
    for (; *line; line++) {
        if ((unsigned char)*line < 0x20 || *line == 0x7f) *line = '?';
    }
}

static void describe_frame(const lua_Debug *frame, char *line) {
    int length = frame->currentline > 0 ? snprintf(line, LINE, "%s:%d: in ", frame->short_src, frame->currentline)
                                        : snprintf(line, LINE, "%s: in ", frame->short_src);
    size_t left = LINE - (size_t)length;
    if (*frame->namewhat) {
        snprintf(line + length, left, "%s '%s'", frame->namewhat, frame->name);
    } else if (*frame->what == 'm') {
        snprintf(line + length, left, "main chunk");
    } else {
        snprintf(line + length, left, "function <%s:%d>", frame->short_src, frame->linedefined);
    }
    keep_one_line(line);
}

static int trace(lua_State *L, int level, lw_text *text, int frames, bool full) {
    lua_Debug frame;
    char line[LINE];
    for (; frames < MAX_FRAMES && lua_getstack(L, level, &frame); level++) {
        if (!lua_getinfo(L, "Slnt", &frame)) continue;
        if (!full && (is_library(&frame) || frame.currentline <= 0)) continue;
        describe_frame(&frame, line);
        append(text, line);
        if (++frames == MAX_FRAMES) append(text, "...");
    }
    return frames;
}

// Keeps the frames of an error, and which error they belong to: one that passes through a host function arrives here once
// more, with fewer of them.
int lw_message_handler(lua_State *L) {
    lw_state *state = lw_state_of(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_error);
    bool same = lua_rawequal(L, 1, -1) && state->traceback.length;
    lua_settop(L, 1);
    if (same) return 1;
    lua_pushvalue(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lw_key_error);
    state->traceback.length = state->place.length = 0;
    if (lua_type(L, 1) != LUA_TSTRING) {
        lw_push_position(L);
        size_t length = 0;
        const char *place = lua_tolstring(L, -1, &length);
        lw_set_text(&state->place, place, length);
        lua_settop(L, 1);
    }
    int frames = trace(L, 1, &state->traceback, 0, state->full_traceback);
    for (lw_resume *frame = state->resumes; frame; frame = frame->up) {
        if (frame->parent != L) frames = trace(frame->parent, 0, &state->traceback, frames, state->full_traceback);
    }
    return 1;
}
