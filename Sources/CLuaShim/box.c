// Lists of values in plain memory, and playing the outbox onto the Lua stack.
#include <stdlib.h>
#include <string.h>

#include "CMemory.h"
#include "shim.h"

enum { KEPT_BYTES = 1 << 20 };  // larger buffers are given back when they are empty

static bool grow(void **block, size_t *capacity, size_t needed, size_t width) {
    if (needed <= *capacity) return true;
    size_t larger = *capacity < 16 ? 16 : *capacity * 2;
    if (larger < needed) larger = needed;
    if (larger > SIZE_MAX / 2 / width) return false;
    size_t more = (larger - *capacity) * width;
    if (more > LW_LOOK_AFTER && (int64_t)more > memory_room((int64_t)more)) return false;
    void *moved = realloc(*block, larger * width);
    if (!moved) return false;
    *block = moved;
    *capacity = larger;
    return true;
}

lw_value *lw_box_add(lw_box *box, int32_t tag) {
    if (!grow((void **)&box->items, &box->capacity, box->count + 1, sizeof(lw_value))) {
        box->failed = true;
        return NULL;
    }
    lw_value *item = &box->items[box->count++];
    memset(item, 0, sizeof *item);
    item->tag = tag;
    return item;
}

void *lw_box_reserve(lw_box *box, size_t length, int64_t *offset) {
    size_t start = (box->used + 7) & ~(size_t)7;
    if (length > SIZE_MAX / 4 || !grow((void **)&box->bytes, &box->size, start + length + 1, 1)) {
        box->failed = true;
        return NULL;
    }
    box->used = start + length;
    *offset = (int64_t)start;
    return box->bytes + start;
}

static bool is_owned(const lw_value *item) {
    return (item->tag == LW_OBJECT || item->tag == LW_CALLABLE) && item->pointer;
}

void lw_box_clear(lw_box *box, const lw_host *host) {
    size_t count = box->count;
    for (size_t i = 0; box->owned && i < count; i++) {
        lw_value *item = &box->items[i];
        if (!is_owned(item)) continue;
        const void *object = item->pointer;
        item->pointer = NULL;
        box->owned--;
        host->release(object);
    }
    box->owned = 0;
    box->count = box->used = 0;
    box->failed = false;
    if (box->size > KEPT_BYTES || box->capacity * sizeof(lw_value) > KEPT_BYTES) {
        free(box->items);
        free(box->bytes);
        memset(box, 0, sizeof *box);
    }
}

void lw_box_free(lw_box *box, const lw_host *host) {
    lw_box_clear(box, host);
    free(box->items);
    free(box->bytes);
    memset(box, 0, sizeof *box);
}

void lw_out_reset(lw_state *state) {
    if (state->outbox.count || state->outbox.failed) lw_box_clear(&state->outbox, &state->host);
}

void lw_out_value(lw_state *state, lw_value value) {
    lw_value *item = lw_box_add(&state->outbox, value.tag);
    if (item) {
        *item = value;
        if (is_owned(item)) state->outbox.owned++;
    } else if (is_owned(&value)) {
        state->host.release(value.pointer);
    }
}

static void out_bytes(lw_state *state, int32_t tag, const void *bytes, size_t count, size_t width) {
    int64_t offset = 0;
    if (count > SIZE_MAX / 4 / width) {
        state->outbox.failed = true;
        return;
    }
    void *target = lw_box_reserve(&state->outbox, count * width, &offset);
    lw_value *item = lw_box_add(&state->outbox, tag);
    if (!target || !item) return;
    if (count) memcpy(target, bytes, count * width);
    item->integer = offset;
    item->length = count;
}

void lw_out_string(lw_state *state, const char *bytes, size_t length) { out_bytes(state, LW_STRING, bytes, length, 1); }

void lw_out_integers(lw_state *state, const int64_t *values, size_t count) {
    out_bytes(state, LW_INTEGERS, values, count, sizeof *values);
}

void lw_out_numbers(lw_state *state, const double *values, size_t count) {
    out_bytes(state, LW_NUMBERS, values, count, sizeof *values);
}

static void play_item(lua_State *L, lw_box *box, size_t *next);

static int size_hint(size_t count) { return count < (1 << 24) ? (int)count : 1 << 24; }

