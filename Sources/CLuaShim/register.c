// Declaring types, modules and globals; what a recipe meets when it indexes one.
#include <stdlib.h>
#include <string.h>

#include "shim.h"

void lw_push_function(lua_State *L, const void *function) {
    lua_pushlightuserdata(L, (void *)function);
    lua_pushcclosure(L, lw_trampoline, 1);
}

void lw_push_metatable(lua_State *L, int32_t type) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_metatables);
    lua_rawgeti(L, -1, type);
    lua_remove(L, -2);
}

// Called by the collector, and by nobody else: a script cannot reach it.
int lw_handle_gc(lua_State *L) {
    lw_handle *handle = lua_touserdata(L, 1);
    const void *object = handle ? handle->object : NULL;
    if (object) {
        handle->object = NULL;
        handle->state->host.release(object);
    }
    return 0;
}

// The end of a to-be-closed variable: the host frees what the object holds, then the handle is dead.
static int handle_close(lua_State *L) {
    lw_handle *handle = lw_to_handle(L, 1);
    if (!handle || !handle->object) return 0;
    lw_state *state = handle->state;
    if (state->types[handle->type].closes) {
        state->calls++;
        int32_t answer = state->host.close(state->host.context, handle->object, handle->type);
        state->calls--;
        if (answer != LW_DONE) {
            lw_handle_gc(L);
            return lw_fail(L, answer);
        }
        lw_out_reset(state);
    }
    return lw_handle_gc(L);
}

// Two handles are equal when they stand for the same object.
static int handle_equals(lua_State *L) {
    const lw_handle *a = lw_to_handle(L, 1), *b = lw_to_handle(L, 2);
    lua_pushboolean(L, a && b && a->object && a->object == b->object);
    return 1;
}

static const char *field_name(lua_State *L, int index, char *buffer, size_t size) {
    if (lua_type(L, index) == LUA_TSTRING) return lua_tostring(L, index);
    size_t length = 0;
    const char *text = lw_push_text(L, index, &length);
    strncpy(buffer, text, size - 1);
    buffer[size - 1] = 0;
    lua_pop(L, 1);
    return buffer;
}

// __index of objects. Upvalues: methods, getters.
static int handle_index(lua_State *L) {
    lua_settop(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) {
            const void *getter = lua_touserdata(L, -1);
            lua_settop(L, 1);
            return lw_perform(L, getter, 1);
        }
        lua_settop(L, 2);
    }
    const lw_handle *handle = lua_touserdata(L, 1);
    const lw_type *type = &handle->state->types[handle->type];
    bool asks = type->index_function && (type->indexes_names || lua_type(L, 2) != LUA_TSTRING);
    if (asks) return lw_perform(L, type->index_function, 2);
    char buffer[64];
    const char *name = field_name(L, 2, buffer, sizeof buffer);
    if (lua_type(L, 2) != LUA_TSTRING) {
        const char *advice = type->advice ? type->advice : "";
        return lw_raisef(L, "%s has no elements: it cannot be indexed by [%s]%s%s", type->name, name, *advice ? "; " : "", advice);
    }
    lw_push_suggestion(L, name, lua_upvalueindex(1), lua_upvalueindex(2));
    return lw_raisef(L, "%s has no field '%s'%s", type->name, name, lua_tostring(L, -1));
}

// __newindex of objects. Upvalues: setters, getters.
static int handle_newindex(lua_State *L) {
    lua_settop(L, 3);
    const lw_handle *handle = lua_touserdata(L, 1);
    const char *type = handle->state->types[handle->type].name;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        const void *setter = lua_touserdata(L, -1);
        lua_settop(L, 3);
        lua_remove(L, 2);
        lw_perform(L, setter, 2);
        return 0;
    }
    char buffer[64];
    const char *name = field_name(L, 2, buffer, sizeof buffer);
    if (lua_type(L, 2) != LUA_TSTRING) return lw_raisef(L, "%s has no element [%s] that can be set", type, name);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) {
        return lw_raisef(L, "field '%s' of %s cannot be set", name, type);
    }
    lw_push_suggestion(L, name, lua_upvalueindex(1), 0);
    return lw_raisef(L, "%s has no field '%s' that can be set%s", type, name, lua_tostring(L, -1));
}

