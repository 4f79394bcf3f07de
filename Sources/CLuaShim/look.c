// Looking at values: what they are, what tables hold, and their text. Metamethods run only where the text is asked for.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shim.h"

// Runs a function of one argument and gives its integer result, 0 where it fails.
static int64_t protected(lw_state *state, lua_CFunction function, void *argument) {
    if (!state->main || lw_is_elsewhere(state)) return 0;
    lua_State *L = state->current ? state->current : state->main;
    if (!lua_checkstack(L, 8)) return 0;
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int64_t result = lua_pcall(L, 1, 1, 0) == LUA_OK ? lua_tointeger(L, -1) : 0;
    lua_pop(L, 1);
    return result;
}

// MARK: What a value is

enum { MOST_ENTRIES = 1 << 22 };  // of a table that are walked to find its fields

typedef struct question {
    int64_t reference, items, fields;
    const char *name;
    size_t length;
    lw_look *look;
} question;

static void name_function(lua_State *L, lw_state *state) {
    lua_Debug record;
    lua_pushvalue(L, 2);
    lua_getinfo(L, ">Su", &record);
    char text[256];
    int length = snprintf(text, sizeof text, "%s:%d (", record.short_src, record.linedefined);
    if (record.linedefined <= 0) length = 0;
    size_t used = (size_t)length;
    for (int i = 1; length && i <= record.nparams && used < sizeof text - 64; i++) {
        lua_pushvalue(L, 2);
        const char *name = lua_getlocal(L, NULL, i);
        if (name) used += (size_t)snprintf(text + used, sizeof text - used, "%s%.48s", i > 1 ? ", " : "", name);
    }
    if (length && record.isvararg && used < sizeof text - 8) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s...", record.nparams ? ", " : "");
    }
    if (length && used < sizeof text - 2) text[used++] = ')';
    lw_set_text(&state->message, text, used);
}

static void look_at_table(lua_State *L, lw_state *state, lw_look *look) {
    look->kind = LW_LOOK_TABLE;
    lw_unveil(L, 2);
    look->length = (int64_t)lua_rawlen(L, 2);
    if (!lua_getmetatable(L, 2)) return;
    const void *metatable = lua_topointer(L, -1);
    for (int32_t i = 1; i <= state->type_count; i++) look->is_host = look->is_host || state->types[i].metatable == metatable;
    lua_pushliteral(L, "__tostring");
    look->has_text = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 1);
    lua_pushliteral(L, "__name");
    if (lua_rawget(L, -2) != LUA_TSTRING) return;
    size_t length = 0;
    const char *name = lua_tolstring(L, -1, &length);
    lw_set_text(&state->message, name, length < 64 ? length : 64);
}

static int look_protected(lua_State *L) {
    const question *asked = lua_touserdata(L, 1);
    lw_state *state = lw_state_of(L);
    lw_look *look = asked->look;
    lw_push_reference(L, asked->reference);
    look->identity = lua_topointer(L, 2);
    lw_set_text(&state->message, "", 0);
    if (lua_type(L, 2) == LUA_TTABLE) {
        look_at_table(L, state, look);
    } else if (lua_type(L, 2) == LUA_TFUNCTION) {
        look->kind = LW_LOOK_FUNCTION;
        lua_CFunction own = lua_tocfunction(L, 2);
        if (own == lw_trampoline || own == lw_callable_trampoline) {
            lua_getupvalue(L, 2, 1);
            const lw_handle *handle = own == lw_trampoline ? NULL : lua_touserdata(L, -1);
            look->function = handle ? handle->object : lua_touserdata(L, -1);
            look->is_host = true;
        } else if (!own) {
            name_function(L, state);
        }
    } else if (lw_to_handle(L, 2)) {
        const lw_handle *handle = lw_to_handle(L, 2);
        look->kind = LW_LOOK_OBJECT;
        lw_set_text(&state->message, state->types[handle->type].name, strlen(state->types[handle->type].name));
    }
    lua_pushinteger(L, 1);
    return 1;
}

bool lw_look_at(lw_state *state, int64_t reference, lw_look *look) {
    memset(look, 0, sizeof *look);
    question asked = {.reference = reference, .look = look};
    return protected(state, look_protected, &asked) != 0;
}

// MARK: What tables hold

static void add_value(lua_State *L, lw_state *state, int index) {
    lw_value value = lw_read(L, index);
    int32_t kind = value.tag == LW_TABLE ? LW_LOOK_TABLE : value.tag == LW_FUNCTION ? LW_LOOK_FUNCTION : LW_LOOK_OTHER;
    if (kind != LW_LOOK_OTHER) {
        value.tag = LW_NIL;  // until the reference exists
        lua_pushvalue(L, index);
        value.integer = lw_refer(L);
        value.tag = LW_REFERENCE;
        value.type = kind;
    }
    lw_value *item = lw_box_add(&state->inbox, value.tag);
    if (!item) lw_no_memory(L);
    *item = value;
}

static int list_protected(lua_State *L) {
    const question *asked = lua_touserdata(L, 1);
    lw_state *state = lw_state_of(L);
    lw_drain_references(L);
    lw_push_reference(L, asked->reference);
    if (lua_type(L, 2) != LUA_TTABLE) return 0;
    lw_unveil(L, 2);
    lua_Integer length = (lua_Integer)lua_rawlen(L, 2);
    for (lua_Integer i = 1; i <= length && i <= asked->items; i++) {
        lua_rawgeti(L, 2, i);
        add_value(L, state, 3);
        lua_pop(L, 1);
    }
    int64_t fields = 0, seen = 0;
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        if (seen++ == MOST_ENTRIES) break;
        lua_Integer position = lua_isinteger(L, 3) ? lua_tointeger(L, 3) : 0;
        bool in_sequence = position >= 1 && position <= length;
        if (!in_sequence && fields++ < asked->fields) {
            add_value(L, state, 3);
            add_value(L, state, 4);
        }
        lua_settop(L, 3);
    }
    lua_pushinteger(L, fields + 1);
    return 1;
}

