#include "base/digest.h"

#include "base/macros.h"
#include <endian.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>

static void finish(struct sha256_ctx *ctx, char ret_text[PA_DIGEST_TEXT]) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(ctx, sizeof(digest), digest);
    base16_encode_update(ret_text, sizeof(digest), digest);
    ret_text[PA_DIGEST_TEXT - 1] = 0;
}

void pa_digest(const void *bytes, size_t size, char ret_text[PA_DIGEST_TEXT]) {
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, size, bytes);
    finish(&ctx, ret_text);
}

void pa_digest_spans(const struct pa_span *spans, size_t count, char ret_text[PA_DIGEST_TEXT]) {
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    for (size_t i = 0; i < count; i++) {
        uint64_t size = htole64(spans[i].size);
        sha256_update(&ctx, sizeof(size), (const uint8_t *)&size);
        sha256_update(&ctx, spans[i].size, spans[i].bytes);
    }
    finish(&ctx, ret_text);
}
