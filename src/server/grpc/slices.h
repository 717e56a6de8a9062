/* Slices and byte buffers of C-core, as this folder needs them. */
#ifndef PA_SERVER_GRPC_SLICES_H
#define PA_SERVER_GRPC_SLICES_H

#include "base/macros.h"
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <stdbool.h>

/* A new string: the bytes up to the first NUL. */
static inline char *pa_slice_text(grpc_slice slice) {
    char *text = pa_xcalloc(1, GRPC_SLICE_LENGTH(slice) + 1);
    memcpy(text, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
    return text;
}

/* Everything in the buffer, which is freed.  False: it is compressed in a way that C-core does not
 * undo. */
static inline bool pa_slice_of_buffer(grpc_byte_buffer *buffer, grpc_slice *ret) {
    grpc_byte_buffer_reader reader;
    bool readable = buffer->data.raw.compression == GRPC_COMPRESS_NONE &&
                    grpc_byte_buffer_reader_init(&reader, buffer);
    if (readable) {
        *ret = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(buffer);
    return readable;
}

#endif
