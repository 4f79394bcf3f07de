// Signals that are no wish of the user's: a closed pipe, a file size limit, a mapped file that shrank.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

enum { CHUNK = 256, MAX_NAME = 240 };

// A mapped file. Places are never freed: the handler may look at one at any time.
typedef struct range {
    _Atomic uintptr_t start;  // 0 is an empty place
    size_t length;
    struct range *next_free;
    char name[MAX_NAME];
} range;

// The table grows by chunks that are linked once they are whole, so that the handler can walk it without the lock.
typedef struct chunk {
    range ranges[CHUNK];
    struct chunk *next;
} chunk;

static _Atomic(chunk *) chunks;
static range *free_ranges;
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;

static bool grow(void) {
    chunk *made = calloc(1, sizeof *made);
    if (!made) return false;
    for (int i = 0; i < CHUNK; i++) {
        made->ranges[i].next_free = free_ranges;
        free_ranges = &made->ranges[i];
    }
    made->next = atomic_load(&chunks);
    atomic_store(&chunks, made);
    return true;
}

// The end of the name, where it is too long: it tells more than the beginning.
static void keep_name(range *place, const char *name) {
    size_t length = strlen(name), skipped = length < MAX_NAME ? 0 : length - (MAX_NAME - 1);
    while (skipped && ((unsigned char)name[skipped] & 0xC0) == 0x80) skipped++;  // not within a character
    memcpy(place->name, name + skipped, length - skipped + 1);
}

void *lw_map_register(const void *address, size_t length, const char *name) {
    pthread_mutex_lock(&ranges_lock);
    range *place = free_ranges || grow() ? free_ranges : NULL;
    if (place) {
        free_ranges = place->next_free;
        place->length = length;
        keep_name(place, name);
        atomic_store(&place->start, (uintptr_t)address);
    }
    pthread_mutex_unlock(&ranges_lock);
    return place;
}

void lw_map_unregister(void *place) {
    range *ended = place;
    pthread_mutex_lock(&ranges_lock);
    atomic_store(&ended->start, 0);
    ended->next_free = free_ranges;
    free_ranges = ended;
    pthread_mutex_unlock(&ranges_lock);
}

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (chunk *looked = atomic_load(&chunks); looked; looked = looked->next) {
        for (int i = 0; i < CHUNK; i++) {
            const range *place = &looked->ranges[i];
            uintptr_t start = atomic_load(&place->start);
            if (start && address >= start && address - start < place->length) {
                say(place->name);
                say(": changed while in use\n");
                _exit(74);
            }
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
