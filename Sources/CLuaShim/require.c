// require: names, not paths; the host finds the text, and each module runs once in a state.
#include <ctype.h>
#include <string.h>

#include "shim.h"

static bool is_module_name(const char *name, size_t length) {
    bool at_start = true;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (at_start ? !letter : !(letter || digit || c == '.')) return false;
        at_start = c == '.';
    }
    return length > 0 && !at_start;
}

// Pushes the module's function, or raises.
static void load_module(lua_State *L, const char *name, size_t length) {
    lw_state *state = lw_state_of(L);
    int32_t answer = state->host.load(state->host.context, name, length);
    if (answer != LW_DONE) {
        lw_fail(L, answer);
        return;
    }
    if (lw_play(L) != 2 || lua_type(L, -1) != LUA_TSTRING || lua_type(L, -2) != LUA_TSTRING) {
        luaL_error(L, "require: the host gave no source for '%s'", name);
    }
    size_t size = 0;
    const char *source = lua_tolstring(L, -2, &size);
    if (luaL_loadbufferx(L, source, size, lua_tostring(L, -1), "t") != LUA_OK) lw_raise(L);
}

// Arguments: name; upvalues none. The table of modules holds false for one that is being loaded.
int lw_require_function(lua_State *L) {
    size_t length = 0;
    const char *name = luaL_checklstring(L, 1, &length);
    lua_settop(L, 1);
    if (!is_module_name(name, length)) {
        return lw_raisef(L, "require: '%s' is not a module name; names look like 'metrics' or 'lorawb.metrics'", name);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    lua_pushvalue(L, 1);
    int found = lua_rawget(L, 2);
    if (found != LUA_TNIL && !(found == LUA_TBOOLEAN && !lua_toboolean(L, -1))) return 1;
    if (found == LUA_TBOOLEAN) {
        return lw_raisef(L, "require: module '%s' is still being loaded; it requires itself, perhaps through another", name);
    }
    lua_settop(L, 2);
    lua_pushcfunction(L, lw_message_handler);
    load_module(L, name, length);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 0);
    lua_rawset(L, 2);
    lua_pushvalue(L, 1);
    int code = lua_pcall(L, 1, 1, 3);
    if (code != LUA_OK || lua_isnil(L, -1)) {  // a module without a value is true; a failed one may be tried again
        lua_pushvalue(L, 1);
        if (code == LUA_OK) {
            lua_pushboolean(L, 1);
        } else {
            lua_pushnil(L);
        }
        lua_rawset(L, 2);
        if (code != LUA_OK) return lw_state_of(L)->kill ? lw_rethrow(L) : lw_raise(L);
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}
