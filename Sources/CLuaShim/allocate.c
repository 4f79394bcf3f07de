// The memory cap. Lua collects in an emergency when its allocator refuses, and before 5.4.8 an emergency collection in the
// middle of a table store frees the table in use (upstream fix 983bc433). So the cap is soft: a table is never refused. Over
// the cap the block is granted and the hook armed, which gives the script a catchable error at its next instruction. Only a
// large new string is refused, and what a single native call takes beyond four times the cap ends the process.
#include <stdlib.h>
#include <unistd.h>

#include "shim.h"

enum { LARGE_STRING = 65536, FORCED_EXIT_FACTOR = 4 };

static void force_exit(void) {
    static const char text[] = "memory limit: lua passed four times its limit in one call\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(125);
}

void *lw_allocate(void *context, void *block, size_t old_size, size_t new_size) {
    lw_state *state = context;
    size_t kind = 0;
    if (!block) {  // then the old size says what is to be made
        kind = old_size;
        old_size = 0;
    }
    if (new_size == 0) {
        free(block);
        state->used -= (int64_t)old_size;
        return NULL;
    }
    if (new_size > (size_t)INT64_MAX / 2) return NULL;
    int64_t after = state->used + (int64_t)new_size - (int64_t)old_size;
    if (new_size > old_size && after > state->limits.memory) {
        if (!block && kind == LUA_TSTRING && new_size > LARGE_STRING) return NULL;
        if (after / FORCED_EXIT_FACTOR > state->limits.memory) force_exit();
        if (state->current && !state->over) {
            state->over = 1;
            lw_arm(state->current);
        }
    } else if (state->over && after < state->limits.memory / 10 * 9) {
        state->over = 0;
    }
    void *result = realloc(block, new_size);
    if (result) state->used = after;
    return result;
}
