#include "policy/entry.h"

static const char *const style_names[] = {
#define X(style, name) [style] = name,
    PA_ENTRY_STYLES(X)
#undef X
};

static const char *const answer_names[] = {
#define X(answer, name) [answer] = name,
    PA_STUB_ANSWERS(X)
#undef X
};

static int find(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (pa_streq(names[i], name))
            return (int)i;
    return -1;
}

int pa_entry_style_parse(const char *name, enum pa_entry_style *ret) {
    int found = find(style_names, PA_ARRAY_LEN(style_names), name);
    if (found < 0)
        return -1;
    *ret = (enum pa_entry_style)found;
    return 0;
}

int pa_stub_answer_parse(const char *name, enum pa_stub_answer *ret) {
    int found = find(answer_names, PA_ARRAY_LEN(answer_names), name);
    if (found < 0)
        return -1;
    *ret = (enum pa_stub_answer)found;
    return 0;
}

void pa_entry_done(struct pa_entry *entry) {
    for (size_t i = 0; i < entry->stub_count; i++) {
        free(entry->stubs[i].module);
        free(entry->stubs[i].name);
    }
    free(entry->stubs);
    free(entry->init);
    free(entry->call);
    free(entry->alloc);
    free(entry->eval);
    *entry = (struct pa_entry){0};
}

void pa_entry_add_stub(struct pa_entry *entry, const char *module, const char *name,
                       enum pa_stub_answer answer) {
    if (!entry->stubs)
        entry->stubs = pa_xcalloc(PA_MAX_STUBS, sizeof(*entry->stubs));
    PA_ASSERT(entry->stub_count < PA_MAX_STUBS);
    entry->stubs[entry->stub_count++] =
        (struct pa_stub){pa_xstrdup(module), pa_xstrdup(name), answer};
}

static bool same(const char *text, const char *bytes, size_t size) {
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

const struct pa_stub *pa_entry_stub(const struct pa_entry *entry, const char *module,
                                    size_t module_size, const char *name, size_t name_size) {
    const struct pa_stub *any = NULL;
    for (size_t i = 0; i < entry->stub_count; i++) {
        const struct pa_stub *stub = &entry->stubs[i];
        if (!same(stub->module, module, module_size))
            continue;
        if (same(stub->name, name, name_size))
            return stub;
        if (pa_streq(stub->name, "*"))
            any = stub;
    }
    return any;
}

void pa_entry_encode(const struct pa_entry *entry, struct pa_buf *buf) {
    pa_put_u8(buf, entry->style);
    pa_put_text(buf, entry->init);
    pa_put_text(buf, entry->call);
    pa_put_text(buf, entry->alloc);
    pa_put_text(buf, entry->eval);
    pa_put_u32(buf, (uint32_t)entry->stub_count);
    for (size_t i = 0; i < entry->stub_count; i++) {
        pa_put_text(buf, entry->stubs[i].module);
        pa_put_text(buf, entry->stubs[i].name);
        pa_put_u8(buf, entry->stubs[i].answer);
    }
}

int pa_entry_decode(struct pa_entry *entry, struct pa_reader *reader, struct pa_error *err) {
    struct pa_entry next = {0};
    next.style = (enum pa_entry_style)pa_get_u8(reader);
    next.init = pa_get_text(reader);
    next.call = pa_get_text(reader);
    next.alloc = pa_get_text(reader);
    next.eval = pa_get_text(reader);
    uint32_t stubs = pa_get_count(reader, 9);
    for (uint32_t i = 0; i < stubs && i < PA_MAX_STUBS && !reader->failed; i++) {
        PA_CLEANUP(pa_freep) char *module = pa_get_text(reader);
        PA_CLEANUP(pa_freep) char *name = pa_get_text(reader);
        enum pa_stub_answer answer = (enum pa_stub_answer)pa_get_u8(reader);
        if (!reader->failed)
            pa_entry_add_stub(&next, module, name, answer);
    }
    if (reader->failed || stubs > PA_MAX_STUBS || (size_t)next.style >= PA_ENTRY_STYLE_COUNT) {
        pa_entry_done(&next);
        return pa_fail(err, PA_ERR_INTERNAL, "an entry on the run channel is malformed");
    }
    *entry = next;
    return 0;
}
