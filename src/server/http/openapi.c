/*
 * The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made of the table of routes and
 * of the tools' own schemas, so that it says what is served.  The route that calls a tool appears
 * once for each tool, with the schema of that tool's parameters.
 */
#include "server/http/http_internal.h"

/* Schemas that several routes name as "#name". */
static const char schemas[] =
    "{"
    "\"problem\": {\"type\": \"object\", \"required\": [\"title\", \"status\"], \"properties\": {"
    "  \"title\": {\"type\": \"string\"}, \"status\": {\"type\": \"integer\"},"
    "  \"detail\": {\"type\": \"string\"},"
    "  \"code\": {\"type\": \"string\", \"description\": \"the name of the gRPC status\"},"
    "  \"run_id\": {\"type\": \"string\"}, \"retry_after_ms\": {\"type\": \"integer\"},"
    "  \"faults\": {\"type\": \"array\", \"items\": {\"type\": \"object\","
    "    \"required\": [\"path\"], \"properties\": {\"path\": {\"type\": \"string\"},"
    "    \"got\": {\"type\": \"string\"}, \"allowed\": {\"type\": \"string\"}}}}}},"
    "\"description\": {\"type\": \"object\","
    "  \"required\": [\"name\", \"description\", \"input_schema\", \"output_schema\"],"
    "  \"properties\": {\"name\": {\"type\": \"string\"}, \"title\": {\"type\": \"string\"},"
    "  \"description\": {\"type\": \"string\"}, \"language\": {\"type\": \"string\"},"
    "  \"input_schema\": {\"type\": \"object\"}, \"output_schema\": {\"type\": \"object\"},"
    "  \"examples\": {\"type\": \"array\"}, \"annotations\": {\"type\": \"object\"}}},"
    "\"tools\": {\"type\": \"object\", \"required\": [\"tools\"], \"properties\": {\"tools\":"
    "  {\"type\": \"array\", \"items\": {\"$ref\": \"#/components/schemas/description\"}}}},"
    "\"languages\": {\"type\": \"object\", \"required\": [\"languages\"], \"properties\":"
    "  {\"languages\": {\"type\": \"array\", \"items\": {\"type\": \"object\"}}}},"
    "\"task\": {\"type\": \"object\", \"required\": [\"task\"], \"additionalProperties\": false,"
    "  \"properties\": {\"task\": {\"type\": \"string\", \"minLength\": 1}}},"
    "\"task_outcome\": {\"type\": \"object\", \"required\": [\"tool\", \"outcome\"],"
    "  \"properties\": {\"tool\": {\"type\": \"string\"}, \"parameters\": {\"type\": \"object\"},"
    "  \"written_by\": {\"type\": \"string\"}, \"outcome\": {\"type\": \"object\"}}},"
    "\"run\": {\"type\": \"object\", \"required\": [\"run_id\", \"state\"], \"properties\": {"
    "  \"run_id\": {\"type\": \"string\"},"
    "  \"state\": {\"enum\": [\"queued\", \"running\", \"done\"]},"
    "  \"tool\": {\"type\": \"string\"}, \"outcome\": {\"type\": \"object\"}}},"
    "\"answer\": {\"type\": \"object\", \"properties\": {\"result\": {},"
    "  \"error\": {\"type\": \"string\"}}, \"minProperties\": 1, \"maxProperties\": 1,"
    "  \"additionalProperties\": false},"
    "\"volumes\": {\"type\": \"object\", \"required\": [\"volumes\"], \"properties\": {\"volumes\":"
    "  {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {"
    "  \"name\": {\"type\": \"string\"}, \"bytes\": {\"type\": \"integer\"},"
    "  \"entries\": {\"type\": \"integer\"}, \"quota_bytes\": {\"type\": \"integer\"},"
    "  \"quota_entries\": {\"type\": \"integer\"}, \"in_use\": {\"type\": \"boolean\"}}}}}},"
    "\"new_session\": {\"type\": \"object\", \"properties\": {"
    "  \"language\": {\"type\": \"string\", \"default\": \"python\"},"
    "  \"image\": {\"type\": \"string\"}, \"name\": {\"type\": \"string\"},"
    "  \"labels\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}},"
    "  \"recover\": {\"type\": \"boolean\", \"description\": \"a program that is killed takes its own"
    " changes with it, not the session\"},"
    "  \"idle_ms\": {\"type\": \"integer\", \"minimum\": 1},"
    "  \"life_ms\": {\"type\": \"integer\", \"minimum\": 1},"
    "  \"env\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}},"
    "  \"limits\": {\"type\": \"object\"}}},"
    "\"session\": {\"type\": \"object\", \"required\": [\"id\", \"language\", \"state\"],"
    "  \"properties\": {\"id\": {\"type\": \"string\"}, \"language\": {\"type\": \"string\"},"
    "  \"state\": {\"enum\": [\"idle\", \"busy\", \"ended\"]}}},"
    "\"sessions\": {\"type\": \"object\", \"required\": [\"sessions\"], \"properties\": {\"sessions\":"
    "  {\"type\": \"array\", \"items\": {\"$ref\": \"#/components/schemas/session\"}}}},"
    "\"turn\": {\"type\": \"object\", \"required\": [\"code\"],"
    "  \"properties\": {\"code\": {\"type\": \"string\"}}},"
    "\"outcome\": {\"type\": \"object\", \"required\": [\"status\"],"
    "  \"properties\": {\"status\": {\"type\": \"string\"}}},"
    "\"fork\": {\"type\": \"object\", \"properties\": {"
    "  \"count\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 64, \"default\": 1},"
    "  \"labels\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}}}},"
    "\"forks\": {\"type\": \"object\", \"required\": [\"sessions\"], \"properties\":"
    "  {\"sessions\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}},"
    "\"branches\": {\"type\": \"object\", \"required\": [\"branches\"], \"properties\":"
    "  {\"branches\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 64, \"items\":"
    "  {\"type\": \"object\", \"required\": [\"session_id\", \"code\"], \"properties\":"
    "  {\"session_id\": {\"type\": \"string\"}, \"code\": {\"type\": \"string\"}}}}}},"
    "\"branch_outcomes\": {\"type\": \"object\", \"required\": [\"branches\"], \"properties\":"
    "  {\"branches\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"required\":"
    "  [\"session_id\"], \"properties\": {\"session_id\": {\"type\": \"string\"},"
    "  \"outcome\": {\"type\": \"object\"},"
    "  \"problem\": {\"$ref\": \"#/components/schemas/problem\"}}}}}},"
    "\"files\": {\"type\": \"object\", \"required\": [\"files\"], \"properties\":"
    "  {\"files\": {\"type\": \"array\", \"items\": {\"type\": \"object\","
    "  \"required\": [\"path\"], \"properties\": {\"path\": {\"type\": \"string\"},"
    "  \"size\": {\"type\": \"integer\"}}}}}},"
    "\"rename\": {\"type\": \"object\", \"required\": [\"from\", \"to\"], \"properties\":"
    "  {\"from\": {\"type\": \"string\"}, \"to\": {\"type\": \"string\"}}},"
    "\"edit\": {\"type\": \"object\", \"required\": [\"path\", \"old\", \"new\"], \"properties\":"
    "  {\"path\": {\"type\": \"string\"}, \"old\": {\"type\": \"string\", \"minLength\": 1},"
    "  \"new\": {\"type\": \"string\"}, \"all\": {\"type\": \"boolean\"}}},"
    "\"accepted\": {\"type\": \"object\", \"required\": [\"run_id\"],"
    "  \"properties\": {\"run_id\": {\"type\": \"string\"}, \"tool\": {\"type\": \"string\"},"
    "    \"parameters\": {\"type\": \"object\"}, \"written_by\": {\"type\": \"string\"}}},"
    "\"module\": {\"type\": \"object\", \"required\": [\"sha256\"], \"properties\": {"
    "  \"sha256\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\"},"
    "  \"size\": {\"type\": \"integer\"}}},"
    "\"status\": {\"type\": \"object\", \"required\": [\"status\"],"
    "  \"properties\": {\"status\": {\"type\": \"string\"}}}"
    "}";

