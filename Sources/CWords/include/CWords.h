// How far a name is from another; for Swift by way of Words, and for what Lua itself reports.
#ifndef CWORDS_H
#define CWORDS_H

#include <stdbool.h>
#include <stddef.h>

// Least number of insertions, deletions, replacements and swaps of neighbouring characters that turn one text (UTF-8) into the other,
// whatever the case of ASCII letters; `most` + 1 where it is more than `most`, or a text has more than 256 characters.
size_t words_distance(const char *a, size_t a_length, const char *b, size_t b_length, size_t most);

// Whether `candidate`, which is another text than `name`, may be what was meant: at a distance below 4 and of at most half the name's
// length, and nearer than *distance. Of equally near ones the first in order of bytes is taken: `best` is the one so far, or null. Sets
// *distance where it is true; before the first call *distance is WORDS_FAR.
enum { WORDS_FAR = 4 };
bool words_nearer(const char *name, size_t length, const char *candidate, size_t candidate_length, const char *best,
                  size_t best_length, size_t *distance);

#endif
