#include "CMemory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <malloc.h>
#endif

_Atomic int64_t memory_credit = 0;
_Atomic int64_t memory_step = 1 << 20;
atomic_int memory_stopping = 0;

static _Atomic int64_t limit = 0;
static _Atomic int64_t regions = 0;
static _Atomic int64_t peak = 0;
// What was held when the limit was set.
static _Atomic int64_t touched_before = 0, promised_before = 0, space_before = 0, regions_before = 0;

static int64_t machine_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (int64_t)pages * size : (int64_t)8 << 30;
}

// The whole address space of this process, and its pages in memory that are of no file; both 0 where the system does not tell.
static void pages(int64_t *space, int64_t *touched) {
    *space = *touched = 0;
#ifdef __linux__
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    char text[128];
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return;
    text[count] = 0;
    char *next = text;
    int64_t size = sysconf(_SC_PAGESIZE);
    *space = strtoll(next, &next, 10) * size;
    int64_t resident = strtoll(next, &next, 10);
    *touched = (resident - strtoll(next, &next, 10)) * size;
#endif
}

// What malloc and the arenas have handed out, looked at or not.
static int64_t promised(void) {
    int64_t bytes = atomic_load(&regions);
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();
    bytes += (int64_t)(info.uordblks + info.hblkhd);
#endif
    return bytes;
}

void memory_begin(int64_t bytes) {
    int64_t space, touched;
    pages(&space, &touched);
    atomic_store(&touched_before, touched);
    atomic_store(&space_before, space);
    atomic_store(&regions_before, atomic_load(&regions));
    atomic_store(&promised_before, promised());
    atomic_store(&limit, bytes > 0 ? bytes : machine_memory());
    atomic_store(&memory_credit, 0);
    atomic_store(&peak, 0);
}

int64_t memory_limit(void) {
    int64_t bytes = atomic_load(&limit);
    return bytes > 0 ? bytes : machine_memory();
}

void memory_regions(int64_t change) { atomic_fetch_add(&regions, change); }

static int64_t held(int64_t touched) {
    touched -= atomic_load(&touched_before);
    int64_t asked = promised() - atomic_load(&promised_before);
    if (asked > touched) touched = asked;
    if (touched < 0) touched = 0;
    int64_t most = atomic_load(&peak);
    while (touched > most && !atomic_compare_exchange_weak(&peak, &most, touched)) {}
    return touched;
}

int64_t memory_peak(void) { return atomic_load(&peak); }

int64_t memory_held(void) {
    int64_t space, touched;
    pages(&space, &touched);
    return held(touched);
}

static int64_t left(int64_t space) {
    struct rlimit most;
    if (space <= 0 || getrlimit(RLIMIT_AS, &most) != 0 || most.rlim_cur == RLIM_INFINITY || most.rlim_cur > INT64_MAX) {
        return INT64_MAX;
    }
    return (int64_t)most.rlim_cur > space ? (int64_t)most.rlim_cur - space : 0;
}

int64_t memory_address_space(void) {
    int64_t space, touched;
    pages(&space, &touched);
    return left(space);
}

// What counts, or less of it where all that is mapped leaves half of the limit free whatever of it is in use: asking malloc walks
// its free blocks, which takes milliseconds where there are many.
static int64_t held_or_less(int64_t bytes, int64_t space, int64_t touched) {
    int64_t most = memory_limit() / 2;
    if (space <= 0 || bytes > most || space - atomic_load(&space_before) > most) return held(touched);
    touched -= atomic_load(&touched_before);
    int64_t mapped = atomic_load(&regions) - atomic_load(&regions_before);
    if (mapped > touched) touched = mapped;
    return touched > 0 ? touched : 0;
}

int64_t memory_room(int64_t bytes) {
    int64_t space, touched;
    pages(&space, &touched);
    int64_t room = memory_limit() - held_or_less(bytes, space, touched), address = left(space);
    // The system itself, stacks and the runtime want some of the address space.
    address = address == INT64_MAX ? address : address - ((int64_t)8 << 20);
    if (address < room) room = address;
    return room > 0 ? room : 0;
}

int64_t memory_machine_free(void) {
    int64_t bytes = INT64_MAX;
#ifdef __linux__
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL) return bytes;
    char line[128];
    long long count;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %lld kB", &count) == 1 && count >= 0 && count < INT64_MAX / 1024) bytes = count * 1024;
    }
    fclose(file);
#endif
    return bytes;
}

void memory_refill(int64_t room) {
    // Small steps under a small limit, so that it is not passed by much between two looks.
    int64_t step = memory_limit() / 32, most = (int64_t)64 << 20, least = (int64_t)1 << 20;
    step = step > most ? most : step < least ? least : step;
    atomic_store(&memory_step, step);
    atomic_store(&memory_credit, room < step ? room : step);
}

void memory_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
