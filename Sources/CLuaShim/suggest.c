// The nearest name to one that does not exist.
#include <string.h>

#include "shim.h"

enum { LONGEST = 64, FARTHEST = 3 };

size_t lw_edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    if (a_length > LONGEST || b_length > LONGEST) return LONGEST + 1;
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

// Looks at raw keys only: a script's metamethods are not asked.
static const char *nearest(lua_State *L, int table, const char *name, const char *best, size_t *distance) {
    size_t length = strlen(name);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        size_t candidate_length = 0;
        const char *candidate = lua_tolstring(L, -1, &candidate_length);
        size_t found = lw_edit_distance(name, length, candidate, candidate_length);
        if (found > FARTHEST || found > length / 2) continue;
        if (found < *distance || (found == *distance && best && strcmp(candidate, best) < 0)) {
            *distance = found;
            best = candidate;
        }
    }
    return best;
}

void lw_push_suggestion(lua_State *L, const char *name, int first, int second) {
    luaL_checkstack(L, 6, NULL);
    size_t distance = FARTHEST + 1;
    const char *best = NULL;
    if (first && lua_type(L, first) == LUA_TTABLE) best = nearest(L, first, name, best, &distance);
    if (second && lua_type(L, second) == LUA_TTABLE) best = nearest(L, second, name, best, &distance);
    if (best) {
        lua_pushfstring(L, "; did you mean '%s'?", best);
    } else {
        lua_pushliteral(L, "");
    }
}
