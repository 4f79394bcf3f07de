// Stopping a run. No hook stands while a script runs, for any hook doubles the time of plain Lua. A signal arms one on the
// coroutine that runs; the hook raises at the next instruction, and from then on nothing in the script can catch it.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "CMemory.h"
#include "shim.h"

enum { MAX_RUNNING = 64 };

static _Atomic(lw_state *) running[MAX_RUNNING];
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int interrupts, alarms, requested;
// What waits, since what runs now is none of what it is meant for, or must not be left half done.
static atomic_int deferred;
// Milliseconds of the monotonic clock at the first SIGTERM, 0 before it.
static atomic_llong terminated, interrupted;

int32_t lw_defer(int32_t what) { return atomic_exchange(&deferred, what); }

static int32_t pending(int32_t without) {
    if (without < LW_DEFER_INTERRUPTS && atomic_load_explicit(&interrupts, memory_order_relaxed)) return LW_INTERRUPT;
    if (without >= LW_DEFER_ALL) return LW_RUNNING;
    if (atomic_load_explicit(&alarms, memory_order_relaxed)) return LW_TIME;
    return atomic_load_explicit(&requested, memory_order_relaxed);
}

bool lw_arrived(void) { return pending(LW_DEFER_NOTHING) != LW_RUNNING; }

int32_t lw_pending(void) { return pending(atomic_load_explicit(&deferred, memory_order_relaxed)); }

void lw_clear_pending(void) {
    atomic_store(&interrupts, 0);
    atomic_store(&interrupted, 0);
    atomic_store(&terminated, 0);
    atomic_store(&alarms, 0);
    atomic_store(&requested, 0);
    memory_stop(false);
}

// lua_sethook is made to be called from a signal handler of the thread that runs the state.
void lw_arm(lua_State *L) { lua_sethook(L, lw_hook, LUA_MASKCOUNT, 1); }

static void arm_own(void) {
    for (int i = 0; i < MAX_RUNNING; i++) {
        lw_state *state = atomic_load(&running[i]);
        if (state && state->current && pthread_equal(state->thread, pthread_self())) lw_arm(state->current);
    }
}

// A signal may arrive on any thread: the states of the others are armed by their own.
static void arm_all(void) {
    memory_stop(true);
    arm_own();
    for (int i = 0; i < MAX_RUNNING; i++) {
        lw_state *state = atomic_load(&running[i]);
        if (state && !pthread_equal(state->thread, pthread_self())) pthread_kill(state->thread, SIGURG);
    }
}

static void on_forwarded(int signal) {
    (void)signal;
    int saved = errno;
    arm_own();
    errno = saved;
}

static void exit_with(int code, const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
    _exit(code);
}

static long long milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000 + 1;
}

static void on_interrupt(int signal) {
    (void)signal;
    int saved = errno;
    // A key that is held down sends many: only one that comes when the first had time to act is meant to end the process.
    long long now = milliseconds(), first = 0;
    if (!atomic_compare_exchange_strong(&interrupted, &first, now) && now - first >= 500) {
        exit_with(130, "\ninterrupted\n");
    }
    atomic_store(&interrupts, 1);
    arm_all();
    errno = saved;
}

// As an interrupt, with an exit code of its own. Who sends it often does so twice at once, to the process and to its group, as
// timeout(1): only one that comes later is meant to end the process.
static void on_terminate(int signal) {
    (void)signal;
    int saved = errno;
    long long now = milliseconds(), first = 0;
    if (!atomic_compare_exchange_strong(&terminated, &first, now) && now - first >= 1000) {
        exit_with(143, "\nterminated\n");
    }
    atomic_store(&interrupts, 1);
    arm_all();
    errno = saved;
}

static void on_alarm(int signal) {
    (void)signal;
    int saved = errno;
    if (atomic_exchange(&alarms, 1)) exit_with(124, "time limit\n");
    arm_all();
    errno = saved;
}

static void install(int signal, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

static void install_forwarding(void) { install(SIGURG, on_forwarded); }

static void ensure_forwarding(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_forwarding);
}

void lw_install_interrupts(void) {
    ensure_forwarding();
    install(SIGINT, on_interrupt);
    install(SIGALRM, on_alarm);
}

void lw_handle_termination(bool handles) {
    ensure_forwarding();
    install(SIGTERM, handles ? on_terminate : SIG_DFL);
}

bool lw_terminated(void) { return atomic_load_explicit(&terminated, memory_order_relaxed) != 0; }

