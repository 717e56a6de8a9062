/* The arena of a syntax tree, copies of its parts, and the way out of it all: a refusal. */
#include "transpile/ast.h"

#include <stdarg.h>

#define CHUNK_BYTES (64u << 10)

struct pa_chunk {
    struct pa_chunk *next;
    size_t used, size;
    _Alignas(16) uint8_t bytes[];
};

/* In characters from 1, as editors and Python count; what is no UTF-8 counts by the byte. */
static uint32_t column_of(const struct pa_tree *tree, const struct pa_place *place) {
    const char *at = tree->source, *end = at + tree->size;
    uint32_t column = 1;
    for (uint32_t line = 1; line < place->line && at < end; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
    for (uint32_t i = 0; i < place->column && at + i < end; i++)
        column += ((uint8_t)at[i] & 0xc0) != 0x80;
    return column;
}

void pa_refuse(struct pa_tree *tree, const struct pa_place *place, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(tree->refusal->message, sizeof(tree->refusal->message), fmt, args);
    va_end(args);
    tree->refusal->line = place ? place->line : 0;
    tree->refusal->column = place ? column_of(tree, place) : 0;
    longjmp(tree->refused, 1);
}

void *pa_tree_alloc(struct pa_tree *tree, size_t size) {
    size = (size + 15) & ~(size_t)15;
    struct pa_chunk *chunk = tree->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = PA_MAX(size, (size_t)CHUNK_BYTES);
        if (tree->memory + room > PA_TREE_MAX_MEMORY)
            pa_refuse(tree, NULL, "the program is too large to be compiled");
        tree->memory += room;
        chunk = pa_xcalloc(1, sizeof(*chunk) + room);
        chunk->size = room;
        chunk->next = tree->chunks;
        tree->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

void pa_tree_done(struct pa_tree *tree) {
    while (tree->chunks) {
        struct pa_chunk *next = tree->chunks->next;
        free(tree->chunks);
        tree->chunks = next;
    }
}

struct pa_node *pa_node_new(struct pa_tree *tree, enum pa_node_kind kind, struct pa_place place) {
    struct pa_node *node = pa_tree_alloc(tree, sizeof(*node));
    node->kind = kind;
    node->place = place;
    return node;
}

static struct pa_def *clone_def(struct pa_tree *tree, const struct pa_def *def) {
    struct pa_def *copy = pa_tree_alloc(tree, sizeof(*copy));
    *copy = *def;
    copy->params = pa_tree_alloc(tree, def->param_count * sizeof(*def->params));
    for (size_t i = 0; i < def->param_count; i++) {
        copy->params[i] = def->params[i];
        copy->params[i].value = pa_node_clone(tree, def->params[i].value);
    }
    copy->body = pa_node_clone(tree, def->body);
    return copy;
}

struct pa_node *pa_node_clone(struct pa_tree *tree, const struct pa_node *node) {
    if (!node)
        return NULL;
    struct pa_node *copy = pa_tree_alloc(tree, sizeof(*copy));
    *copy = *node;
    copy->a = pa_node_clone(tree, node->a);
    copy->b = pa_node_clone(tree, node->b);
    copy->c = pa_node_clone(tree, node->c);
    copy->d = pa_node_clone(tree, node->d);
    if (node->kid_count) {
        copy->kids = pa_tree_alloc(tree, node->kid_count * sizeof(*copy->kids));
        for (uint32_t i = 0; i < node->kid_count; i++)
            copy->kids[i] = pa_node_clone(tree, node->kids[i]);
    }
    if (node->def) {
        copy->def = clone_def(tree, node->def);
        copy->def->at = copy;
    }
    return copy;
}
