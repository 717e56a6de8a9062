/*
 * What a hostile worker may send on the run channel: any bytes, in pieces of any size.  The first
 * byte chooses the size of the pieces.  The decoder must hand out only frames of the promised form,
 * and what decodes as an end or an error must be one that code may rely on.
 */
#include "warm/frame.h"
#include "warm/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Spans that lie in the payload. */
static void touch(const struct pa_frame *frame, const uint8_t *bytes, size_t size) {
    volatile uint8_t last = 0;
    PA_ASSERT(size == 0 ||
              (bytes >= frame->payload && bytes + size <= frame->payload + frame->size));
    if (size)
        last = bytes[size - 1];
    (void)last;
}

static void look_at_files(const struct pa_frame *frame) {
    struct pa_file_done done;
    struct pa_file_entry entry;
    struct pa_changed_file file;
    if (frame->type == PA_FRAME_FILE_DONE &&
        pa_file_done_decode(frame->payload, frame->size, &done) == 0) {
        touch(frame, done.bytes, done.bytes_size);
        struct pa_reader reader = PA_READER(done.bytes, done.bytes_size);
        while (pa_file_entry_decode(&reader, &entry))
            PA_ASSERT(memchr(entry.name, 0, sizeof(entry.name)));
    }
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    while (frame->type == PA_FRAME_CHANGED && pa_changed_file_decode(&reader, &file)) {
        PA_ASSERT(file.path && memchr(file.sha256, 0, sizeof(file.sha256)));
        touch(frame, file.bytes, file.bytes ? (size_t)file.size : 0);
        free(file.path);
    }
}

static void look_at(const struct pa_frame *frame) {
    look_at_files(frame);
    PA_ASSERT(frame->size <= PA_FRAME_MAX);
    PA_ASSERT(frame->type >= PA_FRAME_JAILED && frame->type <= PA_FRAME_LAST);
    volatile uint8_t last = 0;
    if (frame->size)
        last = frame->payload[frame->size - 1];
    (void)last;

    struct pa_end end;
    if (frame->type == PA_FRAME_EXIT && pa_end_decode(frame->payload, frame->size, &end) == 0) {
        PA_ASSERT(end.status < PA_STATUS_COUNT && pa_status_name(end.status));
        PA_ASSERT(memchr(end.kind, 0, sizeof(end.kind)));
        PA_ASSERT(memchr(end.message, 0, sizeof(end.message)));
        PA_ASSERT(memchr(end.backtrace, 0, sizeof(end.backtrace)));
    }
    struct pa_error err;
    if (frame->type == PA_FRAME_FAILED && pa_error_decode(frame->payload, frame->size, &err) == 0) {
        PA_ASSERT(err.code != PA_ERR_NONE && pa_error_code_name(err.code));
        PA_ASSERT(memchr(err.message, 0, sizeof(err.message)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    struct pa_frame_decoder decoder;
    pa_frame_decoder_init(&decoder);
    for (size_t at = 1; at < size;) {
        size_t room;
        void *into = pa_frame_decoder_room(&decoder, &room);
        size_t n = PA_MIN(PA_MIN(piece, room), size - at);
        PA_ASSERT(into && n > 0);
        memcpy(into, data + at, n);
        pa_frame_decoder_fed(&decoder, n);
        at += n;

        struct pa_frame frame;
        struct pa_error err;
        int got;
        while ((got = pa_frame_decoder_next(&decoder, &frame, &err)) > 0)
            look_at(&frame);
        if (got < 0)
            break;
    }
    pa_frame_decoder_done(&decoder);
    return 0;
}
