#include "config/nearest.h"

#include "base/macros.h"

#define LONGEST 64

size_t pa_word_distance(const char *a, const char *b) {
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST)
        return SIZE_MAX;
    /* Row i holds the distances from the first i bytes of `a` to every beginning of `b`; a row
     * needs the two before it. */
    unsigned char three[3][LONGEST + 1];
    for (size_t j = 0; j <= columns; j++)
        three[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= rows; i++) {
        unsigned char *row = three[i % 3];
        const unsigned char *above = three[(i - 1) % 3], *two_above = three[(i + 1) % 3];
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = above[j - 1] + (size_t)(a[i - 1] != b[j - 1]);
            best = PA_MIN(best, (size_t)above[j] + 1);
            best = PA_MIN(best, (size_t)row[j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = PA_MIN(best, (size_t)two_above[j - 2] + 1);
            row[j] = (unsigned char)best;
        }
    }
    return three[rows % 3][columns];
}

void pa_nearest_offer(struct pa_nearest *nearest, const char *candidate, size_t index) {
    size_t distance = pa_word_distance(nearest->word, candidate);
    size_t most = PA_MAX(strlen(nearest->word) / 3, (size_t)2);
    /* A replacement of every letter is no likeness. */
    if (distance > most || distance >= strlen(candidate) ||
        (nearest->found && distance >= nearest->distance))
        return;
    nearest->found = true;
    nearest->index = index;
    nearest->distance = distance;
}
