// Local variables of a session. `local x = 5` at a prompt is over with its line in Lua; here each such variable is the upvalue of a
// small function, its cell, that the session keeps. A line is compiled within a function whose locals have the names of the cells that
// it uses, and then its upvalues are joined to the cells: to Lua they are upvalues like any other, as fast, and shared by every function
// that was made with them.
#include <string.h>

#include "shim.h"

void lw_forget_declared(lua_State *L) {
    lw_new_registry_table(L, &lw_key_declared);
    lw_new_registry_table(L, &lw_key_initial);
}

void lw_make_locals(lua_State *L) {
    lw_new_registry_table(L, &lw_key_locals);
    lw_new_registry_table(L, &lw_key_constants);
    lw_forget_declared(L);
}

// Replaces the value on top by a new cell that holds it.
static void make_cell(lua_State *L) {
    static const char text[] = "local value = ... return function() return value end";
    if (luaL_loadbufferx(L, text, sizeof text - 1, "=lorawb/session", "t") != LUA_OK) lw_raise(L);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

// Pushes the cell of the name on top, or nil.
static bool push_cell(lua_State *L, int name, const void *key) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_pushvalue(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

static void set(lua_State *L, const void *key, int name, int value) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_pushvalue(L, name);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

// A declared name has a cell of its own, which begins as what the name meant before: `local print = print` is meant so.
static void declare(lua_State *L, const char *name, size_t length) {
    bool constant = *name == '!';
    lua_pushlstring(L, name + constant, length - constant);
    int key = lua_gettop(L);
    if (push_cell(L, key, &lw_key_locals)) {
        lua_getupvalue(L, -1, 1);
    } else {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
        lua_pushvalue(L, key);
        lua_rawget(L, -2);
    }
    int value = lua_gettop(L);
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, value);
    lua_rawseti(L, -2, 1);
    lua_pushboolean(L, constant);
    lua_rawseti(L, -2, 2);
    set(L, &lw_key_initial, key, lua_gettop(L));
    lua_settop(L, value);
    make_cell(L);
    set(L, &lw_key_declared, key, value);
    lua_settop(L, key - 1);
}

// The length of the first of several names that each have a space behind; 0 after the last.
static size_t name_length(const char *names) {
    const char *end = strchr(names, ' ');
    return end ? (size_t)(end - names) : 0;
}

// Adds the name on top to the list of locals, a string below it, where the session has a cell of that name.
static void add_name(lua_State *L) {
    int name = lua_gettop(L);
    bool declared = push_cell(L, name, &lw_key_declared);
    bool constant = !declared && push_cell(L, name, &lw_key_constants);
    bool known = declared || push_cell(L, name, &lw_key_locals);
    if (known) {
        const char *list = lua_tostring(L, name - 1);
        lua_pushfstring(L, "%s%s%s%s", list, *list ? "," : "local ", lua_tostring(L, name), constant ? "<const>" : "");
        lua_replace(L, name - 1);
    }
    lua_settop(L, name - 1);
}

// Joins the upvalues of the function on top to the cells of their names.
static void join(lua_State *L) {
    int function = lua_gettop(L);
    for (int i = 1;; i++) {
        const char *upvalue = lua_getupvalue(L, function, i);
        if (!upvalue) return;
        lua_pop(L, 1);
        lua_pushstring(L, upvalue);
        int name = lua_gettop(L);
        if (push_cell(L, name, &lw_key_declared) || push_cell(L, name, &lw_key_locals)) {
            lua_upvaluejoin(L, function, i, lua_gettop(L), 1);
        }
        lua_settop(L, function);
    }
}

// Replaces the text on top by the function that it compiles to within the locals that it uses; false with a message.
static bool compile_within(lua_State *L, const lw_line *line, const char *name) {
    lua_pushliteral(L, "");
    for (const char *used = line->used; name_length(used); used += name_length(used) + 1) {
        lua_pushlstring(L, used, name_length(used));
        add_name(L);
    }
    size_t length = 0;
    bool plain = *lua_tostring(L, -1) == 0;
    if (plain) {
        lua_pop(L, 1);
    } else {
        lua_pushliteral(L, " = ... return function(...) ");
        lua_rotate(L, -3, 2);
        lua_pushliteral(L, "\nend");
        lua_concat(L, 4);
    }
    const char *text = lua_tolstring(L, -1, &length);
    int status = luaL_loadbufferx(L, text, length, name, "t");
    lua_remove(L, -2);
    if (status != LUA_OK) return false;
    if (!plain) {
        lua_call(L, 0, 1);
        join(L);
    }
    return true;
}

static bool ends_in_eof(lua_State *L) {
    size_t length = 0;
    const char *text = lua_tolstring(L, -1, &length);
    return text && length >= 5 && strcmp(text + length - 5, "<eof>") == 0;
}

// Compiled as it was typed first: whether it is whole, and its errors, must not depend on what is put around it.
bool lw_compile_line(lua_State *L, const lw_line *line, const char *name) {
    luaL_checkstack(L, 16, NULL);
    lw_forget_declared(L);
    size_t skipped = !line->is_file && line->length && *line->source == '=';
    lua_pushliteral(L, "return ");
    lua_pushlstring(L, line->source + skipped, line->length - skipped);
    lua_concat(L, 2);
    size_t length = 0;
    const char *expression = lua_tolstring(L, -1, &length);
    if (!line->is_file && luaL_loadbufferx(L, expression, length, name, "t") == LUA_OK) {
        lua_pop(L, 1);
        return compile_within(L, line, name);
    }
    if (luaL_loadbufferx(L, line->source, line->length, name, "t") != LUA_OK) {
        if (line->is_file) return false;
        lua_insert(L, -2);  // an expression may go on where a statement cannot
        if (!ends_in_eof(L)) lua_pop(L, 1);
        return false;
    }
    lua_settop(L, 0);
    for (const char *names = line->declared; name_length(names); names += name_length(names) + 1) {
        declare(L, names, name_length(names));
    }
    lua_pushlstring(L, line->statement, line->statement_length);
    return compile_within(L, line, name);
}

static int keep(lua_State *L) {
    bool succeeded = lua_toboolean(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_declared);
    lua_pushnil(L);
    while (lua_next(L, 2)) {  // 3: the name, 4: its cell
        lua_getupvalue(L, 4, 1);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_initial);
        lua_pushvalue(L, 3);
        lua_rawget(L, -2);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);  // 8: what it was before, 9: whether it is constant
        // A line that failed declared what it came to.
        if (succeeded || !lua_rawequal(L, 5, 8)) {
            set(L, &lw_key_locals, 3, 4);
            if (!lua_toboolean(L, 9)) {
                lua_pushnil(L);
                lua_replace(L, 9);
            }
            set(L, &lw_key_constants, 3, 9);
        }
        lua_settop(L, 3);
    }
    lw_forget_declared(L);
    return 0;
}

void lw_keep_locals(lua_State *L, bool succeeded) {
    if (!lua_checkstack(L, 4)) return;
    lua_pushcfunction(L, keep);
    lua_pushboolean(L, succeeded);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}
