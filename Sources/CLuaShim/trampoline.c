// From Lua to the host and back. The only place that raises: after the host has returned, above no frame but our own.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

int lw_raise(lua_State *L) { return lua_error(L); }

// Puts a text in place of the one on top of the stack in which control characters are shown: names in messages come out of data.
static void show_controls(lua_State *L) {
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    luaL_Buffer shown;
    luaL_buffinit(L, &shown);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != 0x7f) {
            luaL_addchar(&shown, text[i]);
        } else {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u{%x}", byte);
            luaL_addstring(&shown, escape);
        }
    }
    luaL_pushresult(&shown);
    lua_remove(L, -2);
}

int lw_raisef(lua_State *L, const char *format, ...) {
    lw_push_position(L);
    va_list arguments;
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    show_controls(L);
    lua_concat(L, 2);
    return lw_raise(L);
}

// Raises what the host left in the outbox.
int lw_fail(lua_State *L, int32_t answer) {
    lw_state *state = lw_state_of(L);
    int reason = lw_reason(state);
    if (reason || answer == LW_INTERRUPTED) {
        lw_out_reset(state);
        return lw_stop(L, reason ? reason : LW_INTERRUPT);
    }
    if (answer != LW_RAISED) lw_push_position(L);
    int top = lua_gettop(L);
    if (lw_play(L) == 0) lua_pushliteral(L, "the host failed without a message");
    lua_settop(L, top + 1);
    if (answer != LW_RAISED) lua_concat(L, 2);
    return lw_raise(L);
}

int lw_perform(lua_State *L, const void *function, int32_t arguments) {
    lw_state *state = lw_state_of(L);
    if (state->calls >= state->limits.depth) {
        return lw_raisef(L, "host calls are nested more than %d deep", (int)state->limits.depth);
    }
    lw_call call = {.state = state, .thread = L, .count = arguments};
    lw_out_reset(state);  // what an error left there that came while results were played
    state->calls++;
    int32_t answer = state->host.call(state->host.context, function, &call);
    state->calls--;
    if (answer != LW_DONE) return lw_fail(L, answer);
    if (state->kill) {
        lw_out_reset(state);
        return lw_rethrow(L);
    }
    return lw_play(L);
}

int lw_trampoline(lua_State *L) { return lw_perform(L, lua_touserdata(L, lua_upvalueindex(1)), lua_gettop(L)); }

int lw_callable_trampoline(lua_State *L) {
    const lw_handle *handle = lua_touserdata(L, lua_upvalueindex(1));
    return lw_perform(L, handle->object, lua_gettop(L));
}
