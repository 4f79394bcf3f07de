// The nearest name to one that does not exist, among the keys of tables.
#include <string.h>

#include "CWords.h"
#include "shim.h"

// Looks at raw keys only: a script's metamethods are not asked.
static const char *nearest(lua_State *L, int table, const char *name, const char *best, size_t *distance) {
    size_t length = strlen(name);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        size_t candidate_length = 0;
        const char *candidate = lua_tolstring(L, -1, &candidate_length);
        if (words_nearer(name, length, candidate, candidate_length, best, best ? strlen(best) : 0, distance)) best = candidate;
    }
    return best;
}

void lw_push_suggestion(lua_State *L, const char *name, int first, int second) {
    luaL_checkstack(L, 6, NULL);
    size_t distance = WORDS_FAR;
    const char *best = NULL;
    if (first && lua_type(L, first) == LUA_TTABLE) best = nearest(L, first, name, best, &distance);
    if (second && lua_type(L, second) == LUA_TTABLE) best = nearest(L, second, name, best, &distance);
    if (best) {
        lua_pushfstring(L, "; did you mean '%s'?", best);
    } else {
        lua_pushliteral(L, "");
    }
}