int64_t lw_list(lw_state *state, int64_t reference, int64_t items, int64_t fields) {
    lw_box_clear(&state->inbox, &state->host);
    question asked = {.reference = reference, .items = items, .fields = fields};
    int64_t found = protected(state, list_protected, &asked);
    if (found > 0) return found - 1;
    for (size_t i = 0; i < state->inbox.count; i++) {
        if (state->inbox.items[i].tag == LW_REFERENCE) lw_unreference(state, state->inbox.items[i].integer);
    }
    lw_box_clear(&state->inbox, &state->host);
    return -1;
}

static int refer_to_top(lua_State *L) {
    if (lua_isnil(L, -1)) return 0;
    lua_pushinteger(L, lw_refer(L));
    return 1;
}

static int field_protected(lua_State *L) {
    const question *asked = lua_touserdata(L, 1);
    lw_drain_references(L);
    lw_push_reference(L, asked->reference);
    if (lua_type(L, 2) != LUA_TTABLE) return 0;
    lw_unveil(L, 2);
    lua_pushlstring(L, asked->name, asked->length);
    lua_rawget(L, 2);
    return refer_to_top(L);
}

int64_t lw_raw_field(lw_state *state, int64_t reference, const char *name, size_t length) {
    question asked = {.reference = reference, .name = name, .length = length};
    return protected(state, field_protected, &asked);
}

static int globals_protected(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_environment);
    return refer_to_top(L);
}

int64_t lw_globals(lw_state *state) { return protected(state, globals_protected, NULL); }

static int locals_protected(lua_State *L) {
    lua_newtable(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lw_key_locals);
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        lua_pushvalue(L, 4);
        lua_getupvalue(L, 5, 1);
        lua_rawset(L, 2);
        lua_settop(L, 4);
    }
    lua_settop(L, 2);
    return refer_to_top(L);
}

int64_t lw_locals(lw_state *state) { return protected(state, locals_protected, NULL); }

// MARK: Text

// Stops a text that takes too long, as a signal would.
typedef struct watch {
    lw_state *state;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct timespec limit;
    bool over, expired;
} watch;

static void *watch_text(void *context) {
    watch *own = context;
    pthread_mutex_lock(&own->lock);
    while (!own->over && pthread_cond_timedwait(&own->ended, &own->lock, &own->limit) == 0) {
    }
    own->expired = !own->over;
    if (own->expired) lw_interrupt(own->state, LW_INTERRUPT);
    pthread_mutex_unlock(&own->lock);
    return NULL;
}

static int describe(lua_State *L) {
    lw_push_reference(L, lua_tointeger(L, 1));
    lua_replace(L, 1);
    lua_settop(L, 1);
    size_t length = 0;
    const char *text = lw_push_text(L, 1, &length);
    lw_set_text(&lw_state_of(L)->message, text, length);
    return 0;
}

static bool describe_protected(lw_state *state, int64_t reference) {
    lua_State *L = state->current;
    lw_set_text(&state->message, "stack overflow", 14);
    if (!lua_checkstack(L, 8)) return false;
    lua_pushcfunction(L, describe);
    lua_pushinteger(L, reference);
    bool fine = lua_pcall(L, 1, 0, 0) == LUA_OK;
    state->current = L;
    if (!fine) {
        size_t length = 0;
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "(no text)";
        lw_set_text(&state->message, text, length ? length : strlen(text));
        lua_pop(L, 1);
    }
    return fine;
}

bool lw_describe(lw_state *state, int64_t reference, double seconds) {
    if (!state->main || lw_is_elsewhere(state)) return false;
    lw_enter(state);
    watch own = {.state = state};
    pthread_t thread;
    bool watched = false;
    if (seconds > 0) {
        pthread_mutex_init(&own.lock, NULL);
        pthread_cond_init(&own.ended, NULL);
        clock_gettime(CLOCK_REALTIME, &own.limit);
        double nanoseconds = (double)own.limit.tv_nsec + (seconds - (double)(time_t)seconds) * 1e9;
        own.limit.tv_sec += (time_t)seconds + (nanoseconds >= 1e9);
        own.limit.tv_nsec = (long)(nanoseconds >= 1e9 ? nanoseconds - 1e9 : nanoseconds);
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the thread that runs
        watched = pthread_create(&thread, NULL, watch_text, &own) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    bool fine = describe_protected(state, reference);
    if (watched) {
        pthread_mutex_lock(&own.lock);
        own.over = true;
        pthread_cond_signal(&own.ended);
        pthread_mutex_unlock(&own.lock);
        pthread_join(thread, NULL);
        if (own.expired) {
            static const char text[] = "(its __tostring takes too long)";
            lw_set_text(&state->message, text, sizeof text - 1);
            fine = false;
            // It alone is stopped, not what asked for it.
            state->kill = 0;
            atomic_store(&state->request, 0);
        }
    }
    if (seconds > 0) {
        pthread_mutex_destroy(&own.lock);
        pthread_cond_destroy(&own.ended);
    }
    lw_leave(state);
    return fine;
}
