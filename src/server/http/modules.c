/*
 * Modules by their digest, so that a large one travels once: PUT stores what the body holds (or,
 * of multipart/form-data, its part "module") and answers with the SHA-256 that `wasm_sha256` of a
 * tool takes.
 */
#include "server/http/http_internal.h"
#include "server/http/multipart.h"

#include "base/io.h"
#include <unistd.h>

static bool is_digest(const char *text) {
    return strlen(text) == PA_DIGEST_TEXT - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

/* A descriptor of the part "module" of a form, to be closed. */
static int open_part(struct pa_http_request *request, const char *type, int *ret_fd,
                     struct pa_error *err) {
    const void *bytes;
    size_t size;
    struct pa_http_form form;
    if (pa_http_body_view(&request->body, &bytes, &size, err) < 0 ||
        pa_http_form_parse(&form, type, bytes, size, err) < 0)
        return -1;
    const struct pa_http_part *part = pa_http_form_find(&form, "module");
    if (!part)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the form has no part named \"module\"");
    *ret_fd = pa_memfd_of("module", part->bytes, part->size, err);
    return *ret_fd < 0 ? -1 : 0;
}

int pa_http_put_module(struct pa_http_request *request, struct pa_error *err) {
    char digest[PA_DIGEST_TEXT];
    PA_CLEANUP(pa_closep) int part = -1;
    int fd;
    bool form = pa_http_header_has(request, "Content-Type", "multipart/form-data");
    if (form && open_part(request, pa_http_header(request, "Content-Type"), &part, err) < 0)
        return -1;
    if (!form && pa_http_body_file(&request->body, &fd, err) < 0)
        return -1;
    if (pa_service_put_module(request->door->service, request->caller, form ? part : fd, digest,
                              err) < 0)
        return -1;
    pa_http_add_header(request, "Location", "/v1/modules/%s", digest);
    return pa_http_reply_json(request, MHD_HTTP_CREATED, json_pack("{s:s}", "sha256", digest));
}

int pa_http_get_module(struct pa_http_request *request, struct pa_error *err) {
    const char *digest = request->params[0];
    uint64_t size;
    if (!is_digest(digest))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "'%.80s' is not a SHA-256 of 64 lower-case hexadecimal digits", digest);
    if (pa_service_find_module(request->door->service, digest, &size, err) < 0)
        return -1;
    return pa_http_reply_json(request, MHD_HTTP_OK,
                              json_pack("{s:s, s:I}", "sha256", digest, "size", (json_int_t)size));
}
