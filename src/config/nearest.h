/*
 * "Did you mean": the known word that is closest to one that is not.
 *
 *     struct pa_nearest nearest = {.word = "memroy_bytes"};
 *     for (...)
 *         pa_nearest_offer(&nearest, name[i], i);
 *     if (nearest.found) ...                           nearest.index is the best offer's
 *
 * Distance: insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
 * An offer counts when the distance is at most a third of the word's length, and 2 at least; among
 * equals the first offered wins.
 */
#ifndef PA_CONFIG_NEAREST_H
#define PA_CONFIG_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct pa_nearest {
    const char *word;
    bool found;
    size_t index, distance; /* of the best offer; meaningful when found */
};

void pa_nearest_offer(struct pa_nearest *nearest, const char *candidate, size_t index);

/* Words longer than 64 bytes are as far as SIZE_MAX from everything. */
size_t pa_word_distance(const char *a, const char *b);

#endif
