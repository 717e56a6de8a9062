/* The way through: parse, infer, generate. */
#include "transpile/transpile.h"

#include "transpile/gen.h"

enum form {
    SELF_CONTAINED,
    FOR_RUNTIME,
    AS_TEXT
};

static void transpile(const char *source, size_t size, const char *filename, enum form form,
                      struct pa_transpile_result *ret) {
    struct pa_tree *tree = pa_xcalloc(1, sizeof(*tree));
    struct pa_program *program = pa_xcalloc(1, sizeof(*program));
    struct g_gen *g = pa_xcalloc(1, sizeof(*g));
    memset(ret, 0, sizeof(*ret));
    ret->module = PA_BUF_INIT(128u << 20);
    ret->data = PA_BUF_INIT(0);
    if (pa_tree_parse(tree, source, size, &ret->refusal)) {
        ret->refused = true;
    } else if (setjmp(tree->refused)) {
        ret->refused = true;
    } else {
        program->tree = tree;
        program->last_instance = &program->instances;
        program->last_class = &program->classes;
        program->module = pa_tree_alloc(tree, sizeof(*program->module));
        program->module->body = tree->module;
        pa_instance_prepare(program, program->module, NULL);
        pa_infer(program);
        g_generate(program, filename, form == FOR_RUNTIME, &ret->module, g);
        if (form == AS_TEXT) {
            pa_buf_clear(&ret->module);
            g_wat(g, &ret->module);
        }
        ret->uses_input = program->uses_input;
        ret->memory_bytes = g->memory_bytes;
        ret->data_at = g->data_base;
        memcpy(ret->start, g->where, sizeof(ret->start));
        ret->data = g->data;
        g->data = PA_BUF_INIT(0);
        if (ret->module.failed || ret->data.failed) {
            ret->refused = true;
            snprintf(ret->refusal.message, sizeof(ret->refusal.message),
                     "the program is too large to be compiled");
        }
    }
    g_done(g);
    free(g);
    free(program);
    pa_tree_done(tree);
    free(tree);
}

void pa_transpile_source(const char *source, size_t size, const char *filename,
                         struct pa_transpile_result *ret) {
    transpile(source, size, filename, SELF_CONTAINED, ret);
}

void pa_transpile_for_runtime(const char *source, size_t size, const char *filename,
                              struct pa_transpile_result *ret) {
    transpile(source, size, filename, FOR_RUNTIME, ret);
}

void pa_transpile_runtime(struct pa_buf *module) {
    struct pa_tree *tree = pa_xcalloc(1, sizeof(*tree));
    struct g_gen *g = pa_xcalloc(1, sizeof(*g));
    g->tree = tree;
    g_runtime_module(g, module);
    g_done(g);
    free(g);
    pa_tree_done(tree);
    free(tree);
}

void pa_transpile_to_text(const char *source, size_t size, const char *filename,
                          struct pa_transpile_result *ret) {
    transpile(source, size, filename, AS_TEXT, ret);
}

void pa_transpile_result_done(struct pa_transpile_result *result) {
    pa_buf_done(&result->module);
    pa_buf_done(&result->data);
}
