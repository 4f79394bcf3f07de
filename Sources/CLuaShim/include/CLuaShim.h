// The whole boundary between Swift and Lua.
//
// The rule: no Swift frame may be on the stack when Lua raises. Every function declared here may be called from Swift: it
// either cannot raise, or does what can raise under a protected call and returns a status. Swift never sees lua.h.
//
// Values cross in plain memory, as lists of lw_value in preorder: an LW_TABLE of integer array length and `length` fields
// is followed by the array's values, then by key and value of each field. The state has two such lists. The outbox is
// written by Swift (results, arguments) and played onto the Lua stack by C once Swift has returned. The inbox is
// written by C when it takes a snapshot of a table, and read by Swift at once.
#ifndef CLUASHIM_H
#define CLUASHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lw_state lw_state;
typedef struct lua_State lw_thread;

// What an lw_value holds.
enum {
    LW_NIL,        // nothing; an absent argument has length 1
    LW_BOOLEAN,    // integer is 0 or 1
    LW_INTEGER,    // integer
    LW_NUMBER,     // number
    LW_STRING,     // length bytes: at pointer when read; at offset integer of the bytes when in a box made by Swift
    LW_OBJECT,     // pointer is the host's object of type `type`; null when the handle was closed
    LW_FUNCTION,   // integer is a reference when in a snapshot
    LW_TABLE,      // integer values, length fields follow; type is the table type of its methods, 0, or how strict it is
    LW_INTEGERS,   // a table of length integers, at offset integer of the bytes
    LW_NUMBERS,    // a table of length floats, at offset integer of the bytes
    LW_CALLABLE,   // pointer is a retained host function
    LW_REFERENCE,  // integer is a reference
    LW_OTHER,      // anything else; pointer is its type's name
};

// The type of a table that cannot be misread; its name follows as a string, before its values, and fields without a value are known
// to be absent. Reading a field that is not there is an error; writing a new one too; writing any, for what is a copy of something
// (then what to do instead follows the name).
enum { LW_STRICT = -1, LW_CLOSED = -2, LW_FROZEN = -3 };

typedef struct lw_value {
    int32_t tag;
    int32_t type;
    union {
        int64_t integer;
        double number;
        const void *pointer;
    };
    size_t length;
} lw_value;

// One call of a host function. Valid until the function returns.
typedef struct lw_call {
    lw_state *state;
    lw_thread *thread;
    int32_t count;  // arguments, self included
} lw_call;

// What the host's `call` and `load` answer.
enum {
    LW_DONE = 0,         // the outbox holds the results
    LW_FAILED = -1,      // the outbox holds a message that wants the recipe's position in front
    LW_RAISED = -2,      // the outbox holds an error value to raise unchanged
    LW_INTERRUPTED = -3  // the host gave up because the run is to stop
};

// What Lua asks of the host. None of these may raise.
typedef struct lw_host {
    void *context;
    int32_t (*call)(void *context, const void *function, lw_call *call);
    // Finds the source of a module: the outbox gets its text and its chunk name.
    int32_t (*load)(void *context, const char *name, size_t length);
    void (*print)(void *context, const char *bytes, size_t length);
    void (*release)(const void *object);
    // Closes an object at the end of a to-be-closed variable; may fail like `call`.
    int32_t (*close)(void *context, const void *object, int32_t type);
} lw_host;

typedef struct lw_limits {
    int64_t memory;   // bytes that Lua may hold
    int64_t seed;     // of math.random
    int32_t depth;    // host calls within host calls
} lw_limits;

// Why a run is to stop, or did.
enum { LW_RUNNING, LW_INTERRUPT, LW_TIME };

// How a run ended.
enum { LW_OK, LW_ERROR, LW_SYNTAX, LW_INCOMPLETE, LW_STOPPED_INTERRUPT, LW_STOPPED_TIME, LW_STOPPED_MEMORY };

