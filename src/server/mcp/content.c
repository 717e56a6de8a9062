/*
 * A CallToolResult: the outcome as structured content, and the same as content that a model reads.
 *
 * The outcome goes out once as data (structuredContent) and once as its JSON text, for clients that
 * know no structured content.  Images are content of their own; in the text a note stands in their
 * place, or a figure would be read as a page of base64.
 */
#include "server/mcp/mcp_internal.h"

static void add_text(json_t *content, const char *text) {
    json_t *value = json_string(text);
    if (value)
        json_array_append_new(content, json_pack("{s:s, s:o}", "type", "text", "text", value));
}

static bool is_image(const char *type) {
    static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    for (size_t i = 0; i < PA_ARRAY_LEN(types); i++)
        if (pa_streq(type, types[i]))
            return true;
    return false;
}

/* Moves the images of `results`, which is a copy, to `content`. */
static void take_images(json_t *results, json_t *content) {
    size_t index;
    json_t *bundle, *data;
    json_array_foreach(results, index, bundle) {
        const char *type;
        json_object_foreach(bundle, type, data) {
            if (!is_image(type) || !json_is_string(data))
                continue;
            json_array_append_new(content, json_pack("{s:s, s:s, s:O}", "type", "image", "mimeType",
                                                     type, "data", data));
            json_object_set_new(bundle, type, json_string("(an image of its own in the content)"));
        }
    }
}

/* Files that were kept are resources; the others a client can only be told of. */
static void add_files(const json_t *outcome, json_t *content) {
    size_t index;
    json_t *file;
    const char *run = json_string_value(json_object_get(outcome, "run_id"));
    json_array_foreach(json_object_get(outcome, "files"), index, file) {
        const char *path = json_string_value(json_object_get(file, "path"));
        if (!path || !run || !json_is_true(json_object_get(file, "kept")))
            continue;
        PA_CLEANUP(pa_freep) char *uri = pa_mcp_file_uri(run, path);
        const char *slash = strrchr(path, '/');
        json_array_append_new(content, json_pack("{s:s, s:s, s:s, s:O*}", "type", "resource_link",
                                                 "uri", uri, "name", slash ? slash + 1 : path,
                                                 "size", json_object_get(file, "size")));
    }
}

static json_t *of_outcome(const json_t *outcome) {
    const char *status = json_string_value(json_object_get(outcome, "status"));
    json_t *content = json_array(), *images = json_array();
    json_t *told = json_deep_copy(outcome);
    take_images(json_object_get(told, "results"), images);
    PA_CLEANUP(pa_freep) char *text = json_dumps(told, PA_MCP_JSON);
    json_decref(told);
    if (text)
        add_text(content, text);
    json_array_extend(content, images);
    json_decref(images);
    add_files(outcome, content);
    return json_pack("{s:o, s:O, s:b}", "content", content, "structuredContent", outcome, "isError",
                     !status || !pa_streq(status, "ok"));
}

static json_t *of_error(const struct pa_service_reply *reply, const struct pa_error *err) {
    struct pa_buf text = PA_BUF_INIT(64 * 1024);
    size_t index;
    json_t *fault;
    pa_buf_printf(&text, "%s: %s", pa_error_code_name(err->code), err->message);
    json_array_foreach(reply->faults, index, fault) {
        const char *path = NULL, *got = NULL, *allowed = NULL;
        json_unpack(fault, "{s?s, s?s, s?s}", "path", &path, "got", &got, "allowed", &allowed);
        pa_buf_printf(&text, "\n%s: got %s; allowed: %s", path ? path : "", got ? got : "nothing",
                      allowed ? allowed : "");
    }
    if (reply->retry_after_ms)
        pa_buf_printf(&text, "\nTry again in %llu ms.", (unsigned long long)reply->retry_after_ms);
    json_t *content = json_array();
    add_text(content, pa_buf_text(&text));
    pa_buf_done(&text);
    return json_pack("{s:o, s:b}", "content", content, "isError", 1);
}

json_t *pa_mcp_value_result(json_t *value) {
    PA_CLEANUP(pa_freep) char *text = json_dumps(value, PA_MCP_JSON);
    json_t *content = json_array();
    if (text)
        add_text(content, text);
    return json_pack("{s:o, s:o, s:b}", "content", content, "structuredContent", value, "isError",
                     0);
}

json_t *pa_mcp_tool_result(const struct pa_service_reply *reply, const struct pa_error *err) {
    return err ? of_error(reply, err) : of_outcome(reply->outcome);
}
