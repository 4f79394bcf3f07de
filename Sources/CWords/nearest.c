// The nearest name to one that does not exist.
#include <stdint.h>
#include <string.h>

#include "CWords.h"

enum { LONGEST = 256 };

// Characters of a text, ASCII letters in lower case; LONGEST + 1 where there are more.
static size_t decode(const char *text, size_t length, uint32_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)text[i];
        size_t size = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if (count == LONGEST) return LONGEST + 1;
        uint32_t value = 0;
        for (size_t k = 0; k < size && i + k < length; k++) value = value << 8 | (unsigned char)text[i + k];
        out[count++] = value >= 'A' && value <= 'Z' ? value + 32 : value;
        i += size;
    }
    return count;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Only a band around the diagonal is worked out: outside of it the distance is above `most` anyway.
static size_t distance(const uint32_t *a, size_t m, const uint32_t *b, size_t n, size_t most) {
    const size_t far = most + 1;
    if (m > LONGEST || n > LONGEST || (m > n ? m - n : n - m) > most) return far;
    size_t rows[3][LONGEST + 2], *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n; j++) last[j] = least(j, far);
    for (size_t i = 1; i <= m; i++) {
        size_t from = i > most ? i - most : 1, to = least(n, i + most), best = far;
        row[from - 1] = from == 1 ? least(i, far) : far;
        if (from == 1) best = row[0];
        for (size_t j = from; j <= to; j++) {
            size_t above = j < i + most ? last[j] + 1 : far;
            size_t cost = least(least(above, row[j - 1] + 1), last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cost = least(cost, before[j - 2] + 1);
            row[j] = least(cost, far);
            best = least(best, row[j]);
        }
        if (to < n) row[to + 1] = far;
        size_t *spare = before;
        before = last, last = row, row = spare;
        if (best == far && i > 1) {
            // A swap can still reach back one row.
            size_t back = far;
            for (size_t j = from - 1; j <= to; j++) back = least(back, before[j]);
            if (back == far) return far;
        }
    }
    return last[n];
}

size_t words_distance(const char *a, size_t a_length, const char *b, size_t b_length, size_t most) {
    uint32_t first[LONGEST], second[LONGEST];
    size_t m = decode(a, a_length, first), n = decode(b, b_length, second);
    return distance(first, m, second, n, least(most, LONGEST));
}

static bool precedes(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, least(a_length, b_length));
    return order < 0 || (order == 0 && a_length < b_length);
}

bool words_nearer(const char *name, size_t length, const char *candidate, size_t candidate_length, const char *best,
                  size_t best_length, size_t *distance_so_far) {
    if (length == candidate_length && memcmp(name, candidate, length) == 0) return false;
    uint32_t first[LONGEST], second[LONGEST];
    size_t m = decode(name, length, first);
    if (m > LONGEST) return false;
    size_t n = decode(candidate, candidate_length, second);
    size_t found = distance(first, m, second, n, least(WORDS_FAR - 1, m / 2));
    if (found > least(WORDS_FAR - 1, m / 2) || found > *distance_so_far) return false;
    if (found == *distance_so_far && !(best && precedes(candidate, candidate_length, best, best_length))) return false;
    *distance_so_far = found;
    return true;
}
