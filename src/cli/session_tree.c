/*
 * The tree in text:
 *
 *     s-1b2c...  idle, 3 turns, job=7
 *     ├─ s-77aa...  idle, 4 turns, branch=left   <
 *     │  └─ s-0f3e...  ended (expired), 5 turns
 *     └─ s-94d1...  busy, 4 turns
 *
 * Each node has one parent, so what hangs below those without one is a tree, whatever the server
 * says; a node is drawn once.
 */
#include "cli/session.h"

#define DEPTH_MOST 200 /* of what is drawn; forks of forks are not that deep */

struct drawing {
    json_t *nodes; /* those that are left to be drawn */
    const char *asked;
};

static const char *parent_of(const json_t *node) {
    return pa_session_text(node, "parent");
}

static bool is_there(const json_t *nodes, const char *id) {
    json_t *node;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)nodes, i, node) {
        if (pa_streq(pa_session_text(node, "id"), id))
            return true;
    }
    return false;
}

static void draw_node(const struct drawing *drawing, const json_t *node) {
    const char *id = pa_session_text(node, "id");
    PA_CLEANUP(pa_freep) char *name = pa_session_plain(pa_session_text(node, "name"));
    PA_CLEANUP(pa_freep) char *labels = pa_session_labels(json_object_get(node, "labels"));
    PA_CLEANUP(pa_freep) char *why = pa_session_plain(pa_session_text(node, "ended"));
    json_int_t turns = json_integer_value(json_object_get(node, "turns"));
    bool asked = pa_streq(drawing->asked, id) || pa_streq(drawing->asked, name);
    printf("%s%s%s  %s%s%s%s, %lld turn%s%s%s%s\n", id, *name ? " " : "", name,
           pa_session_text(node, "state"), *why ? " (" : "", why, *why ? ")" : "", (long long)turns,
           turns == 1 ? "" : "s", *labels ? ", " : "", labels, asked ? "   <" : "");
}

/* The children of `parent`, taken out of what is left, as they were. */
static json_t *take_children(struct drawing *drawing, const char *parent) {
    json_t *children = json_array(), *left = json_array(), *node;
    size_t i;
    json_array_foreach(drawing->nodes, i, node)
        json_array_append(pa_streq(parent_of(node), parent) ? children : left, node);
    json_decref(drawing->nodes);
    drawing->nodes = left;
    return children;
}

static void draw_children(struct drawing *drawing, const char *parent, const char *indent,
                          unsigned depth) {
    json_t *children = take_children(drawing, parent), *child;
    size_t i, count = json_array_size(children);
    json_array_foreach(children, i, child) {
        bool last = i + 1 == count;
        PA_CLEANUP(pa_freep) char *below = pa_xasprintf("%s%s", indent, last ? "   " : "│  ");
        printf("%s%s ", indent, last ? "└─" : "├─");
        draw_node(drawing, child);
        if (depth < DEPTH_MOST)
            draw_children(drawing, pa_session_text(child, "id"), below, depth + 1);
    }
    json_decref(children);
}

static json_t *take_roots(struct drawing *drawing) {
    json_t *roots = json_array(), *left = json_array(), *node;
    size_t i;
    json_array_foreach(drawing->nodes, i, node)
        json_array_append(is_there(drawing->nodes, parent_of(node)) ? left : roots, node);
    json_decref(drawing->nodes);
    drawing->nodes = left;
    return roots;
}

static void draw(json_t *nodes, const char *asked) {
    struct drawing drawing = {.nodes = json_incref(nodes), .asked = asked};
    json_t *roots = take_roots(&drawing), *root;
    size_t i;
    json_array_foreach(roots, i, root) {
        draw_node(&drawing, root);
        draw_children(&drawing, pa_session_text(root, "id"), "", 1);
    }
    json_decref(roots);
    json_decref(drawing.nodes);
}

int pa_session_tree(struct pa_session_options *options, int argc, char **argv) {
    PA_CLEANUP(pa_freep) char *path = pa_api_session(argv[0], "/tree");
    struct pa_error err;
    json_t *answer;
    if (pa_api_call(&options->api, "GET", path, NULL, &answer, &err) < 0)
        return pa_report_error(&err);
    json_t *nodes = json_object_get(answer, "nodes");
    if (options->json)
        pa_session_print_json(answer);
    else if (json_is_array(nodes))
        draw(nodes, argv[0]);
    json_decref(answer);
    return 0;
}
