// Reading Lua values, and keeping them alive for the host.
#include <stdlib.h>
#include <string.h>

#include "shim.h"

// Every full userdata of a state is made by this shim: a script cannot make one, nor change the metatable of one. The
// metatable is compared all the same.
lw_handle *lw_to_handle(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) != sizeof(lw_handle)) return NULL;
    lw_handle *handle = lua_touserdata(L, index);
    lw_state *state = lw_state_of(L);
    if (handle->state != state || handle->type < 1 || handle->type > state->type_count) return NULL;
    if (!lua_getmetatable(L, index)) return NULL;
    bool same = lua_topointer(L, -1) == state->types[handle->type].metatable;
    lua_pop(L, 1);
    return same ? handle : NULL;
}

lw_value lw_read(lw_thread *L, int32_t index) {
    lw_value value = {0};
    switch (lua_type(L, index)) {
    case LUA_TNONE: value.length = 1; break;
    case LUA_TNIL: break;
    case LUA_TBOOLEAN:
        value.tag = LW_BOOLEAN;
        value.integer = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            value.tag = LW_INTEGER;
            value.integer = lua_tointeger(L, index);
        } else {
            value.tag = LW_NUMBER;
            value.number = lua_tonumber(L, index);
        }
        break;
    case LUA_TSTRING:
        value.tag = LW_STRING;
        value.pointer = lua_tolstring(L, index, &value.length);  // a string already: allocates nothing
        break;
    case LUA_TTABLE: value.tag = LW_TABLE; break;
    case LUA_TFUNCTION: value.tag = LW_FUNCTION; break;
    case LUA_TUSERDATA: {
        lw_handle *handle = lw_to_handle(L, index);
        value.tag = handle ? LW_OBJECT : LW_OTHER;
        if (handle) {
            value.type = handle->type;
            value.pointer = handle->object;
        } else {
            value.pointer = "userdata";
        }
        break;
    }
    default:
        value.tag = LW_OTHER;
        value.pointer = lua_typename(L, lua_type(L, index));
    }
    return value;
}

const char *lw_type_name(lw_thread *L, int32_t index) {
    lw_state *state = lw_state_of(L);
    if (lua_type(L, index) == LUA_TNONE) return "no value";
    if (lua_type(L, index) == LUA_TUSERDATA) {
        lw_handle *handle = lw_to_handle(L, index);
        if (handle) return state->types[handle->type].name;
    }
    if (lua_type(L, index) == LUA_TTABLE && lua_getmetatable(L, index)) {
        const void *metatable = lua_topointer(L, -1);
        lua_pop(L, 1);
        for (int32_t i = 1; i <= state->type_count; i++) {
            if (state->types[i].metatable == metatable) return state->types[i].name;
        }
    }
    return lua_typename(L, lua_type(L, index));
}

// What a snapshot carries along: the tables that it is inside of.
typedef struct snapshot {
    lw_state *state;
    const void *ancestors[LW_MAX_SNAPSHOT_DEPTH];
    int depth;
} snapshot;

static void snapshot_value(lua_State *L, int index, snapshot *shot);

static lw_value *add(lua_State *L, snapshot *shot, int32_t tag) {
    lw_box *box = &shot->state->inbox;
    // A table may hold another one many times over: what is copied counts against the memory limit.
    if ((int64_t)(box->count * sizeof(lw_value) + box->used) > shot->state->limits.memory) {
        luaL_error(L, "the table is too large to be read");
    }
    lw_value *item = lw_box_add(box, tag);
    if (!item) lw_no_memory(L);
    return item;
}

// Copies a table that is nothing but a sequence of integers, or of floats, in one walk; false where it is anything else. Lua
// walks a sequence in order where it was filled in order; what was filled otherwise is read the slower way.
static bool snapshot_numbers(lua_State *L, int table, lua_Integer count, snapshot *shot) {
    lw_box *box = &shot->state->inbox;
    size_t used = box->used;
    int64_t offset = 0;
    char *target = lw_box_reserve(box, (size_t)count * 8, &offset);
    if (!target) lw_no_memory(L);
    int32_t tag = LW_NIL;
    lua_Integer next = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        int32_t found = lua_type(L, -1) != LUA_TNUMBER ? LW_NIL : lua_isinteger(L, -1) ? LW_INTEGERS : LW_NUMBERS;
        if (next == 0) tag = found;
        if (found == LW_NIL || found != tag || next == count || !lua_isinteger(L, -2) || lua_tointeger(L, -2) != next + 1) {
            lua_pop(L, 2);
            box->used = used;
            return false;
        }
        if (tag == LW_INTEGERS) {
            ((int64_t *)(void *)target)[next++] = lua_tointeger(L, -1);
        } else {
            ((double *)(void *)target)[next++] = lua_tonumber(L, -1);
        }
        lua_pop(L, 1);
    }
    if (next != count) {
        box->used = used;
        return false;
    }
    lw_value *item = add(L, shot, tag);
    item->integer = offset;
    item->length = (size_t)count;
    return true;
}