void lw_request(int32_t reason) {
    ensure_forwarding();
    atomic_store(&requested, reason);
    arm_all();
}

void lw_interrupt(lw_state *state, int32_t reason) {
    ensure_forwarding();
    pthread_mutex_lock(&running_lock);
    if (state->depth > 0) {
        atomic_store(&state->request, reason);
        if (!pthread_equal(state->thread, pthread_self())) {
            pthread_kill(state->thread, SIGURG);
        } else if (state->current) {
            lw_arm(state->current);
        }
    }
    pthread_mutex_unlock(&running_lock);
}

int lw_reason(const lw_state *state) {
    if (state->kill) return state->kill;
    int own = atomic_load_explicit(&state->request, memory_order_relaxed);
    return own ? own : lw_pending();
}

int32_t lw_stopping(const lw_state *state) { return lw_reason(state); }

// A thread of a pool blocks all signals: while it runs a script it must hear that it is to stop.
static void unblock_forwarded(sigset_t *before) {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &own, before);
}

void lw_enter(lw_state *state) {
    if (state->depth == 0) {
        pthread_mutex_lock(&running_lock);
        state->thread = pthread_self();
        state->depth = 1;
        state->kill = 0;
        state->over = 0;
        state->resumes = NULL;
        state->calls = state->closing = 0;
        state->current = state->main;
        for (int i = 0; i < MAX_RUNNING; i++) {
            lw_state *empty = NULL;
            if (atomic_compare_exchange_strong(&running[i], &empty, state)) break;
        }
        pthread_mutex_unlock(&running_lock);
        unblock_forwarded(&state->mask);
        if (lw_reason(state)) lw_arm(state->main);
    } else {
        state->depth++;
    }
}

void lw_leave(lw_state *state) {
    if (state->depth > 1) {
        state->depth--;
        return;
    }
    pthread_mutex_lock(&running_lock);
    for (int i = 0; i < MAX_RUNNING; i++) {
        lw_state *own = state;
        if (atomic_compare_exchange_strong(&running[i], &own, NULL)) break;
    }
    state->current = NULL;
    state->depth = 0;
    state->kill = 0;
    atomic_store(&state->request, 0);
    pthread_mutex_unlock(&running_lock);
    pthread_sigmask(SIG_SETMASK, &state->mask, NULL);
    lua_sethook(state->main, NULL, 0, 0);
}

// Begins or goes on unwinding: with the hook at every instruction, no __close handler on the way can run on.
int lw_stop(lua_State *L, int reason) {
    lw_state *state = lw_state_of(L);
    if (!state->kill) state->kill = reason;
    lw_arm(L);
    lua_pushstring(L, state->kill == LW_TIME ? "time limit" : "interrupted");
    return lw_raise(L);
}

void lw_poll(lua_State *L) {
    int reason = lw_reason(lw_state_of(L));
    if (reason) lw_stop(L, reason);
}

int lw_rethrow(lua_State *L) {
    lw_arm(L);
    return lw_raise(L);
}

void lw_hook(lua_State *L, lua_Debug *record) {
    (void)record;
    lw_state *state = lw_state_of(L);
    int reason = lw_reason(state);
    if (reason) {
        lw_stop(L, reason);
        return;
    }
    lua_sethook(L, NULL, 0, 0);
    if (!state->over) return;
    state->over = 0;
    lua_gc(L, LUA_GCCOLLECT);
    if (memory_room(LW_LOOK_AFTER) < LW_LOOK_AFTER) memory_trim();
    if (state->used > state->limits.memory || memory_room(LW_LOOK_AFTER) < LW_LOOK_AFTER) {
        lua_pushliteral(L, "not enough memory");  // can be caught, like Lua's own
        lw_raise(L);
    }
}

void lw_time_limit(double seconds, double grace) {
    struct itimerval timer;
    memset(&timer, 0, sizeof timer);
    if (seconds > 0) {
        if (!(grace > 0.01)) grace = 0.01;
        if (seconds > 1e8) seconds = 1e8;
        if (grace > 1e8) grace = 1e8;
        timer.it_value.tv_sec = (time_t)seconds;
        timer.it_value.tv_usec = (suseconds_t)((seconds - floor(seconds)) * 1e6);
        if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0) timer.it_value.tv_usec = 1;
        timer.it_interval.tv_sec = (time_t)grace;
        timer.it_interval.tv_usec = (suseconds_t)((grace - floor(grace)) * 1e6);
    }
    setitimer(ITIMER_REAL, &timer, NULL);
}
