// What the processor can do, asked from the processor itself.
#pragma once

#include <pthread.h>

// The level of x86-64 that processor and operating system support: 1, 3 (AVX2, FMA) or 4 (AVX-512); 1 elsewhere.
int processor_level(void);

// The number of the processor on which the calling thread runs; -1 where the system does not tell.
int processor_current(void);

// Lets `threads` run where the calling thread may, but not on this processor; 0, and nothing done, where that leaves fewer
// processors than there are threads, or where the system lets nobody choose.
int processor_keep_off(const pthread_t *threads, int count, int processor);

// Tells the processor that a loop only waits.
static inline void processor_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}
