// What this process holds in memory, and what it may: the numbers behind Sources/Memory/MemoryBudget.swift.
#ifndef CMEMORY_H
#define CMEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Bytes that may be taken before it is measured again; below zero where somebody has to measure.
extern _Atomic int64_t memory_credit;
// As much as the credit is filled up to.
extern _Atomic int64_t memory_step;

// Whether work in progress is to stop: set by signals, cleared by who goes on after them.
extern atomic_int memory_stopping;

static inline void memory_stop(bool stop) { atomic_store(&memory_stopping, stop); }

static inline bool memory_is_stopping(void) { return atomic_load_explicit(&memory_stopping, memory_order_relaxed) != 0; }

// Takes from the credit; false where the caller has to measure.
static inline bool memory_take(int64_t bytes) {
    return atomic_fetch_sub_explicit(&memory_credit, bytes, memory_order_relaxed) >= bytes;
}

// Gives back to the credit, never beyond its step.
static inline void memory_give(int64_t bytes) {
    int64_t credit = atomic_load_explicit(&memory_credit, memory_order_relaxed);
    if (credit < atomic_load_explicit(&memory_step, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&memory_credit, bytes, memory_order_relaxed);
    }
}

// Sets the limit in bytes, and that what is held now does not count; below 1: all that the machine has.
void memory_begin(int64_t limit);
// The limit.
int64_t memory_limit(void);
// Regions outside of malloc came (above zero) or went.
void memory_regions(int64_t change);
// Bytes that this process holds beyond what it held when the limit was set; the larger of what was touched and what was promised.
int64_t memory_held(void);
// The most that it was found to hold since the limit was set; it is looked at when regions come and when much was taken.
int64_t memory_peak(void);
// Bytes that may still be taken: of the limit, and of the address space where that is limited (ulimit -v). Exact where `bytes`, which are
// wanted, or what is mapped come to half of the limit; else at least half of it is left, and it may be told too large.
int64_t memory_room(int64_t bytes);
// Bytes of address space that are left under ulimit -v; INT64_MAX where nothing limits them.
int64_t memory_address_space(void);
// Bytes that the machine has free, or would have without files that it keeps at hand; INT64_MAX where the system does not tell.
int64_t memory_machine_free(void);
// Fills the credit up out of this much room.
void memory_refill(int64_t room);
// Gives free pages of malloc's back to the system.
void memory_trim(void);

#endif
