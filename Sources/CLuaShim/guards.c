// Signals that are no wish of the user's: a closed pipe, a file size limit, a mapped file that shrank.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

enum { MAX_RANGES = 1024, MAX_NAME = 240 };

typedef struct range {
    _Atomic uintptr_t start;  // 0 is an empty place
    size_t length;
    char name[MAX_NAME];
} range;

static range ranges[MAX_RANGES];
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;

bool lw_map_register(const void *address, size_t length, const char *name) {
    bool placed = false;
    pthread_mutex_lock(&ranges_lock);
    for (int i = 0; i < MAX_RANGES && !placed; i++) {
        if (atomic_load(&ranges[i].start)) continue;
        ranges[i].length = length;
        strncpy(ranges[i].name, name, MAX_NAME - 1);
        ranges[i].name[MAX_NAME - 1] = 0;
        atomic_store(&ranges[i].start, (uintptr_t)address);
        placed = true;
    }
    pthread_mutex_unlock(&ranges_lock);
    return placed;
}

void lw_map_unregister(const void *address) {
    pthread_mutex_lock(&ranges_lock);
    for (int i = 0; i < MAX_RANGES; i++) {
        if (atomic_load(&ranges[i].start) == (uintptr_t)address) {
            atomic_store(&ranges[i].start, 0);
            break;
        }
    }
    pthread_mutex_unlock(&ranges_lock);
}

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < MAX_RANGES; i++) {
        uintptr_t start = atomic_load(&ranges[i].start);
        if (start && address >= start && address - start < ranges[i].length) {
            say(ranges[i].name);
            say(": changed while in use\n");
            _exit(74);
        }
    }
    signal(signal_number, SIG_DFL);  // not ours: returning runs into it again
}

void lw_install_guards(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void lw_write(const char *bytes, size_t length) {
    if (length) (void)!fwrite(bytes, 1, length, stdout);
}

bool lw_is_terminal(void) { return isatty(STDOUT_FILENO) == 1; }
