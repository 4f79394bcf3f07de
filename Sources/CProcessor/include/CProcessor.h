// What the processor can do, asked from the processor itself.
#pragma once

// The level of x86-64 that processor and operating system support: 1, 3 (AVX2, FMA) or 4 (AVX-512); 1 elsewhere.
int processor_level(void);

// Tells the processor that a loop only waits.
static inline void processor_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

// Asks for the cache line at this address, which will be needed soon; any address may be given.
static inline void processor_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }
