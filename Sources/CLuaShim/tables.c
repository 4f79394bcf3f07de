// table.insert, table.move, table.remove and table.sort as Lua has them, but that a stop reaches them: with a __len of the script's
// they can run for years, and no hook reaches a loop in C.
#include "shim.h"

enum { POLL_MASK = 0x3FF };

static void poll(lua_State *L, lua_Integer i) {
    if ((i & POLL_MASK) == 0) lw_poll(L);
}

// Reading or writing may be the script's when a metamethod is there; without it the value must be a table.
static void check_table(lua_State *L, int index) {
    if (lua_type(L, index) == LUA_TTABLE) return;
    if (lua_type(L, index) == LUA_TUSERDATA || !lua_getmetatable(L, index)) luaL_checktype(L, index, LUA_TTABLE);
    lua_pop(L, 1);
}

int lw_table_move(lua_State *L) {
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), target = luaL_checkinteger(L, 4);
    int destination = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1);
    check_table(L, destination);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
        luaL_argcheck(L, target <= LUA_MAXINTEGER - (last - first), 4, "destination wrap around");
        bool forward = target > last || target <= first || (destination != 1 && !lua_compare(L, 1, destination, LUA_OPEQ));
        for (lua_Integer i = 0; i <= last - first; i++) {
            lua_Integer step = forward ? i : last - first - i;
            lua_geti(L, 1, first + step);
            lua_seti(L, destination, target + step);
            poll(L, i);
        }
    }
    lua_pushvalue(L, destination);
    return 1;
}

int lw_table_insert(lua_State *L) {
    check_table(L, 1);
    lua_Integer end = luaL_len(L, 1);
    end = (lua_Integer)((lua_Unsigned)end + 1);
    switch (lua_gettop(L)) {
    case 2: break;
    case 3: {
        lua_Integer position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > position; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
            poll(L, i);
        }
        end = position;
        break;
    }
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, end);
    return 0;
}

int lw_table_remove(lua_State *L) {
    check_table(L, 1);
    lua_Integer size = luaL_len(L, 1), position = luaL_optinteger(L, 2, size);
    if (!lua_isnone(L, 2) && lua_gettop(L) >= 2) {
        luaL_argcheck(L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    }
    lua_geti(L, 1, position);
    for (; position < size; position++) {
        lua_geti(L, 1, position + 1);
        lua_seti(L, 1, position);
        poll(L, position);
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

// The order of <, for Lua's own sort: a function of C, which no hook reaches either, but which is called for each pair.
static int is_less(lua_State *L) {
    lw_poll(L);
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    return 1;
}

int lw_table_sort(lua_State *L) {
    check_table(L, 1);
    // Of fewer elements it is over before anyone waits, and takes a third of the time.
    if (lua_isnoneornil(L, 2) && luaL_len(L, 1) > 500000) {
        lua_settop(L, 1);
        lua_pushcfunction(L, is_less);
    }
    return lw_stock(L, "sort");
}
