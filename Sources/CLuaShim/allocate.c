// The memory cap: that of Lua's own values, and what the whole process may hold (CMemory). Lua collects in an emergency when its
// allocator refuses, and before 5.4.8 an emergency collection in the middle of a table store frees the table in use (upstream
// fix 983bc433). So the cap is soft: a table is never refused. Over the cap the block is granted and the hook armed, which gives
// the script a catchable error at its next instruction. Only a large new string is refused, and what a single native call takes
// far beyond the cap ends the process.
#include <stdlib.h>
#include <unistd.h>

#include "CMemory.h"
#include "shim.h"

enum { LARGE_STRING = 65536, FORCED_EXIT_FACTOR = 4 };

static void force_exit(void) {
    static const char text[] = "memory limit: lua passed its limit by far in one call\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(125);
}

// Whether so many more bytes pass what the process may hold; ends it where they pass it by a tenth and a little.
static bool passes_process(int64_t more) {
    if (memory_room(more) >= more) return false;
    int64_t limit = memory_limit();
    if (memory_held() + more > limit + limit / 10 + ((int64_t)16 << 20)) force_exit();
    return true;
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
        if (state->used < state->looked) state->looked = state->used;
        return NULL;
    }
    if (new_size > (size_t)INT64_MAX / 2) return NULL;
    int64_t more = (int64_t)new_size - (int64_t)old_size, after = state->used + more;
    bool is_over = more > 0 && after > state->limits.memory, is_string = !block && kind == LUA_TSTRING && new_size > LARGE_STRING;
    if (is_over && is_string) return NULL;
    // A look at the process costs some microseconds: one for each megabyte.
    if (more > 0 && after - state->looked > LW_LOOK_AFTER) {
        state->looked = after;
        if (is_string && memory_room(more) < more) return NULL;
        is_over |= passes_process(more);
    }
    if (is_over) {
        if (after / FORCED_EXIT_FACTOR > state->limits.memory) force_exit();
        if (state->current && !state->over) {
            state->over = 1;
            lw_arm(state->current);
        }
    } else if (state->over && after < state->limits.memory / 10 * 9 && memory_room(LW_LOOK_AFTER) > LW_LOOK_AFTER) {
        state->over = 0;
    }
    void *result = realloc(block, new_size);
    if (result) state->used = after;
    return result;
}
