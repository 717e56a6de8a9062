/*
 * Hot pages: what every run of a language writes first.
 *
 * A copy of a warm root shares its memory until it writes, and each first write to a page is a
 * fault that copies 4 KiB.  Most of those are the same in every run: the interpreter's own state.
 * So the root learns them once, from a run of nothing in a copy that is thrown away, and each copy
 * writes to them while it waits, off the path of its request.
 *
 *     pa_hot_learn(worker)    in the root, before it says READY; returns in the root alone
 *     pa_hot_finish(worker)   in the throw-away copy, at the end of its run: does not return there
 *     pa_hot_touch(worker)    in each copy, before it waits
 */
#ifndef PA_WARM_HOT_H
#define PA_WARM_HOT_H

#include <stdint.h>
#include <stddef.h>

struct pa_worker;

#define PA_HOT_PAGES 240 /* of 4 KiB: an idle copy's own memory stays below 1 MiB */

struct pa_hot {
    uint32_t pages[PA_HOT_PAGES]; /* numbers of pages in linear memory */
    size_t count;
    uint64_t *before; /* in the throw-away copy: a digest of each page as it was */
    size_t before_count;
    struct pa_hot *learned; /* ... and where the root reads what it found: shared memory */
};

void pa_hot_learn(struct pa_worker *worker);
void pa_hot_finish(struct pa_worker *worker);
void pa_hot_touch(struct pa_worker *worker);

#endif