// Fields are what is not in the sequence 1 ... count.
static bool is_field(lua_State *L, int key, lua_Integer count) {
    if (!lua_isinteger(L, key)) return true;
    lua_Integer position = lua_tointeger(L, key);
    return position < 1 || position > count;
}

static size_t count_fields(lua_State *L, int table, lua_Integer count) {
    size_t fields = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (is_field(L, -1, count)) fields++;
    }
    return fields;
}

static void snapshot_fields(lua_State *L, int table, lua_Integer count, snapshot *shot) {
    lua_pushnil(L);
    while (lua_next(L, table)) {
        int value = lua_gettop(L);
        if (is_field(L, value - 1, count)) {
            int type = lua_type(L, value - 1);
            if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN) {
                luaL_error(L, "a key of the table is a %s; use strings, numbers or booleans", lua_typename(L, type));
            }
            snapshot_value(L, value - 1, shot);
            snapshot_value(L, value, shot);
        }
        lua_settop(L, value - 1);
    }
}

static int32_t table_type(lua_State *L, int table, const lw_state *state) {
    if (!lua_getmetatable(L, table)) return 0;
    const void *metatable = lua_topointer(L, -1);
    lua_pop(L, 1);
    for (int32_t i = 1; i <= state->type_count; i++) {
        if (state->types[i].metatable == metatable) return i;
    }
    return 0;
}

static void snapshot_table(lua_State *L, int table, snapshot *shot) {
    luaL_checkstack(L, 8, "the table is nested too deeply");
    lw_unveil(L, table);
    const void *identity = lua_topointer(L, table);
    for (int i = 0; i < shot->depth; i++) {
        if (shot->ancestors[i] == identity) luaL_error(L, "the table contains itself");
    }
    if (shot->depth == LW_MAX_SNAPSHOT_DEPTH) luaL_error(L, "the table is nested more than %d deep", LW_MAX_SNAPSHOT_DEPTH);
    // No hook is heard here; the one that is armed stops the script when it goes on.
    if (lw_reason(shot->state)) luaL_error(L, "stopped");
    lua_Integer count = (lua_Integer)lua_rawlen(L, table);
    bool starts_with_number = count > 0 && lua_rawgeti(L, table, 1) == LUA_TNUMBER;
    if (count > 0) lua_pop(L, 1);
    if (starts_with_number && snapshot_numbers(L, table, count, shot)) return;
    size_t fields = count_fields(L, table, count);
    lw_value *item = add(L, shot, LW_TABLE);
    item->integer = count;
    item->length = fields;
    item->type = table_type(L, table, shot->state);
    shot->ancestors[shot->depth++] = identity;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, table, i);
        snapshot_value(L, lua_gettop(L), shot);
        lua_pop(L, 1);
    }
    if (fields) snapshot_fields(L, table, count, shot);
    shot->depth--;
}

static void snapshot_value(lua_State *L, int index, snapshot *shot) {
    lw_value value = lw_read(L, index);
    if (value.tag == LW_TABLE) {
        snapshot_table(L, index, shot);
        return;
    }
    lw_value *item = add(L, shot, value.tag);
    if (value.tag == LW_FUNCTION) {
        item->tag = LW_NIL;  // until the reference exists
        size_t place = shot->state->inbox.count - 1;
        lua_pushvalue(L, index);
        value.integer = lw_refer(L);
        item = &shot->state->inbox.items[place];
    }
    *item = value;
}

static int snapshot_protected(lua_State *L) {
    lw_drain_references(L);
    snapshot shot = {.state = lw_state_of(L)};
    snapshot_value(L, 1, &shot);
    return 0;
}

