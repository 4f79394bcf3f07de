// Values as text, without the addresses that Lua's own functions show: an address turns a memory bug into an exploit.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

// A number that tells one table or function from another, given when it is first shown.
static lua_Integer identity(lua_State *L, int index) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_identities);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_rawgeti(L, -1, 0);
        lua_Integer next = lua_tointeger(L, -1) + 1;
        lua_pop(L, 1);
        lua_pushinteger(L, next);
        lua_rawseti(L, -2, 0);
        lua_pushvalue(L, index);
        lua_pushinteger(L, next);
        lua_rawset(L, -3);
        lua_pushinteger(L, next);
    }
    lua_Integer found = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return found;
}

// What tostring gives; pushes it.
const char *lw_push_text(lua_State *L, int index, size_t *length) {
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, NULL);
    int type = lua_type(L, index);
    if (type != LUA_TTABLE && type != LUA_TUSERDATA && type != LUA_TFUNCTION && type != LUA_TTHREAD &&
        type != LUA_TLIGHTUSERDATA) {
        return luaL_tolstring(L, index, length);
    }
    if (luaL_callmeta(L, index, "__tostring")) {
        if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, length);
    }
    int top = lua_gettop(L);
    const char *kind = luaL_getmetafield(L, index, "__name") == LUA_TSTRING ? lua_tostring(L, -1) : lua_typename(L, type);
    if (type == LUA_TUSERDATA || type == LUA_TLIGHTUSERDATA) {
        lua_pushstring(L, kind);
    } else {
        lua_pushfstring(L, "%s: %I", kind, (LUAI_UACINT)identity(L, index));
    }
    lua_copy(L, -1, top + 1);  // in place of the name, where there was one
    lua_settop(L, top + 1);
    return lua_tolstring(L, -1, length);
}

int lw_tostring_function(lua_State *L) {
    luaL_checkany(L, 1);
    lw_push_text(L, 1, NULL);
    return 1;
}

int lw_print_function(lua_State *L) {
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1) luaL_addchar(&buffer, '\t');
        lw_push_text(L, i, NULL);
        luaL_addvalue(&buffer);
    }
    luaL_addchar(&buffer, '\n');
    luaL_pushresult(&buffer);
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    const lw_host *host = &lw_state_of(L)->host;
    host->print(host->context, text, length);
    return 0;
}

// Shows strings and numbers as they are, from argument `first` on.
static void write_from(lua_State *L, int first) {
    luaL_Buffer buffer;
    int count = lua_gettop(L);
    for (int i = first; i <= count; i++) {  // all before any is shown
        if (!lua_isstring(L, i)) luaL_checklstring(L, i, NULL);
    }
    luaL_buffinit(L, &buffer);
    for (int i = first; i <= count; i++) {
        if (lua_type(L, i) == LUA_TNUMBER && !lua_isinteger(L, i)) {  // as Lua's own: 2.0 is shown as 2
            char number[64];
            snprintf(number, sizeof number, LUA_NUMBER_FMT, lua_tonumber(L, i));
            luaL_addstring(&buffer, number);
        } else {
            lua_pushvalue(L, i);
            luaL_addvalue(&buffer);
        }
    }
    luaL_pushresult(&buffer);
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    const lw_host *host = &lw_state_of(L)->host;
    host->print(host->context, text, length);
}

// io.write: where print writes, without a tab between or an end of line. Upvalue: what stands for standard output.
int lw_io_write_function(lua_State *L) {
    write_from(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

// write of what io.write gives.
int lw_file_write_function(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    write_from(L, 2);
    lua_pushvalue(L, 1);
    return 1;
}

// Calls the stock function in upvalue 1 with all arguments. Its errors take the recipe's position and our name, which it
// cannot know with a function of ours in between.
int lw_stock(lua_State *L, const char *name) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0) == LUA_OK) return lua_gettop(L);
    if (lw_state_of(L)->kill) return lw_rethrow(L);
    if (lua_type(L, -1) != LUA_TSTRING) return lw_raise(L);
    const char *message = lua_tostring(L, -1);
    if (strncmp(message, "bad argument", 12) == 0) {
        const char *quoted = lua_pushfstring(L, "'%s'", name);
        message = luaL_gsub(L, message, "'?'", quoted);
        lw_push_position(L);
        lua_insert(L, -2);
        lua_concat(L, 2);
    } else if (strcmp(message, "not enough memory") != 0 && strchr(message, ':') == NULL) {
        lw_push_position(L);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lw_raise(L);
}

// string.format: values that Lua would show by address are turned into text first.
int lw_format_function(lua_State *L) {
    int count = lua_gettop(L), argument = 1;
    size_t length = 0;
    const char *format = luaL_checklstring(L, 1, &length), *end = format + length;  // may hold zero bytes
    for (const char *c = memchr(format, '%', length); c && c + 1 < end; c = memchr(c, '%', (size_t)(end - c))) {
        c++;
        if (*c == '%') {
            c++;
            continue;
        }
        c += strspn(c, "-+ #0123456789.");  // ends at the zero byte behind every string
        argument++;
        if (*c == 'p') return lw_raisef(L, "string.format: '%%p' shows an address, which is not available to recipes");
        if (*c == 's' && argument <= count && !lua_isstring(L, argument)) {
            lw_push_text(L, argument, NULL);
            lua_replace(L, argument);
        }
    }
    return lw_stock(L, "format");
}

// string.rep: a large number of nothing takes Lua's own a long time that no hook can end, and what cannot fit must not be tried:
// its buffer is no string, so that the allocator cannot tell and refuse it.
int lw_rep_function(lua_State *L) {
    size_t length = 0, separator_length = 0;
    luaL_checklstring(L, 1, &length);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator_length);
    if (length == 0 && separator_length == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    const lw_state *state = lw_state_of(L);
    double needed = (double)(length + separator_length) * (double)count;
    if (needed > 65536 && needed > (double)(state->limits.memory - state->used)) {
        lua_gc(L, LUA_GCCOLLECT);
        if (needed > (double)(state->limits.memory - state->used)) {
            lua_pushliteral(L, "not enough memory");
            return lw_raise(L);
        }
    }
    return lw_stock(L, "rep");
}
