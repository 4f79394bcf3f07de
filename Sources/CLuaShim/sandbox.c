// What a recipe finds: an environment made from a list of what is allowed.
#include <string.h>
#include <sys/random.h>

#include "shim.h"

static const char *const base_names[] = {"assert", "error",  "getmetatable", "ipairs", "pairs", "rawequal", "rawget",
                                         "rawlen", "rawset", "select",       "tonumber", "type", NULL};
static const char *const os_names[] = {"clock", "date", "time", NULL};
static const char *const coroutine_names[] = {"create", "isyieldable", "running", "status", "yield", NULL};
static const char *const string_names[] = {"byte", "char", "find", "gmatch", "gsub", "len", "lower", "match", "pack",
                                           "packsize", "reverse", "sub", "unpack", "upper", NULL};

// No finalizers for scripts: hooks are off while one runs, so a loop in it could never be stopped.
static int set_metatable(lua_State *L) {
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "__gc is not available to recipes; use __close");
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

// load: text only whatever the mode says, under a name that cannot pass for a file's or a library's. Upvalue: Lua's own.
static int load_text(lua_State *L) {
    bool has_environment = !lua_isnone(L, 4);
    const char *name = luaL_optstring(L, 2, "=(load)");
    if (*name == '=' || *name == '@') name++;
    if (strncmp(name, "lorawb/", 7) == 0 || strncmp(name, "[C", 2) == 0) name = "(load)";
    lua_settop(L, 4);
    lua_pushfstring(L, "=%s", name);
    lua_replace(L, 2);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    if (!has_environment) lua_settop(L, 3);
    int results = lw_stock(L, "load");
    if (lw_state_of(L)->kill) return lw_stop(L, lw_state_of(L)->kill);  // load catches what its reader raises
    return results;
}

// math.randomseed: without arguments Lua's own seeds with, and gives, an address.
static int random_seed(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        lua_Integer seed[2] = {0, 0};
        if (getentropy(seed, sizeof seed) != 0) return lw_raisef(L, "randomseed: the system gave no random numbers");
        lua_settop(L, 0);
        lua_pushinteger(L, seed[0]);
        lua_pushinteger(L, seed[1]);
    }
    lw_stock(L, "randomseed");
    return 0;
}

// Reading a global that is not defined.
static int strict_index(lua_State *L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TSTRING) {
        const char *shown = lw_push_text(L, 2, NULL);
        return lw_raisef(L, "undefined global [%s]", shown);
    }
    const char *name = lua_tostring(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_hints);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TSTRING) {
        return lw_raisef(L, "'%s' is not available to recipes; %s", name, lua_tostring(L, -1));
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) {
        return lw_raisef(L, "undefined global '%s'; it is a module: local %s = require \"%s\"", name, name, name);
    }
    lw_push_suggestion(L, name, 1, 0);
    return lw_raisef(L, "undefined global '%s'%s", name, lua_tostring(L, -1));
}

// Reading what a library has not got here: nil, as a recipe that looks for it expects; the name is kept for the message if
// it then calls it. Upvalue: the library's name.
static int note_missing(lua_State *L) {
    lw_state *state = lw_state_of(L);
    state->missing[0] = 0;
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushfstring(L, "%s.%s", lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, 2));
        strncpy(state->missing, lua_tostring(L, -1), sizeof state->missing - 1);
    }
    lua_pushnil(L);
    return 1;
}

// Pushes a new table with the named fields of the table on top, which it replaces.
static void pick(lua_State *L, const char *const *names) {
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    lua_remove(L, -2);
}

static void open_library(lua_State *L, lua_CFunction open, const char *name) {
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
}

static void wrap(lua_State *L, int stock, const char *name, lua_CFunction function) {
    lua_getfield(L, stock, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void note_missing_of(lua_State *L, const char *name) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_pushcclosure(L, note_missing, 1);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

// The table on top becomes global `name`, known to messages by that name.
static void define(lua_State *L, int environment, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    lua_setfield(L, environment, name);
}

static void define_libraries(lua_State *L, int environment) {
    open_library(L, luaopen_coroutine, "coroutine");
    pick(L, coroutine_names);
    lua_pushcfunction(L, lw_coroutine_resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, lw_coroutine_wrap);
    lua_setfield(L, -2, "wrap");
    note_missing_of(L, "coroutine");
    define(L, environment, "coroutine");

    open_library(L, luaopen_string, "string");
    int stock = lua_gettop(L);
    lua_pushvalue(L, stock);
    pick(L, string_names);
    static const luaL_Reg patterns[] = {{"find", lw_string_find},
                                        {"gmatch", lw_string_gmatch},
                                        {"gsub", lw_string_gsub},
                                        {"match", lw_string_match},
                                        {NULL, NULL}};
    luaL_setfuncs(L, patterns, 0);
    wrap(L, stock, "format", lw_format_function);
    wrap(L, stock, "rep", lw_rep_function);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, stock + 1);
    lua_setfield(L, -2, "__index");
    lua_settop(L, stock + 1);
    define(L, environment, "string");
    lua_settop(L, stock - 1);

    open_library(L, luaopen_math, "math");
    wrap(L, lua_gettop(L), "randomseed", random_seed);
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, lw_state_of(L)->limits.seed);
    lua_call(L, 1, 0);
    define(L, environment, "math");

    static const luaL_Reg own[] = {
        {"insert", lw_table_insert}, {"move", lw_table_move}, {"remove", lw_table_remove}, {NULL, NULL}};
    open_library(L, luaopen_table, "table");
    wrap(L, lua_gettop(L), "sort", lw_table_sort);
    luaL_setfuncs(L, own, 0);
    define(L, environment, "table");
    open_library(L, luaopen_utf8, "utf8");
    define(L, environment, "utf8");
    open_library(L, luaopen_os, "os");
    pick(L, os_names);
    note_missing_of(L, "os");
    define(L, environment, "os");

    // io has write alone; what it gives can be written to in turn.
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, lw_file_write_function);
    lua_setfield(L, -2, "write");
    note_missing_of(L, "file");
    lua_pushcclosure(L, lw_io_write_function, 1);
    lua_setfield(L, -2, "write");
    note_missing_of(L, "io");
    define(L, environment, "io");
}

static void define_base(lua_State *L, int environment) {
    static const luaL_Reg own[] = {{"pcall", lw_pcall_function},       {"xpcall", lw_xpcall_function},
                                   {"setmetatable", set_metatable},    {"print", lw_print_function},
                                   {"tostring", lw_tostring_function}, {"require", lw_require_function},
                                   {"next", lw_next_function},
                                   {NULL, NULL}};
    open_library(L, luaopen_base, "_G");  // fills the registry's first table of globals, which nobody sees again
    int stock = lua_gettop(L);
    lua_pushvalue(L, environment);
    for (const char *const *name = base_names; *name; name++) {
        lua_getfield(L, stock, *name);
        lua_setfield(L, environment, *name);
    }
    luaL_setfuncs(L, own, 0);
    wrap(L, stock, "load", load_text);
    lua_pushvalue(L, environment);
    lua_setfield(L, environment, "_G");
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, environment, "_VERSION");
    lua_settop(L, stock - 1);
}

void lw_build_environment(lua_State *L) {
    lua_newtable(L);
    int environment = lua_gettop(L);
    define_base(L, environment);
    lua_pushvalue(L, environment);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    define_libraries(L, environment);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);  // where messages look for the names of functions
    lua_pushvalue(L, environment);
    lua_setfield(L, -2, "_G");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, strict_index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, environment);
    lua_pushvalue(L, environment);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lw_key_error);
    lua_settop(L, environment - 1);
}
