// What the files of this shim share. Functions here may raise Lua errors: none is called with a Swift frame above it.
#ifndef LW_SHIM_H
#define LW_SHIM_H

#if __has_include(<lua5.4/lua.h>)
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>
#else
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#endif

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "CLuaShim.h"

#define LW_MAX_TYPES 128
#define LW_MAX_SNAPSHOT_DEPTH 64
#define LW_LOOK_AFTER (1 << 20)  // bytes that may come before it is asked what the process holds

// A growing list of values with the bytes of its strings and numbers.
typedef struct lw_box {
    lw_value *items;
    size_t count, capacity;
    char *bytes;
    size_t used, size;
    size_t owned;  // retained pointers among the items that the box still has to release
    bool failed;   // memory ran out while it was written
} lw_box;

// A text that outlives the Lua error that it describes.
typedef struct lw_text {
    char *bytes;
    size_t length;
} lw_text;

// A type of host object, or of tables with host methods. Its metatable is kept alive by the registry.
typedef struct lw_type {
    char *name;
    const void *metatable;
    char *advice;                // what to use in place of an index, may be null
    const void *index_function;  // of keys that are no field, may be null
    bool indexes_names;          // it is asked for strings too
    bool closes;                 // the host has something to do at the end of a to-be-closed variable
} lw_type;

// A resume in progress: which thread waits for the one that runs.
typedef struct lw_resume {
    lua_State *parent;
    struct lw_resume *up;
} lw_resume;

struct lw_state {
    lua_State *main;
    lw_host host;
    lw_limits limits;
    int64_t used;                    // bytes that Lua holds
    int64_t looked;                  // of these, at the last look at the whole process
    volatile sig_atomic_t over;      // passed the limit: the hook is to look
    lua_State *volatile current;     // the coroutine that runs, null between runs
    lw_resume *resumes;
    volatile sig_atomic_t kill;      // why the run is being unwound
    atomic_int request;              // why this state is to stop
    int depth;                       // runs and calls into Lua within one another
    int calls;                       // host calls within one another
    int closing;                     // resets of coroutines within one another
    pthread_t thread;                // that runs it
    sigset_t mask;                   // of that thread before the run
    bool full_traceback;
    lw_box outbox, inbox;
    lw_text message, traceback;
    lw_text place;                   // of the last error that is no text: it says none itself
    int status;                      // of the last failure
    int64_t error;                   // reference to the last failure's value
    lw_type types[LW_MAX_TYPES];
    int32_t type_count;
    pthread_mutex_t lock;            // guards `released`
    int64_t *released;
    size_t released_count, released_capacity;
    char missing[64];                // the stock name last read in vain
};

// The payload of every userdata that a script can hold.
typedef struct lw_handle {
    lw_state *state;
    const void *object;  // one reference is owned; null once closed
    int32_t type;
} lw_handle;

// Keys of the registry, by address: looking them up allocates nothing.
extern const char lw_key_references, lw_key_modules, lw_key_module_properties, lw_key_hints, lw_key_error,
    lw_key_identities, lw_key_metatables, lw_key_environment, lw_key_strict, lw_key_closed, lw_key_frozen,
    lw_key_locals, lw_key_constants, lw_key_declared, lw_key_initial;

static inline lw_state *lw_state_of(lua_State *L) { return *(lw_state **)lua_getextraspace(L); }

// allocate.c
void *lw_allocate(void *context, void *block, size_t old_size, size_t new_size);

// box.c
void lw_box_clear(lw_box *box, const lw_host *host);
void lw_box_free(lw_box *box, const lw_host *host);
lw_value *lw_box_add(lw_box *box, int32_t tag);
void *lw_box_reserve(lw_box *box, size_t length, int64_t *offset);
int lw_play(lua_State *L);  // pushes what the outbox holds; returns how many

// values.c
lw_handle *lw_to_handle(lua_State *L, int index);
void lw_drain_references(lua_State *L);

