#define _GNU_SOURCE
#include "CProcessor.h"

#if defined(__linux__)
#include <sched.h>

int processor_current(void) { return sched_getcpu(); }

int processor_keep_off(const pthread_t *threads, int count, int processor) {
    cpu_set_t others;
    if (sched_getaffinity(0, sizeof others, &others) != 0) return 0;
    if (processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &others)) return 0;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) < count) return 0;
    for (int i = 0; i < count; i++) pthread_setaffinity_np(threads[i], sizeof others, &others);
    return 1;
}
#else
int processor_current(void) { return -1; }

int processor_keep_off(const pthread_t *threads, int count, int processor) {
    (void)threads;
    (void)count;
    (void)processor;
    return 0;
}
#endif
