#include "run/capture.h"

#include "policy/limits.h"
#include <inttypes.h>

#define TAIL_LARGEST PA_MIB

void pa_capture_init(struct pa_capture *capture, const char *limit_name, uint64_t limit,
                     bool to_sink, pa_capture_emit *emit, void *context) {
    uint64_t tail = limit == PA_UNLIMITED ? 0 : PA_MIN(limit / 4, TAIL_LARGEST);
    *capture =
        (struct pa_capture){.limit_name = limit_name,
                            .head_max = to_sink || limit == PA_UNLIMITED ? limit : limit - tail,
                            .tail_max = (size_t)tail,
                            .emit = emit,
                            .context = context};
}

/* The ring's position of the byte that came `offset` bytes after the head. */
static size_t ring_at(const struct pa_capture *capture, uint64_t offset) {
    return (size_t)(offset % capture->tail_max);
}

static void keep_tail(struct pa_capture *capture, uint64_t offset, const uint8_t *bytes,
                      size_t size) {
    if (!capture->tail_max)
        return;
    if (!capture->tail)
        capture->tail = pa_xcalloc(1, capture->tail_max);
    if (size > capture->tail_max) {
        offset += size - capture->tail_max;
        bytes += size - capture->tail_max;
        size = capture->tail_max;
    }
    size_t at = ring_at(capture, offset);
    size_t first = PA_MIN(size, capture->tail_max - at);
    memcpy(capture->tail + at, bytes, first);
    memcpy(capture->tail, bytes + first, size - first);
}

int pa_capture_push(struct pa_capture *capture, const void *bytes, size_t size) {
    uint64_t before = capture->total;
    capture->total += size;
    size_t head = 0;
    if (before < capture->head_max)
        head = (size_t)PA_MIN((uint64_t)size, capture->head_max - before);
    if (head < size) {
        uint64_t offset = before + head - capture->head_max;
        keep_tail(capture, offset, (const uint8_t *)bytes + head, size - head);
    }
    return head ? capture->emit(capture->context, bytes, head) : 0;
}

bool pa_capture_finish(struct pa_capture *capture) {
    if (capture->total <= capture->head_max)
        return false;
    uint64_t after_head = capture->total - capture->head_max;
    size_t kept = (size_t)PA_MIN(after_head, (uint64_t)capture->tail_max);
    uint64_t left_out = after_head - kept;
    if (left_out) {
        char marker[160];
        int n = snprintf(marker, sizeof(marker),
                         "\n[... %" PRIu64 " bytes left out: the limit %s was reached ...]\n",
                         left_out, capture->limit_name);
        capture->emit(capture->context, marker, (size_t)n);
    }
    if (kept) {
        size_t at = ring_at(capture, after_head - kept);
        size_t first = PA_MIN(kept, capture->tail_max - at);
        capture->emit(capture->context, capture->tail + at, first);
        if (kept > first)
            capture->emit(capture->context, capture->tail, kept - first);
    }
    return left_out > 0;
}

void pa_capture_done(struct pa_capture *capture) {
    free(capture->tail);
    capture->tail = NULL;
}