static int snapshot_reference_protected(lua_State *L) {
    lw_push_reference(L, lua_tointeger(L, 1));
    lua_replace(L, 1);
    lua_settop(L, 1);
    return snapshot_protected(L);
}

// References made before a snapshot failed would have no owner.
static void drop_inbox_references(lw_state *state) {
    for (size_t i = 0; i < state->inbox.count; i++) {
        if (state->inbox.items[i].tag == LW_FUNCTION) lw_unreference(state, state->inbox.items[i].integer);
    }
    lw_box_clear(&state->inbox, &state->host);
}

static int32_t finish_snapshot(lw_state *state, lua_State *L, int code) {
    if (code == LUA_OK) return LW_OK;
    size_t length = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    lw_set_text(&state->message, text, length);
    lua_pop(L, 1);
    drop_inbox_references(state);
    return LW_ERROR;
}

int32_t lw_snapshot(lw_state *state, lw_thread *L, int32_t index) {
    lw_box_clear(&state->inbox, &state->host);
    index = lua_absindex(L, index);
    if (!lua_checkstack(L, 4)) {
        lw_set_text(&state->message, "stack overflow", 14);
        return LW_ERROR;
    }
    lua_pushcfunction(L, snapshot_protected);
    lua_pushvalue(L, index);
    return finish_snapshot(state, L, lua_pcall(L, 1, 0, 0));
}

int32_t lw_snapshot_reference(lw_state *state, int64_t reference) {
    lua_State *L = state->current ? state->current : state->main;
    lw_box_clear(&state->inbox, &state->host);
    if (!L || !lua_checkstack(L, 4)) {
        lw_set_text(&state->message, "stack overflow", 14);
        return LW_ERROR;
    }
    lua_pushcfunction(L, snapshot_reference_protected);
    lua_pushinteger(L, reference);
    return finish_snapshot(state, L, lua_pcall(L, 1, 0, 0));
}

const lw_value *lw_inbox(const lw_state *state, size_t *count) {
    *count = state->inbox.count;
    return state->inbox.items;
}

const void *lw_inbox_bytes(const lw_state *state, size_t *size) {
    if (size) *size = state->inbox.used;
    return state->inbox.bytes;
}

void lw_push_reference(lua_State *L, int64_t reference) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_references);
    lua_rawgeti(L, -1, reference);
    lua_remove(L, -2);
}

int64_t lw_refer(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_references);
    lua_insert(L, -2);
    int64_t reference = luaL_ref(L, -2);
    lua_pop(L, 1);
    return reference;
}

static int reference_protected(lua_State *L) {
    lw_drain_references(L);
    lua_pushinteger(L, lw_refer(L));
    return 1;
}

int64_t lw_reference(lw_state *state, lw_thread *L, int32_t index) {
    (void)state;
    index = lua_absindex(L, index);
    if (!lua_checkstack(L, 4)) return 0;
    lua_pushcfunction(L, reference_protected);
    lua_pushvalue(L, index);
    int code = lua_pcall(L, 1, 1, 0);
    int64_t reference = code == LUA_OK ? lua_tointeger(L, -1) : 0;
    lua_pop(L, 1);
    return reference > 0 ? reference : 0;
}

// The registry is only touched where Lua is known to stand still: until then released references wait in a list.
void lw_unreference(lw_state *state, int64_t reference) {
    if (reference <= 0) return;
    pthread_mutex_lock(&state->lock);
    if (state->released_count == state->released_capacity) {
        size_t larger = state->released_capacity ? state->released_capacity * 2 : 16;
        int64_t *moved = realloc(state->released, larger * sizeof *moved);
        if (moved) {
            state->released = moved;
            state->released_capacity = larger;
        }
    }
    if (state->released_count < state->released_capacity) state->released[state->released_count++] = reference;
    pthread_mutex_unlock(&state->lock);
}

void lw_drain_references(lua_State *L) {
    lw_state *state = lw_state_of(L);
    if (state->released_count == 0) return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_references);
    for (;;) {
        pthread_mutex_lock(&state->lock);
        int64_t reference = state->released_count ? state->released[--state->released_count] : 0;
        pthread_mutex_unlock(&state->lock);
        if (!reference) break;
        luaL_unref(L, -1, (int)reference);
    }
    lua_pop(L, 1);
}

void lw_pop(lw_results results) {
    if (results.thread && results.base >= 0) lua_settop(results.thread, results.base);
}