// A line typed in a session.
typedef struct lw_line {
    const char *source;     // as typed
    size_t length;
    const char *statement;  // the same, with assignments for what it declares at the top level
    size_t statement_length;
    const char *declared;   // names that it declares there, each with a space behind, and with ! in front where it is constant
    const char *used;       // names that occur in it, each with a space behind
    bool is_file;           // no expression is meant
    bool only_compiled;     // nothing is run
} lw_line;

// Values that a run or a call left on the stack of `thread`, or its failure (lw_failure_*).
typedef struct lw_results {
    int32_t status;
    int32_t base;   // stack height below the results
    int32_t count;
    lw_thread *thread;
} lw_results;

// --- state.c
lw_state *lw_open(const lw_host *host, const lw_limits *limits);
// Frees the Lua state and every object in it; references may outlive it until lw_free.
void lw_close(lw_state *state);
void lw_set_host(lw_state *state, const lw_host *host);
void lw_free(lw_state *state);
bool lw_is_open(const lw_state *state);
// Whether a chunk or function is running, and on another thread than this one.
bool lw_is_running(const lw_state *state);
bool lw_is_elsewhere(const lw_state *state);
void lw_collect(lw_state *state);
int64_t lw_memory(const lw_state *state);
void lw_full_traceback(lw_state *state, bool full);

// --- register.c: names are copied; false is out of memory.
// A type of objects, from 1; 0 is out of memory, -1 too many types. `closes` has the host's `close` called before a handle is closed.
int32_t lw_type_new(lw_state *state, const char *name, bool closes);
bool lw_type_method(lw_state *state, int32_t type, const char *name, const void *function);
bool lw_type_property(lw_state *state, int32_t type, const char *name, const void *getter, const void *setter);
// __index is asked for keys that are no strings, __index_names for all that name neither method nor property.
bool lw_type_metamethod(lw_state *state, int32_t type, const char *name, const void *function);
// What to use where a recipe asks an object for an element, and the type has none.
bool lw_type_advice(lw_state *state, int32_t type, const char *advice);
int32_t lw_table_type_new(lw_state *state, const char *name);
// The value in the outbox becomes a global, a cached module, or a field of a cached module.
bool lw_set_global(lw_state *state, const char *name);
bool lw_set_module(lw_state *state, const char *name);
// A module's table: unknown names are errors, properties are computed when read.
bool lw_module_new(lw_state *state, const char *name);
bool lw_module_field(lw_state *state, const char *module, const char *name);
bool lw_module_property(lw_state *state, const char *module, const char *name, const void *getter);
bool lw_module_nest(lw_state *state, const char *parent, const char *name, const char *child);
bool lw_module_global(lw_state *state, const char *global, const char *module);
// What to say when a recipe reads a stock name that it has not got, such as "io" or "os.execute".
bool lw_hint(lw_state *state, const char *name, const char *advice);

// --- box.c: the outbox, as a list of lw_value; false or nothing happens when memory is out, and playing it then fails.
void lw_out_reset(lw_state *state);
void lw_out_value(lw_state *state, lw_value value);
void lw_out_string(lw_state *state, const char *bytes, size_t length);
void lw_out_integers(lw_state *state, const int64_t *values, size_t count);
void lw_out_numbers(lw_state *state, const double *values, size_t count);

// --- values.c: reading what is on a stack.
lw_value lw_read(lw_thread *thread, int32_t index);
const char *lw_type_name(lw_thread *thread, int32_t index);
// Copies the value (a table with all in it) to the inbox: LW_OK, or LW_ERROR with lw_failure_message.
int32_t lw_snapshot(lw_state *state, lw_thread *thread, int32_t index);
int32_t lw_snapshot_reference(lw_state *state, int64_t reference);
const lw_value *lw_inbox(const lw_state *state, size_t *count);
const void *lw_inbox_bytes(const lw_state *state, size_t *size);
// Keeps a value alive: 0 is out of memory. Releasing may happen on any thread, at any time before lw_free.
int64_t lw_reference(lw_state *state, lw_thread *thread, int32_t index);
void lw_unreference(lw_state *state, int64_t reference);
// Lua's tostring of a value, under protection: the text is the message, false means that it tells of a failure. A script's __tostring is
// stopped after `seconds`, where that is above 0.
bool lw_describe(lw_state *state, int64_t reference, double seconds);
void lw_pop(lw_results results);