// __index of modules. Upvalues: name, getters.
static int module_index(lua_State *L) {
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) {
        const void *getter = lua_touserdata(L, -1);
        lua_settop(L, 1);
        return lw_perform(L, getter, 1);
    }
    char buffer[64];
    const char *name = field_name(L, 2, buffer, sizeof buffer);
    lw_push_suggestion(L, name, 1, lua_upvalueindex(2));
    return lw_raisef(L, "%s has no '%s'%s", lua_tostring(L, lua_upvalueindex(1)), name, lua_tostring(L, -1));
}

// One declaration, carried into the protected call that makes it.
typedef struct declaration {
    const char *name, *owner, *other;
    const void *function, *setter;
    int32_t type;
} declaration;

static bool declare(lw_state *state, lua_CFunction make, declaration *what) {
    lua_State *L = state->current ? state->current : state->main;
    if (!L || !lua_checkstack(L, 4)) return false;
    lua_pushcfunction(L, make);
    lua_pushlightuserdata(L, what);
    int code = lua_pcall(L, 1, 0, 0);
    if (code != LUA_OK) lua_pop(L, 1);
    return code == LUA_OK;
}

static void set_name(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, name);  // what getmetatable gives: harmless
    lua_setfield(L, -2, "__metatable");
}

static void keep_metatable(lua_State *L, lw_state *state, int32_t type) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_metatables);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, type);
    lua_pop(L, 1);
    state->types[type].metatable = lua_topointer(L, -1);
}

static void set_closure(lua_State *L, lua_CFunction function, int first, int second, const char *name) {
    lua_pushvalue(L, first);
    lua_pushvalue(L, second);
    lua_pushcclosure(L, function, 2);
    lua_setfield(L, -2, name);
}

// The metatable of what a callable's closure holds: number 0, which no script meets.
void lw_make_callable(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, lw_handle_gc);
    lua_setfield(L, -2, "__gc");
    keep_metatable(L, lw_state_of(L), 0);
    lua_pop(L, 1);
}

static int make_type(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_newtable(L);  // 2: methods
    lua_newtable(L);  // 3: getters
    lua_newtable(L);  // 4: setters
    lua_newtable(L);  // 5: the metatable
    set_name(L, what->name);
    lua_pushcfunction(L, lw_handle_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, handle_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, handle_equals);
    lua_setfield(L, -2, "__eq");
    set_closure(L, handle_index, 2, 3, "__index");
    set_closure(L, handle_newindex, 4, 3, "__newindex");
    keep_metatable(L, lw_state_of(L), what->type);
    return 0;
}

static int make_table_type(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_newtable(L);
    set_name(L, what->name);
    lua_newtable(L);
    lua_pushstring(L, what->name);
    lua_pushcclosure(L, lw_table_type_index, 2);
    lua_setfield(L, -2, "__index");
    keep_metatable(L, lw_state_of(L), what->type);
    return 0;
}

static int32_t new_type(lw_state *state, const char *name, bool closes, lua_CFunction make) {
    if (state->type_count + 1 >= LW_MAX_TYPES) return -1;
    lw_type *type = &state->types[state->type_count + 1];
    type->name = strdup(name);
    type->closes = closes;
    declaration what = {.name = name, .type = state->type_count + 1};
    if (!type->name || !declare(state, make, &what)) {
        free(type->name);
        memset(type, 0, sizeof *type);
        return 0;
    }
    return ++state->type_count;
}

int32_t lw_type_new(lw_state *state, const char *name, bool closes) { return new_type(state, name, closes, make_type); }

int32_t lw_table_type_new(lw_state *state, const char *name) { return new_type(state, name, false, make_table_type); }

bool lw_type_advice(lw_state *state, int32_t type, const char *advice) {
    char *copy = strdup(advice);
    if (!copy) return false;
    free(state->types[type].advice);
    state->types[type].advice = copy;
    return true;
}

