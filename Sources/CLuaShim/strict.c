// Tables that the host hands out: reading a field that is not there is an error with the nearest name; some cannot be written.
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { MOST_NAMES = 40 };

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

// Pushes "; it has a, b, c": the string keys of the tables at two indices (0 is none), sorted.
static void push_known(lua_State *L, int first, int second) {
    const char *names[MOST_NAMES];
    size_t count = 0;
    bool cut = false;
    for (int turn = 0; turn < 2; turn++) {
        int table = turn ? second : first;
        if (!table || lua_type(L, table) != LUA_TTABLE) continue;
        lua_pushnil(L);
        while (lua_next(L, table)) {
            lua_pop(L, 1);
            if (lua_type(L, -1) != LUA_TSTRING) continue;
            // The key stays in the table, and so does its text.
            if (count < MOST_NAMES) names[count++] = lua_tostring(L, -1);
            else cut = true;
        }
    }
    if (!count) {
        lua_pushliteral(L, "");
        return;
    }
    qsort(names, count, sizeof *names, by_text);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (size_t i = 0; i < count; i++) {
        luaL_addstring(&buffer, i ? ", " : "; it has ");
        luaL_addstring(&buffer, names[i]);
    }
    if (cut) luaL_addstring(&buffer, ", ...");
    luaL_pushresult(&buffer);
}

// Whether a name begins as one of the absent names that end in *, which stand for all that begin so.
static bool may_come(lua_State *L, int absent, const char *name) {
    if (lua_type(L, absent) != LUA_TTABLE) return false;
    lua_pushnil(L);
    while (lua_next(L, absent)) {
        lua_pop(L, 1);
        size_t length = 0;
        const char *pattern = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "";
        if (length > 1 && pattern[length - 1] == '*' && strncmp(pattern, name, length - 1) == 0) {
            lua_pop(L, 1);
            return true;
        }
    }
    return false;
}

static int refuse(lua_State *L, const char *table, const char *name, int first, int second) {
    luaL_checkstack(L, 8, NULL);
    lw_push_suggestion(L, name, first, second);
    if (!*lua_tostring(L, -1) && may_come(L, second, name)) return 0;
    if (!*lua_tostring(L, -1)) push_known(L, first, second);
    return lw_raisef(L, "%s has no field '%s'%s", table, name, lua_tostring(L, -1));
}

// __index of strict tables. Upvalues: what errors call the table, the names known to be absent (or nil).
static int strict_index(lua_State *L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    if (lua_type(L, lua_upvalueindex(2)) == LUA_TTABLE) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) return 0;
        lua_settop(L, 2);
    }
    return refuse(L, lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, 2), 1, lua_upvalueindex(2));
}

// __index of tables that have methods of the host. Upvalues: the methods, the type's name.
int lw_table_type_index(lua_State *L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    lua_settop(L, 2);
    return refuse(L, lua_tostring(L, lua_upvalueindex(2)), lua_tostring(L, 2), 1, lua_upvalueindex(1));
}

int lw_add_absent(lua_State *L, int absent) {
    lua_pop(L, 1);
    if (!absent) {
        lua_newtable(L);
        lua_insert(L, -2);
        absent = lua_gettop(L) - 1;
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, absent);
    return absent;
}

// __newindex of closed tables: what has a name already is written without asking.
static int closed_newindex(lua_State *L) {
    lua_settop(L, 3);
    if (lua_type(L, 2) == LUA_TSTRING) {
        return refuse(L, lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, 2), 1, lua_upvalueindex(2));
    }
    return lw_raisef(L, "%s has names, no positions", lua_tostring(L, lua_upvalueindex(1)));
}

static void push_closure(lua_State *L, int name, int absent, lua_CFunction function) {
    lua_pushvalue(L, name);
    if (absent) {
        lua_pushvalue(L, absent);
    } else {
        lua_pushnil(L);
    }
    lua_pushcclosure(L, function, 2);
}

static void push_strict_metatable(lua_State *L, int name, int absent, bool is_closed) {
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, name);
    lua_setfield(L, -2, "__metatable");
    push_closure(L, name, absent, strict_index);
    lua_setfield(L, -2, "__index");
    if (!is_closed) return;
    push_closure(L, name, absent, closed_newindex);
    lua_setfield(L, -2, "__newindex");
}

void lw_make_strict(lua_State *L, int name, int table, int absent, bool is_closed) {
    luaL_checkstack(L, 8, NULL);
    if (absent) {
        push_strict_metatable(L, name, absent, is_closed);
    } else {
        // Tables of one name without absent fields share a metatable.
        lua_rawgetp(L, LUA_REGISTRYINDEX, is_closed ? &lw_key_closed : &lw_key_strict);
        lua_pushvalue(L, name);
        if (lua_rawget(L, -2) == LUA_TNIL) {
            lua_pop(L, 1);
            push_strict_metatable(L, name, 0, is_closed);
            lua_pushvalue(L, name);
            lua_pushvalue(L, -2);
            lua_rawset(L, -4);
        }
    }
    lua_setmetatable(L, table);
}

// MARK: Tables that cannot be written

// A table without fields stands for one that has them, since writing a field that is there asks nobody.

// __newindex. Upvalues: the table's name, what to do instead.
static int frozen_newindex(lua_State *L) {
    lua_settop(L, 3);
    const char *field = lw_push_text(L, 2, NULL);
    return lw_raisef(
        L, "%s cannot be changed ('%s'); %s", lua_tostring(L, lua_upvalueindex(1)), field, lua_tostring(L, lua_upvalueindex(2)));
}

static int frozen_length(lua_State *L) {
    lua_settop(L, 1);
    lw_unveil(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int frozen_pairs(lua_State *L) {
    lua_settop(L, 1);
    lua_pushcfunction(L, lw_next_function);
    lua_insert(L, 1);
    lua_pushnil(L);
    return 3;
}

void lw_freeze(lua_State *L, int name) {
    luaL_checkstack(L, 8, NULL);
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, table);
    lua_rawsetp(L, -2, &lw_key_frozen);
    push_closure(L, name, name + 1, frozen_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, frozen_length);
    lua_setfield(L, -2, "__len");
    lua_pushcfunction(L, frozen_pairs);
    lua_setfield(L, -2, "__pairs");
    lua_setmetatable(L, -2);
    lua_replace(L, table);
}

void lw_unveil(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return;
    if (lua_rawgetp(L, -1, &lw_key_frozen) == LUA_TTABLE) {
        lua_replace(L, index);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
}

// next, which looks at what a frozen table stands for.
int lw_next_function(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lw_unveil(L, 1);
    if (lua_next(L, 1)) return 2;
    lua_pushnil(L);
    return 1;
}
