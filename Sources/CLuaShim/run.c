// From the host into Lua: running chunks and calling functions, always under a protected call.
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { CHUNK, LINE, FUNCTION, REQUIRE };

typedef struct job {
    int kind;
    const char *source;
    size_t length;
    const char *name;
    const lw_line *line;
    int64_t reference;
    bool syntax;  // the text did not compile
} job;

void lw_set_text(lw_text *text, const char *bytes, size_t length) {
    text->length = 0;
    if (!bytes) return;
    char *moved = realloc(text->bytes, length + 1);
    if (!moved) return;
    text->bytes = moved;
    memcpy(text->bytes, bytes, length);
    text->bytes[length] = 0;
    text->length = length;
}

// A byte order mark and a first line that begins with # are not Lua; the line's end stays, so that lines keep their numbers.
static void skip_head(const char **source, size_t *length) {
    if (*length >= 3 && memcmp(*source, "\xEF\xBB\xBF", 3) == 0) {
        *source += 3;
        *length -= 3;
    }
    if (*length == 0 || **source != '#') return;
    const char *end = memchr(*source, '\n', *length);
    size_t skipped = end ? (size_t)(end - *source) : *length;
    *source += skipped;
    *length -= skipped;
}

static void compile(lua_State *L, job *work, const char *source, size_t length) {
    if (luaL_loadbufferx(L, source, length, work->name, "t") == LUA_OK) return;
    work->syntax = true;
    lw_raise(L);
}

static int perform(lua_State *L) {
    job *work = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lw_drain_references(L);
    switch (work->kind) {
    case CHUNK:
        skip_head(&work->source, &work->length);
        compile(L, work, work->source, work->length);
        break;
    case LINE: work->syntax = !lw_compile_line(L, work->line, work->name); break;
    case FUNCTION:
        lw_push_reference(L, work->reference);
        break;
    default:
        lua_pushcfunction(L, lw_require_function);
        lua_pushlstring(L, work->source, work->length);
        lua_call(L, 1, 1);
        return 1;
    }
    if (work->syntax) return lw_raise(L);
    if (work->kind == LINE && work->line->only_compiled) {
        lw_forget_declared(L);
        return 0;
    }
    int arguments = lw_play(L);
    lua_call(L, arguments, LUA_MULTRET);
    if (work->kind == LINE && lua_gettop(L) > 0) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
        lua_pushliteral(L, "_");
        lua_pushvalue(L, 1);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    return lua_gettop(L);
}

static int text_protected(lua_State *L) {
    lw_text *message = &lw_state_of(L)->message;
    size_t length = 0;
    lua_pushlstring(L, message->bytes, message->length);
    lua_pushliteral(L, ": ");
    lw_push_text(L, 1, NULL);
    lua_concat(L, 3);
    const char *text = lua_tolstring(L, -1, &length);
    lw_set_text(message, text, length);
    return 0;
}

static int error_text(lua_State *L) {
    if (lua_type(L, 1) != LUA_TNUMBER && lua_type(L, 1) != LUA_TBOOLEAN) {
        if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) return 0;
        lua_pop(L, 1);
    }
    return text_protected(L);
}

// What an error that is no text is called: its place, and its kind.
static void set_kind(lw_state *state, const char *type) {
    char kind[512] = "";
    strncat(kind, state->place.length ? state->place.bytes : "", sizeof kind - 64);
    strncat(kind, strcmp(type, "nil") == 0 ? "error object is " : "error object is a ", 20);
    strncat(kind, type, 36);
    lw_set_text(&state->message, kind, strlen(kind));
}

// An error value's text behind its place and kind. Its __tostring is the script's: it runs protected, and is stopped as everything else.
static void take_message(lw_state *state, lua_State *L, int error) {
    size_t length = 0;
    if (lua_type(L, error) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, error, &length);
        lw_set_text(&state->message, text, length);
        return;
    }
    set_kind(state, lw_type_name(L, error));
    if (state->depth > 1 && lua_getmetatable(L, error)) {  // it may be caught yet: nobody has asked for a text
        lua_pop(L, 1);
        return;
    }
    lua_pushcfunction(L, error_text);
    lua_pushvalue(L, error);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static bool ends_with(const lw_text *text, const char *end) {
    size_t length = strlen(end);
    return text->length >= length && memcmp(text->bytes + text->length - length, end, length) == 0;
}

static int advice_protected(lua_State *L) {
    lw_state *state = lw_state_of(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_hints);
    lua_getfield(L, -1, state->missing);
    const char *advice = lua_tostring(L, -1);
    lua_pushlstring(L, state->message.bytes, state->message.length);
    lua_pushfstring(L, "; '%s' is not available to recipes%s%s", state->missing, advice ? "; " : "", advice ? advice : "");
    lua_concat(L, 2);
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    lw_set_text(&state->message, text, length);
    return 0;
}