static int add_method(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lw_push_metatable(L, what->type);
    if (lua_getfield(L, -1, "__index") == LUA_TFUNCTION) lua_getupvalue(L, -1, 1);
    lw_push_function(L, what->function);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_type_method(lw_state *state, int32_t type, const char *name, const void *function) {
    declaration what = {.name = name, .function = function, .type = type};
    return declare(state, add_method, &what);
}

static int add_property(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lw_push_metatable(L, what->type);
    lua_getfield(L, -1, "__index");
    lua_getupvalue(L, -1, 2);
    lua_pushlightuserdata(L, (void *)what->function);
    lua_setfield(L, -2, what->name);
    if (!what->setter) return 0;
    lua_getfield(L, 2, "__newindex");
    lua_getupvalue(L, -1, 1);
    lua_pushlightuserdata(L, (void *)what->setter);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_type_property(lw_state *state, int32_t type, const char *name, const void *getter, const void *setter) {
    declaration what = {.name = name, .function = getter, .setter = setter, .type = type};
    return declare(state, add_property, &what);
}

static int add_metamethod(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lw_push_metatable(L, what->type);
    lw_push_function(L, what->function);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_type_metamethod(lw_state *state, int32_t type, const char *name, const void *function) {
    if (strncmp(name, "__index", 7) == 0) {
        state->types[type].index_function = function;
        state->types[type].indexes_names = strcmp(name, "__index_names") == 0;
        return true;
    }
    declaration what = {.name = name, .function = function, .type = type};
    return declare(state, add_metamethod, &what);
}

static int set_global(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
    lua_pushstring(L, what->name);
    if (lw_play(L) == 0) lua_pushnil(L);
    lua_settop(L, 4);
    lua_rawset(L, 2);
    return 0;
}

bool lw_set_global(lw_state *state, const char *name) {
    declaration what = {.name = name};
    return declare(state, set_global, &what);
}

static int set_module(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    if (lw_play(L) == 0) lua_pushnil(L);
    lua_settop(L, 3);
    lua_setfield(L, 2, what->name);
    return 0;
}

bool lw_set_module(lw_state *state, const char *name) {
    declaration what = {.name = name};
    return declare(state, set_module, &what);
}

static int make_module(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_newtable(L);  // 2: the module
    lua_newtable(L);  // 3: its getters
    lua_newtable(L);  // 4: its metatable
    set_name(L, what->name);
    lua_pushstring(L, what->name);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, module_index, 2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_module_properties);
    lua_pushvalue(L, 3);
    lua_setfield(L, -2, what->name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_module_new(lw_state *state, const char *name) {
    declaration what = {.name = name};
    return declare(state, make_module, &what);
}

static int add_module_field(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    lua_getfield(L, -1, what->owner);
    lua_pushstring(L, what->name);
    if (what->other) {
        lua_getfield(L, 2, what->other);
    } else if (lw_play(L) == 0) {
        lua_pushnil(L);
    }
    lua_settop(L, 5);
    lua_rawset(L, 3);
    return 0;
}

bool lw_module_field(lw_state *state, const char *module, const char *name) {
    declaration what = {.name = name, .owner = module};
    return declare(state, add_module_field, &what);
}

bool lw_module_nest(lw_state *state, const char *parent, const char *name, const char *child) {
    declaration what = {.name = name, .owner = parent, .other = child};
    return declare(state, add_module_field, &what);
}

static int add_module_property(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_module_properties);
    lua_getfield(L, -1, what->owner);
    lua_pushlightuserdata(L, (void *)what->function);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_module_property(lw_state *state, const char *module, const char *name, const void *getter) {
    declaration what = {.name = name, .owner = module, .function = getter};
    return declare(state, add_module_property, &what);
}

static int set_module_global(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
    lua_pushstring(L, what->name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_modules);
    lua_getfield(L, -1, what->other);
    lua_remove(L, -2);
    lua_rawset(L, 2);
    return 0;
}

bool lw_module_global(lw_state *state, const char *global, const char *module) {
    declaration what = {.name = global, .other = module};
    return declare(state, set_module_global, &what);
}

static int set_hint(lua_State *L) {
    const declaration *what = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_hints);
    lua_pushstring(L, what->other);
    lua_setfield(L, -2, what->name);
    return 0;
}

bool lw_hint(lw_state *state, const char *name, const char *advice) {
    declaration what = {.name = name, .other = advice};
    return declare(state, set_hint, &what);
}
