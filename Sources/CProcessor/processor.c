#include "CProcessor.h"

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned long long enabled_state(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}

int processor_level(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 1;
    const unsigned first = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C | bit_SSE4_2 | bit_POPCNT;
    if ((c & first) != first) return 1;
    const unsigned long long state = enabled_state();
    if ((state & 0x6) != 0x6) return 1;  // the system keeps xmm and ymm registers
    unsigned ea, eb, ec, ed;
    if (!__get_cpuid(0x80000001, &ea, &eb, &ec, &ed) || !(ec & bit_LZCNT)) return 1;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 1;
    const unsigned third = bit_AVX2 | bit_BMI | bit_BMI2;
    if ((b & third) != third) return 1;
    const unsigned fourth = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    if ((b & fourth) != fourth || (state & 0xE6) != 0xE6) return 3;  // opmask and zmm registers, too
    return 4;
}
#else
int processor_level(void) { return 1; }
#endif
