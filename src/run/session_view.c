/*
 * What is told of sessions: as JSON values, made under the lock from what it protects, so that a
 * session that is busy is no obstacle.
 */
#include "run/sessions_internal.h"

#include <time.h>

json_t *pa_session_date(uint64_t realtime_ns) {
    char text[40];
    time_t seconds = (time_t)(realtime_ns / PA_NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + size, sizeof(text) - size, ".%03uZ",
             (unsigned)(realtime_ns / PA_NS_PER_MS % 1000));
    return json_string(text);
}

static json_t *text_or_null(const char *text) {
    return text && *text ? json_string(text) : json_null();
}

static json_t *milliseconds(uint64_t ns) {
    return json_integer((json_int_t)(ns / PA_NS_PER_MS));
}

static json_t *checkpoints_of(const struct pa_session *session) {
    json_t *list = json_array();
    for (size_t i = 0; i < session->checkpoint_count; i++) {
        const struct pa_session_checkpoint *checkpoint = session->checkpoints[i];
        json_t *one = json_object();
        json_object_set_new(one, "name", json_string(checkpoint->name));
        json_object_set_new(one, "turns", json_integer((json_int_t)checkpoint->point.turns));
        json_object_set_new(one, "created_at", pa_session_date(checkpoint->created_ns));
        json_array_append_new(list, one);
    }
    return list;
}

/* When it ends if nothing is done with it; null: it does not. */
static json_t *time_left(const struct pa_session *session, uint64_t now) {
    uint64_t end = session->life_ns ? session->born_ns + session->life_ns : PA_NEVER;
    if (session->idle_ns && !session->busy)
        end = PA_MIN(end, session->rested_ns + session->idle_ns);
    if (end == PA_NEVER || session->ended)
        return json_null();
    return milliseconds(end > now ? end - now : 0);
}

static json_t *describe(const struct pa_session *session) {
    uint64_t now = pa_clock_monotonic_ns();
    json_t *object = json_object();
    const char *state = session->ended ? "ended" : session->busy ? "busy" : "idle";
    json_object_set_new(object, "id", json_string(session->id));
    json_object_set_new(object, "name", text_or_null(session->name));
    json_object_set_new(object, "language", json_string(session->model->image->pack->name));
    json_object_set_new(object, "state", json_string(state));
    if (session->ended)
        json_object_set_new(object, "ended", text_or_null(session->why));
    json_object_set_new(object, "parent", text_or_null(session->parent));
    json_object_set_new(object, "tree", json_string(session->tree));
    json_object_set_new(object, "labels", json_deep_copy(session->labels));
    json_object_set_new(object, "turns", json_integer((json_int_t)session->turns));
    json_object_set_new(object, "forks", json_integer(session->forks));
    json_object_set_new(object, "recover", json_boolean(session->recover));
    json_object_set_new(object, "memory_bytes", json_integer((json_int_t)session->memory_bytes));
    json_object_set_new(object, "created_at", pa_session_date(session->created_ns));
    json_object_set_new(object, "idle_ms",
                        milliseconds(session->busy ? 0 : now - session->rested_ns));
    json_object_set_new(object, "expires_in_ms", time_left(session, now));
    json_object_set_new(object, "checkpoints", checkpoints_of(session));
    return object;
}

json_t *pa_sessions_list(struct pa_sessions *sessions, const char *owner) {
    json_t *list = json_array();
    pthread_mutex_lock(&sessions->lock);
    for (const struct pa_session *s = sessions->list; s; s = s->next)
        if (pa_session_is_visible(s, owner))
            json_array_append_new(list, describe(s));
    pthread_mutex_unlock(&sessions->lock);
    return list;
}

int pa_sessions_inspect(struct pa_sessions *sessions, const char *owner, const char *id,
                        json_t **ret, struct pa_error *err) {
    pthread_mutex_lock(&sessions->lock);
    const struct pa_session *session = pa_session_find(sessions, owner, id);
    int done = session ? 0 : pa_session_not_found(id, err);
    if (session)
        *ret = describe(session);
    pthread_mutex_unlock(&sessions->lock);
    return done;
}

/* Oldest first, so that a parent comes before its forks. */
static json_t *nodes_of(const struct pa_sessions *sessions, const char *tree) {
    json_t *nodes = json_array();
    for (const struct pa_session *s = sessions->list; s; s = s->next)
        if (pa_streq(s->tree, tree))
            json_array_insert_new(nodes, 0, describe(s));
    return nodes;
}

static bool has_node(const json_t *nodes, const char *id) {
    size_t i;
    json_t *node;
    json_array_foreach(nodes, i, node) {
        if (pa_streq(json_string_value(json_object_get(node, "id")), id))
            return true;
    }
    return false;
}

/* Those whose parent is none, or is not remembered any more. */
static json_t *roots_of(const json_t *nodes) {
    json_t *roots = json_array(), *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        const char *parent = json_string_value(json_object_get(node, "parent"));
        if (!parent || !has_node(nodes, parent))
            json_array_append(roots, json_object_get(node, "id"));
    }
    return roots;
}

int pa_sessions_tree(struct pa_sessions *sessions, const char *owner, const char *id, json_t **ret,
                     struct pa_error *err) {
    pthread_mutex_lock(&sessions->lock);
    const struct pa_session *session = pa_session_find(sessions, owner, id);
    int done = session ? 0 : pa_session_not_found(id, err);
    if (session) {
        json_t *nodes = nodes_of(sessions, session->tree);
        *ret = json_object();
        json_object_set_new(*ret, "tree", json_string(session->tree));
        json_object_set_new(*ret, "roots", roots_of(nodes));
        json_object_set_new(*ret, "nodes", nodes);
    }
    pthread_mutex_unlock(&sessions->lock);
    return done;
}