// os.execute and its like read as nil: the message of the call that follows, or of what is looked for in it, says why.
static void add_advice(lw_state *state, lua_State *L) {
    const char *field = strchr(state->missing, '.');
    if (!field || !state->message.length) return;
    static const char *const heads[] = {"attempt to call a nil value (field '", "attempt to index a nil value (field '",
                                        "attempt to call a nil value (method '"};
    bool is_expected = false;
    for (int i = 0; i < 3; i++) {
        char expected[96] = "";
        strncat(expected, heads[i], 40);
        strncat(expected, field + 1, 48);
        strncat(expected, "')", 3);
        is_expected = is_expected || ends_with(&state->message, expected);
    }
    if (!is_expected) return;
    lua_pushcfunction(L, advice_protected);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static int same_error(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_error);
    lua_pushboolean(L, lua_rawequal(L, 1, -1));
    return 1;
}

// The error value is on top of the stack.
static int take_failure(lw_state *state, lua_State *L, int code, const job *work) {
    int error = lua_gettop(L);
    if (state->error) lw_unreference(state, state->error);
    state->error = 0;
    if (!lua_checkstack(L, 8)) {
        lw_set_text(&state->message, "stack overflow", 14);
        return LW_ERROR;
    }
    lua_pushcfunction(L, same_error);
    lua_pushvalue(L, error);
    bool traced = lua_pcall(L, 1, 1, 0) == LUA_OK && lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (!traced) state->traceback.length = state->place.length = 0;
    if (lua_type(L, error) != LUA_TNIL) state->error = lw_reference(state, L, error);
    take_message(state, L, error);
    if (!work->syntax) add_advice(state, L);
    if (state->kill) {  // perhaps only while the error value was told
        const char *word = state->kill == LW_TIME ? "time limit" : "interrupted";
        lw_set_text(&state->message, word, strlen(word));
        return state->kill == LW_TIME ? LW_STOPPED_TIME : LW_STOPPED_INTERRUPT;
    }
    if (work->syntax) return ends_with(&state->message, "<eof>") ? LW_INCOMPLETE : LW_SYNTAX;
    static const char memory[] = "not enough memory";
    bool is_memory = state->message.length == sizeof memory - 1 && ends_with(&state->message, memory);
    return code == LUA_ERRMEM || is_memory ? LW_STOPPED_MEMORY : LW_ERROR;
}

static lw_results start(lw_state *state, job *work) {
    lw_results results = {.status = LW_ERROR, .base = -1};
    if (!state->main || lw_is_elsewhere(state)) {
        const char *text = state->main ? "the lua state is running on another thread" : "the lua state is closed";
        lw_set_text(&state->message, text, strlen(text));
        state->traceback.length = 0;
        lw_out_reset(state);
        return results;
    }
    lw_enter(state);
    lua_State *L = state->current;
    results.thread = L;
    results.base = lua_gettop(L);
    if (!lua_checkstack(L, 8)) {
        lw_set_text(&state->message, "stack overflow", 14);
        state->traceback.length = 0;
        lw_out_reset(state);
        lw_leave(state);
        return results;
    }
    if (state->depth == 1) state->traceback.length = state->place.length = 0;
    lua_pushcfunction(L, lw_message_handler);
    lua_pushcfunction(L, perform);
    lua_pushlightuserdata(L, work);
    int calls = state->calls, closing = state->closing;
    lw_resume *resumes = state->resumes;
    int code = lua_pcall(L, 1, LUA_MULTRET, results.base + 1);
    state->current = L;  // errors that passed through a resume leave by a jump
    state->calls = calls;
    state->closing = closing;
    state->resumes = resumes;
    lua_remove(L, results.base + 1);
    if (work->kind == LINE) lw_keep_locals(L, code == LUA_OK);
    if (code == LUA_OK) {
        results.status = LW_OK;
        results.count = lua_gettop(L) - results.base;
    } else {
        results.status = take_failure(state, L, code, work);
        lua_settop(L, results.base);
    }
    lw_leave(state);
    return results;
}

lw_results lw_run(lw_state *state, const char *source, size_t length, const char *name) {
    job work = {.kind = CHUNK, .source = source, .length = length, .name = name};
    return start(state, &work);
}

lw_results lw_evaluate(lw_state *state, const lw_line *line, const char *name) {
    job work = {.kind = LINE, .line = line, .name = name};
    return start(state, &work);
}

lw_results lw_call_function(lw_state *state, int64_t reference) {
    job work = {.kind = FUNCTION, .reference = reference};
    return start(state, &work);
}

lw_results lw_require(lw_state *state, const char *name, size_t length) {
    job work = {.kind = REQUIRE, .source = name, .length = length};
    return start(state, &work);
}

const char *lw_failure_message(const lw_state *state, size_t *length) {
    *length = state->message.length;
    return state->message.bytes;
}

const char *lw_failure_traceback(const lw_state *state, size_t *length) {
    *length = state->traceback.length;
    return state->traceback.bytes;
}

int64_t lw_failure_value(lw_state *state) {
    int64_t error = state->error;
    state->error = 0;
    return error;
}