// Pushes the value of a reference.
void lw_push_reference(lua_State *L, int64_t reference);
// A new reference to the value on top, which is taken off; may raise.
int64_t lw_refer(lua_State *L);

// register.c
void lw_push_function(lua_State *L, const void *function);
void lw_push_metatable(lua_State *L, int32_t type);
int lw_handle_gc(lua_State *L);
void lw_make_callable(lua_State *L);

// trampoline.c
int lw_trampoline(lua_State *L);
int lw_callable_trampoline(lua_State *L);
int lw_perform(lua_State *L, const void *function, int32_t arguments);
int lw_fail(lua_State *L, int32_t answer);
int lw_raise(lua_State *L);
int lw_raisef(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Raises as Lua does where its own allocator refuses, which is told from other errors by the text alone.
static inline int lw_no_memory(lua_State *L) {
    lua_pushliteral(L, "not enough memory");
    return lw_raise(L);
}

// interrupt.c
void lw_hook(lua_State *L, lua_Debug *record);
void lw_arm(lua_State *L);
int lw_reason(const lw_state *state);
int lw_rethrow(lua_State *L);
int lw_stop(lua_State *L, int reason);
// Stops where that was asked for: for loops in C, which no hook reaches.
void lw_poll(lua_State *L);
void lw_enter(lw_state *state);
void lw_leave(lw_state *state);

// protected.c
int lw_pcall_function(lua_State *L);
int lw_xpcall_function(lua_State *L);
int lw_coroutine_resume(lua_State *L);
int lw_coroutine_wrap(lua_State *L);

// blame.c
void lw_push_position(lua_State *L);
int lw_message_handler(lua_State *L);

// sandbox.c, text.c, require.c
void lw_build_environment(lua_State *L);
int lw_stock(lua_State *L, const char *name);
int lw_tostring_function(lua_State *L);
int lw_print_function(lua_State *L);
int lw_io_write_function(lua_State *L);
int lw_file_write_function(lua_State *L);
int lw_format_function(lua_State *L);
int lw_rep_function(lua_State *L);
int lw_require_function(lua_State *L);
const char *lw_push_text(lua_State *L, int index, size_t *length);

// tables.c
int lw_table_insert(lua_State *L);
int lw_table_move(lua_State *L);
int lw_table_remove(lua_State *L);
int lw_table_sort(lua_State *L);

// patterns.c
int lw_string_find(lua_State *L);
int lw_string_gmatch(lua_State *L);
int lw_string_gsub(lua_State *L);
int lw_string_match(lua_State *L);

// strict.c
// Takes a name and nil off the stack and notes the name in the table of absent names at `absent`, which is made where it is 0; returns where it lies.
int lw_add_absent(lua_State *L, int absent);
// Makes missing fields of a table an error that calls it by the string at `name`; where it is closed, so is writing one.
void lw_make_strict(lua_State *L, int name, int table, int absent, bool is_closed);
// Puts a table that cannot be written in place of the strict one on top; its name is at `name`, and what to do instead of writing above it.
void lw_freeze(lua_State *L, int name);
// Puts the table that a frozen one stands for in its place at `index`; any other value stays.
void lw_unveil(lua_State *L, int index);
int lw_next_function(lua_State *L);
int lw_table_type_index(lua_State *L);

// suggest.c
// Pushes "; did you mean 'x'?" with the nearest key of the tables at the two indices (0 is none), or an empty string.
void lw_push_suggestion(lua_State *L, const char *name, int first, int second);

// state.c
void lw_new_registry_table(lua_State *L, const void *key);

// locals.c
void lw_make_locals(lua_State *L);
// Leaves the function that the line compiles to on the stack, or an error message and gives false.
bool lw_compile_line(lua_State *L, const lw_line *line, const char *name);
void lw_forget_declared(lua_State *L);
// After a line: what it declared becomes part of the session.
void lw_keep_locals(lua_State *L, bool succeeded);

// run.c
void lw_set_text(lw_text *text, const char *bytes, size_t length);

#endif