// No hook is heard here, and a table of tables may be large.
static void ask(lua_State *L) {
    if (lw_state_of(L)->depth > 0) lw_poll(L);
}

static void play_numbers(lua_State *L, const lw_box *box, const lw_value *item) {
    const char *bytes = box->bytes + item->integer;
    ask(L);
    lua_createtable(L, size_hint(item->length), 0);
    for (size_t i = 0; i < item->length; i++) {
        if (item->tag == LW_INTEGERS) {
            lua_pushinteger(L, ((const int64_t *)(const void *)bytes)[i]);
        } else {
            lua_pushnumber(L, ((const double *)(const void *)bytes)[i]);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void play_table(lua_State *L, lw_box *box, const lw_value *item, size_t *next) {
    int64_t values = item->integer;
    size_t fields = item->length;
    int32_t type = item->type;
    luaL_checkstack(L, 8, "a table is nested too deeply");
    ask(L);
    bool is_strict = type < 0;
    if (is_strict) play_item(L, box, next);
    if (type == LW_FROZEN) play_item(L, box, next);
    lua_createtable(L, size_hint((size_t)values), size_hint(fields));
    int table = lua_gettop(L), absent = 0;
    for (int64_t i = 1; i <= values; i++) {
        play_item(L, box, next);
        lua_rawseti(L, table, i);
    }
    for (size_t i = 0; i < fields; i++) {
        play_item(L, box, next);
        play_item(L, box, next);
        if (is_strict && lua_isnil(L, -1)) {
            absent = lw_add_absent(L, absent);
        } else {
            lua_rawset(L, table);
        }
    }
    if (is_strict) {
        int name = type == LW_FROZEN ? table - 2 : table - 1;
        lw_make_strict(L, name, table, absent, type == LW_CLOSED);
        lua_settop(L, table);
        if (type == LW_FROZEN) lw_freeze(L, name);
        lua_replace(L, name);
        lua_settop(L, name);
    }
    if (type > 0) {
        lw_push_metatable(L, type);
        lua_setmetatable(L, -2);
    }
}

// The handle is made, with its metatable, before the reference moves into it: nothing that can fail comes after.
static void play_object(lua_State *L, lw_box *box, lw_value *item) {
    if (!item->pointer) {
        lua_pushnil(L);
        return;
    }
    lw_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->state = lw_state_of(L);
    handle->object = NULL;
    handle->type = item->type;
    lw_push_metatable(L, item->type);
    lua_setmetatable(L, -2);
    handle->object = item->pointer;
    item->pointer = NULL;
    box->owned--;
}

static void play_callable(lua_State *L, lw_box *box, lw_value *item) {
    lw_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->state = lw_state_of(L);
    handle->object = NULL;
    handle->type = 0;
    lw_push_metatable(L, 0);
    lua_setmetatable(L, -2);
    handle->object = item->pointer;
    item->pointer = NULL;
    box->owned--;
    lua_pushcclosure(L, lw_callable_trampoline, 1);
}

static void play_item(lua_State *L, lw_box *box, size_t *next) {
    lw_value *item = &box->items[(*next)++];
    switch (item->tag) {
    case LW_BOOLEAN: lua_pushboolean(L, item->integer != 0); break;
    case LW_INTEGER: lua_pushinteger(L, item->integer); break;
    case LW_NUMBER: lua_pushnumber(L, item->number); break;
    case LW_STRING: lua_pushlstring(L, box->bytes + item->integer, item->length); break;
    case LW_OBJECT: play_object(L, box, item); break;
    case LW_CALLABLE: play_callable(L, box, item); break;
    case LW_TABLE: play_table(L, box, item, next); break;
    case LW_INTEGERS:
    case LW_NUMBERS: play_numbers(L, box, item); break;
    case LW_REFERENCE:
        lw_push_reference(L, item->integer);
        break;
    default: lua_pushnil(L);
    }
}

int lw_play(lua_State *L) {
    lw_box *box = &lw_state_of(L)->outbox;
    if (box->failed) lw_no_memory(L);
    int pushed = 0;
    size_t next = 0;
    while (next < box->count) {
        luaL_checkstack(L, 8, "too many values");
        play_item(L, box, &next);
        pushed++;
    }
    box->count = box->used = 0;
    if (box->size > KEPT_BYTES) lw_box_clear(box, &lw_state_of(L)->host);
    return pushed;
}
