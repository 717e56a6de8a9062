/*
 * Resources: files that runs kept (keep_files), by the URIs that their results link to.
 *
 *     polyagent://runs/<run_id>/files/<path>        the path without its first slash, in
 *                                                   percent-encoding (RFC 3986)
 *
 * There is no list of them: whoever did not run it has no business with its files, and whoever did
 * was told.  resources/list is empty, and the template says what a URI is made of.
 */
#include "server/mcp/mcp_internal.h"

#include "base/base64.h"

#include "server/kept.h"
#include <ctype.h>

#define SCHEME "polyagent://runs/"
#define FILES  "/files/"

/* Characters that a path of a URI may hold as they are; slashes stay between its parts. */
static bool is_plain(unsigned char c) {
    return isalnum(c) || (c && strchr("-._~/!$&'()*+,;=:@", c));
}

char *pa_mcp_file_uri(const char *run_id, const char *path) {
    PA_CLEANUP(pa_buf_done) struct pa_buf uri = PA_BUF_INIT(SIZE_MAX / 2);
    pa_buf_printf(&uri, SCHEME "%s" FILES, run_id);
    for (path += *path == '/'; *path; path++) {
        if (is_plain((unsigned char)*path))
            pa_buf_append(&uri, path, 1);
        else
            pa_buf_printf(&uri, "%%%02X", (unsigned char)*path);
    }
    return pa_xstrdup(pa_buf_text(&uri));
}

static int digit(char c) {
    return isdigit((unsigned char)c) ? c - '0'
           : c >= 'a' && c <= 'f'    ? c - 'a' + 10
           : c >= 'A' && c <= 'F'    ? c - 'A' + 10
                                     : -1;
}

/* In place; false where it is no percent-encoding, or of a NUL. */
static bool decode(char *text) {
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        int high = digit(at[1]), low = high < 0 ? -1 : digit(at[2]);
        if (low < 0 || !(high || low))
            return false;
        *to++ = (char)(high << 4 | low);
        at += 2;
    }
    *to = 0;
    return true;
}

/* The run and the path of a URI, which is taken apart in place. */
static bool take_apart(char *uri, const char **ret_run, char **ret_path) {
    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0)
        return false;
    *ret_run = uri + strlen(SCHEME);
    char *slash = strchr(*ret_run, '/');
    if (!slash || strncmp(slash, FILES, strlen(FILES)) != 0)
        return false;
    *slash = 0;
    *ret_path = slash + strlen(FILES);
    return decode(*ret_path);
}

static json_t *base64_of(const struct pa_kept_file *file) {
    PA_CLEANUP(pa_freep) char *text = pa_base64_encode(file->bytes, file->size);
    return json_string_nocheck(text);
}

/* As text where it is. */
static json_t *contents_of(const char *uri, const struct pa_kept_file *file) {
    json_t *text = json_stringn(file->size ? (const char *)file->bytes : "", file->size);
    if (text)
        return json_pack("[{s:s, s:s, s:o}]", "uri", uri, "mimeType", "text/plain", "text", text);
    return json_pack("[{s:s, s:s, s:o}]", "uri", uri, "mimeType", "application/octet-stream",
                     "blob", base64_of(file));
}

static void add_caching(const struct pa_mcp_request *request, json_t *result) {
    if (!request->stateless)
        return;
    json_object_set_new(result, "ttlMs", json_integer(0)); /* it may be gone at any time */
    json_object_set_new(result, "cacheScope", json_string("private"));
}

void pa_mcp_read_resource(struct pa_mcp *session, const struct pa_mcp_request *request) {
    const char *uri = json_string_value(json_object_get(request->params, "uri"));
    PA_CLEANUP(pa_freep) char *parts = pa_xstrdup(uri ? uri : "");
    const char *run_id;
    char *path;
    struct pa_kept_file file;
    struct pa_error err;
    if (!uri) {
        pa_mcp_send_error(session, request->id, PA_MCP_INVALID_PARAMS, NULL,
                          "params.uri must be the URI of a resource");
        return;
    }
    int done =
        take_apart(parts, &run_id, &path)
            ? pa_service_file(session->config.service, session->config.caller, run_id, path, &file,
                              &err)
            : pa_fail(&err, PA_ERR_NOT_FOUND, "a resource is " SCHEME "<run_id>" FILES "<path>");
    if (done < 0) {
        pa_mcp_send_error(session, request->id,
                          request->stateless ? PA_MCP_INVALID_PARAMS : PA_MCP_NO_RESOURCE,
                          json_pack("{s:s}", "uri", uri), "%s", err.message);
        return;
    }
    json_t *result = json_pack("{s:o}", "contents", contents_of(uri, &file));
    pa_kept_file_done(&file);
    add_caching(request, result);
    pa_mcp_send_result(session, request, result);
}

void pa_mcp_list_resources(struct pa_mcp *session, const struct pa_mcp_request *request) {
    json_t *result = json_pack("{s:[]}", "resources");
    add_caching(request, result);
    pa_mcp_send_result(session, request, result);
}

void pa_mcp_list_templates(struct pa_mcp *session, const struct pa_mcp_request *request) {
    json_t *result =
        json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "resourceTemplates", "uriTemplate",
                  SCHEME "{run_id}" FILES "{+path}", "name", "run-file", "title", "A file of a run",
                  "description", "What a run with keep_files made or changed, for a while.");
    add_caching(request, result);
    pa_mcp_send_result(session, request, result);
}
