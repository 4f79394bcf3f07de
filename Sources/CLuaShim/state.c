// Making and ending a state.
#include <stdlib.h>
#include <string.h>

#include "shim.h"

const char lw_key_strict = 0, lw_key_closed = 0, lw_key_frozen = 0, lw_key_references = 0, lw_key_modules = 0,
           lw_key_module_properties = 0, lw_key_hints = 0,
           lw_key_error = 0, lw_key_identities = 0, lw_key_metatables = 0, lw_key_environment = 0, lw_key_locals = 0, lw_key_constants = 0,
           lw_key_declared = 0, lw_key_initial = 0;

void lw_new_registry_table(lua_State *L, const void *key) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static int build(lua_State *L) {
    lw_new_registry_table(L, &lw_key_references);
    lw_new_registry_table(L, &lw_key_modules);
    lw_new_registry_table(L, &lw_key_module_properties);
    lw_new_registry_table(L, &lw_key_hints);
    lw_new_registry_table(L, &lw_key_strict);
    lw_new_registry_table(L, &lw_key_closed);
    lw_new_registry_table(L, &lw_key_metatables);
    lw_make_callable(L);
    lua_newtable(L);  // names of things printed, held by the things
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lw_key_identities);
    lw_build_environment(L);
    lw_make_locals(L);
    return 0;
}

lw_state *lw_open(const lw_host *host, const lw_limits *limits) {
    lw_state *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->host = *host;
    state->limits = *limits;
    if (state->limits.depth <= 0) state->limits.depth = 50;
    pthread_mutex_init(&state->lock, NULL);
    lua_State *L = lua_newstate(lw_allocate, state);
    if (!L) {
        lw_free(state);
        return NULL;
    }
    state->main = L;
    *(lw_state **)lua_getextraspace(L) = state;
    lua_pushcfunction(L, build);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lw_close(state);
        lw_free(state);
        return NULL;
    }
    return state;
}

void lw_set_host(lw_state *state, const lw_host *host) { state->host = *host; }

void lw_close(lw_state *state) {
    lua_State *L = state->main;
    if (!L) return;
    lua_sethook(L, NULL, 0, 0);
    lw_box_clear(&state->outbox, &state->host);
    lua_close(L);
    state->main = NULL;
}

void lw_free(lw_state *state) {
    lw_close(state);
    lw_box_free(&state->outbox, &state->host);
    lw_box_free(&state->inbox, &state->host);
    free(state->message.bytes);
    free(state->traceback.bytes);
    free(state->place.bytes);
    free(state->released);
    for (int32_t i = 1; i <= state->type_count; i++) {
        free(state->types[i].name);
        free(state->types[i].advice);
    }
    pthread_mutex_destroy(&state->lock);
    free(state);
}

bool lw_is_open(const lw_state *state) { return state->main != NULL; }

bool lw_is_running(const lw_state *state) { return state->depth > 0; }

bool lw_is_elsewhere(const lw_state *state) {
    return state->depth > 0 && !pthread_equal(state->thread, pthread_self());
}

static int drain(lua_State *L) {
    lw_drain_references(L);
    return 0;
}

void lw_collect(lw_state *state) {
    if (!state->main || lw_is_elsewhere(state)) return;
    lua_State *L = state->current ? state->current : state->main;
    if (lua_checkstack(L, 2)) {
        lua_pushcfunction(L, drain);
        if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
    }
    lua_gc(L, LUA_GCCOLLECT);
}

int64_t lw_memory(const lw_state *state) { return state->used; }

void lw_full_traceback(lw_state *state, bool full) { state->full_traceback = full; }
