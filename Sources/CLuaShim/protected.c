// pcall, xpcall and coroutines as recipes see them: Lua's own, but that nothing catches a run that is to stop, and that
// the state knows which coroutine runs.
#include "shim.h"

enum { MAX_CLOSING = 100 };  // resets within one another: Lua before 5.4.5 does not count them

static int finish_pcall(lua_State *L, int status, lua_KContext extra) {
    if (status != LUA_OK && status != LUA_YIELD) {
        if (lw_state_of(L)->kill) return lw_rethrow(L);
        lua_pushboolean(L, 0);
        lua_pushvalue(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)extra;
}

int lw_pcall_function(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall), 0);
}

// An error that a hook raised reaches the message handler with hooks still off: no script may run then.
static int guarded_handler(lua_State *L) {
    if (lw_state_of(L)->kill) return 1;
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

int lw_xpcall_function(lua_State *L) {
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return finish_pcall(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_pcall), 2);
}

// Gives the number of results, or -1 with the error value on top.
static int resume(lua_State *L, lua_State *coroutine, int arguments) {
    lw_state *state = lw_state_of(L);
    if (!lua_checkstack(coroutine, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, coroutine, arguments);
    lw_resume frame = {.parent = L, .up = state->resumes};
    state->resumes = &frame;
    state->current = coroutine;
    if (lw_reason(state)) lw_arm(coroutine);
    int results = 0;
    int status = lua_resume(coroutine, L, arguments, &results);
    state->current = L;
    state->resumes = frame.up;
    if (lw_reason(state) || state->over) lw_arm(L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(coroutine, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(coroutine, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(coroutine, L, results);
    return results;
}

int lw_coroutine_resume(lua_State *L) {
    lua_State *coroutine = lua_tothread(L, 1);
    luaL_argexpected(L, coroutine, 1, "coroutine");
    int results = resume(L, coroutine, lua_gettop(L) - 1);
    if (results < 0) {
        if (lw_state_of(L)->kill) return lw_rethrow(L);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_insert(L, -(results + 1));
    return results + 1;
}

// Runs what a failed coroutine still has to close. Gives its last error on top of L.
static void reset(lua_State *L, lua_State *coroutine) {
    lw_state *state = lw_state_of(L);
    lua_pop(L, 1);
    if (state->closing >= MAX_CLOSING) luaL_error(L, "C stack overflow");
    lw_resume frame = {.parent = L, .up = state->resumes};
    state->resumes = &frame;
    state->current = coroutine;
    state->closing++;
    if (lw_reason(state)) lw_arm(coroutine);
    lua_resetthread(coroutine);
    state->closing--;
    state->current = L;
    state->resumes = frame.up;
    if (lw_reason(state) || state->over) lw_arm(L);
    lua_xmove(coroutine, L, 1);
}

static int wrapped(lua_State *L) {
    lua_State *coroutine = lua_tothread(L, lua_upvalueindex(1));
    int results = resume(L, coroutine, lua_gettop(L));
    if (results >= 0) return results;
    int status = lua_status(coroutine);
    if (status != LUA_OK && status != LUA_YIELD) reset(L, coroutine);
    if (lw_state_of(L)->kill) return lw_rethrow(L);
    return lw_raise(L);
}

int lw_coroutine_wrap(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *coroutine = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, coroutine, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}