/* The statuses that any route with a scope may answer with, beside its own. */
static const unsigned problems[] = {400, 401, 403, 404, 405, 409, 412, 413, 415,
                                    422, 429, 499, 500, 501, 502, 503, 504};

static json_t *reference(const char *name) {
    PA_CLEANUP(pa_freep) char *path = pa_xasprintf("#/components/schemas/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

static json_t *schema_of(const char *text) {
    if (*text == '#')
        return reference(text + 1);
    json_t *schema = json_loads(text, 0, NULL);
    PA_ASSERT(schema);
    return schema;
}

static bool has_parameter(const struct pa_http_route *route, const char *name) {
    const struct pa_http_parameter *it = route->parameters;
    while (it && it->name && !pa_streq(it->name, name))
        it++;
    return it && it->name;
}

static json_t *content(const char *type, json_t *schema) {
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

static void add_parameter(json_t *list, const char *where, const char *name, const char *what,
                          json_t *schema) {
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", name, "in", where,
                                          "description", what, "required", pa_streq(where, "path"),
                                          "schema", schema));
}

/* Those in the pattern, unless `fixed` (which has taken their place), and those of the table. */
static json_t *parameters_of(const struct pa_http_route *route, bool fixed) {
    json_t *list = json_array();
    for (const char *at = route->pattern; !fixed && (at = strchr(at, '{')); at++) {
        PA_CLEANUP(pa_freep) char *name = strndup(at + 1, strcspn(at + 1, "}"));
        add_parameter(list, "path", name, "of the resource",
                      json_pack("{s:s, s:i}", "type", "string", "minLength", 1));
    }
    for (const struct pa_http_parameter *it = route->parameters; it && it->name; it++)
        add_parameter(list, it->header ? "header" : "query", it->name, it->what,
                      schema_of(it->schema));
    return list;
}

static json_t *responses_of(const struct pa_http_route *route, json_t *reply_schema) {
    json_t *responses = json_object();
    char key[8];
    snprintf(key, sizeof(key), "%u", route->reply_status);
    json_t *good = json_pack("{s:s}", "description", "done");
    if (reply_schema)
        json_object_set_new(
            good, "content",
            content(route->reply_type ? route->reply_type : "application/json", reply_schema));
    if (has_parameter(route, "stream")) {
        json_object_set_new(json_object_get(good, "content"), "application/x-ndjson",
                            json_pack("{s:{}}", "schema"));
        json_object_set_new(json_object_get(good, "content"), "text/event-stream",
                            json_pack("{s:{}}", "schema"));
        json_object_set_new(responses, "202",
                            json_pack("{s:s, s:o}", "description",
                                      "begun; Location says where to look", "content",
                                      content("application/json", reference("accepted"))));
    }
    json_object_set_new(responses, key, good);
    for (size_t i = 0; i < PA_ARRAY_LEN(problems); i++) {
        snprintf(key, sizeof(key), "%u", problems[i]);
        json_object_set_new(responses, key,
                            json_pack("{s:s, s:o}", "description",
                                      MHD_get_reason_phrase_for(problems[i]), "content",
                                      content("application/problem+json", reference("problem"))));
    }
    return responses;
}

static json_t *operation(const struct pa_http_route *route, const char *id, const char *what,
                         bool fixed, json_t *request_schema, json_t *reply_schema) {
    json_t *object = json_pack("{s:s, s:[s], s:s, s:o, s:o}", "operationId", id, "tags", route->tag,
                               "summary", what, "parameters", parameters_of(route, fixed),
                               "responses", responses_of(route, reply_schema));
    if (!route->scope)
        json_object_set_new(object, "security", json_array());
    if (request_schema) {
        const char *type =
            route->takes == PA_HTTP_JSON ? "application/json" : "application/octet-stream";
        json_object_set_new(object, "requestBody",
                            json_pack("{s:b, s:o}", "required", route->takes == PA_HTTP_JSON,
                                      "content", content(type, request_schema)));
    }
    return object;
}

static void add_operation(json_t *paths, const char *path, const char *method, json_t *object) {
    PA_CLEANUP(pa_freep) char *lower = pa_xstrdup(method);
    for (char *at = lower; *at; at++)
        *at = (char)(*at | 0x20);
    json_t *item = json_object_get(paths, path);
    if (!item) {
        item = json_object();
        json_object_set_new(paths, path, item);
    }
    json_object_set_new(item, lower, object);
}

static void add_tools(json_t *paths, const struct pa_http_route *route,
                      const struct pa_toolbox *toolbox) {
    size_t count;
    const struct pa_tool *tools = pa_toolbox_tools(toolbox, &count);
    for (size_t i = 0; i < count; i++) {
        PA_CLEANUP(pa_freep) char *path = pa_xasprintf("/v1/tools/%s", tools[i].name);
        add_operation(paths, path, route->method,
                      operation(route, tools[i].name, tools[i].description, true,
                                json_incref(tools[i].input_schema),
                                json_incref(tools[i].output_schema)));
    }
}

static json_t *paths_of(enum pa_http_kind kind, const struct pa_toolbox *toolbox) {
    json_t *paths = json_object();
    for (const struct pa_http_route *route = pa_http_routes(kind); route->method; route++) {
        if (pa_streq(route->id, "callTool"))
            add_tools(paths, route, toolbox);
        else
            add_operation(paths, route->pattern, route->method,
                          operation(route, route->id, route->what, false,
                                    route->request_schema ? schema_of(route->request_schema) : NULL,
                                    route->reply_schema ? schema_of(route->reply_schema) : NULL));
    }
    return paths;
}

int pa_http_get_openapi(struct pa_http_request *request, struct pa_error *err) {
    struct pa_http *door = request->door;
    json_t *known = json_loads(schemas, 0, NULL);
    PA_ASSERT(known);
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[{s:[]}, {s:[]}, {}], s:o, s:{s:o, s:{s:{s:s, s:s}, "
        "s:{s:s, s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "PolyAgent sandbox", "version", PA_VERSION,
        "description", "Untrusted code, run alone and without rights, with an exact account.",
        "servers", "url", "/", "security", "bearer", "key", "paths",
        paths_of(door->kind, pa_service_toolbox(door->service)), "components", "schemas", known,
        "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "key", "type", "apiKey",
        "in", "header", "name", "X-API-Key");
    return pa_http_reply_json(request, MHD_HTTP_OK, document);
}