// --- look.c: looking at values without running anything of the script's.
enum { LW_LOOK_OTHER, LW_LOOK_TABLE, LW_LOOK_FUNCTION, LW_LOOK_OBJECT };
typedef struct lw_look {
    int32_t kind;
    bool has_text;         // a table whose metatable has a __tostring
    bool is_host;          // a function of the host's, or a table with methods of the host's
    const void *identity;  // the same for the same table or function
    const void *function;  // the host's function
    int64_t length;        // of a table's sequence
} lw_look;
// What a referenced value is; the message is the type's or module's name, or where a function was written, as `stdin:1 (a, b)`.
bool lw_look_at(lw_state *state, int64_t reference, lw_look *look);
// Lists a table in the inbox: its first `items` values, then key and value of at most `fields` fields. Tables and functions are references
// with `type` LW_LOOK_TABLE or LW_LOOK_FUNCTION, the caller's to release. Gives the number of fields, -1 for no table.
int64_t lw_list(lw_state *state, int64_t reference, int64_t items, int64_t fields);
// A reference to a field, without metamethods; 0 where there is none.
int64_t lw_raw_field(lw_state *state, int64_t reference, const char *name, size_t length);
// References to a table of globals, and to a new one of the session's local variables.
int64_t lw_globals(lw_state *state);
int64_t lw_locals(lw_state *state);

// --- run.c
// Loads text and runs it with the outbox as arguments.
lw_results lw_run(lw_state *state, const char *source, size_t length, const char *name);
// As lw_run, for a line typed: an expression gives its values, the first of which is kept in the global _, and local variables at
// its top level belong to the session from then on (see locals.c).
lw_results lw_evaluate(lw_state *state, const lw_line *line, const char *name);
// Calls the referenced function with the outbox as arguments, on the coroutine in progress.
lw_results lw_call_function(lw_state *state, int64_t reference);
// Gives the module `name` as recipes' require does.
lw_results lw_require(lw_state *state, const char *name, size_t length);
const char *lw_failure_message(const lw_state *state, size_t *length);
const char *lw_failure_traceback(const lw_state *state, size_t *length);
// A reference to the error value, owned by the caller; 0 where there is none.
int64_t lw_failure_value(lw_state *state);

// --- interrupt.c
// SIGINT and SIGALRM stop running states; a second one ends the process with 130 or 124.
void lw_install_interrupts(void);
// SIGTERM stops running states too, or ends the process as it does by itself; one that comes a second after the first or later ends it
// with 143.
void lw_handle_termination(bool handles);
// Whether a SIGTERM is among what is pending.
bool lw_terminated(void);
// SIGPIPE and SIGXFSZ ignored; SIGBUS inside a registered range ends the process with 74.
void lw_install_guards(void);
int32_t lw_pending(void);
// What is deferred is not pending: what runs goes on, and who waits for the user asks whether something arrived. Gives what was deferred
// before. A second signal ends the process all the same.
enum { LW_DEFER_NOTHING, LW_DEFER_INTERRUPTS, LW_DEFER_ALL };
int32_t lw_defer(int32_t what);
bool lw_arrived(void);
void lw_clear_pending(void);
// As SIGINT or SIGALRM would, without counting towards the second one.
void lw_request(int32_t reason);
// Stops one state, from any thread; cleared when its run ends.
void lw_interrupt(lw_state *state, int32_t reason);
// Whether the run in progress is to stop.
int32_t lw_stopping(const lw_state *state);
// Starts the timer behind SIGALRM; after `grace` seconds more the process ends. 0 stops it.
void lw_time_limit(double seconds, double grace);
// Ranges of mapped files: gives the place of one in the table, by which it is taken out again; null is out of memory.
void *lw_map_register(const void *address, size_t length, const char *name);
void lw_map_unregister(void *place);

// --- guards.c
// Standard output, buffered as the C library does; a closed pipe is silent.
void lw_write(const char *bytes, size_t length);
bool lw_is_terminal(void);

#endif
