// What the processor can do, asked from the processor itself.
#pragma once

// The level of x86-64 that processor and operating system support: 1, 3 (AVX2, FMA) or 4 (AVX-512); 1 elsewhere.
int processor_level(void);
