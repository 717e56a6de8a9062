/* Start and end, output and input, exceptions. */
#include "transpile/runtime/rt.h"

#define EXIT_NEEDS_INTERPRETER 217
#define TRACE_MAX              1024
#define CHAIN_MAX              16
#define REPEATS                3 /* of a line in a traceback, as Python has it */

struct io {
    const uint8_t *bytes;
    uint32_t size;
};

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int32_t
fd_write(int32_t fd, const struct io *list, int32_t count, uint32_t *done);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_read"))) int32_t
fd_read(int32_t fd, const struct io *list, int32_t count, uint32_t *done);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void
proc_exit(int32_t code);

RT_API struct object *rt_exc;      /* on its way to a handler */
RT_API struct object *rt_handling; /* innermost of those whose handler runs */
RT_API uint32_t rt_sp, rt_sp_end, rt_depth, rt_no_gc, rt_gc_wanted;

struct place {
    uint32_t line;
    const struct str *function;
    const uint8_t *text; /* the lines below, as they are printed */
    uint32_t size;
};

static struct {
    const struct class *const *classes;
    const struct place *places;
    const struct str *filename;
    uint32_t trace[TRACE_MAX];
    uint32_t traced;
    uint8_t output[8192];
    uint32_t buffered;
    uint8_t input[4096];
    uint32_t input_at, input_size;
    bool input_ended;
} rt;

static void write_all(int32_t fd, const uint8_t *bytes, uint32_t size) {
    while (size) {
        struct io io = {bytes, size};
        uint32_t done = 0;
        if (fd_write(fd, &io, 1, &done) != 0 || done == 0)
            proc_exit(1); /* nobody reads any more */
        bytes += done;
        size -= done;
    }
}

RT_API void rt_flush(void) {
    write_all(1, rt.output, rt.buffered);
    rt.buffered = 0;
}

void rt_write(const uint8_t *bytes, uint32_t size) {
    if (size > sizeof(rt.output) - rt.buffered) {
        rt_flush();
        if (size >= sizeof(rt.output)) {
            write_all(1, bytes, size);
            return;
        }
    }
    copy(rt.output + rt.buffered, bytes, size);
    rt.buffered += size;
}

RT_API void rt_print_str(const struct str *s) {
    if (!s) {
        rt_write((const uint8_t *)"None", 4);
        return;
    }
    rt_write(s->bytes, s->size);
}

RT_API void rt_print_char(int32_t c) {
    if (rt.buffered == sizeof(rt.output))
        rt_flush();
    rt.output[rt.buffered++] = (uint8_t)c;
}

RT_API void rt_print_int(int64_t value) {
    uint8_t text[24];
    uint32_t at = sizeof(text);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        text[--at] = '-';
    rt_write(text + at, sizeof(text) - at);
}

RT_API void rt_bail(void) {
    proc_exit(EXIT_NEEDS_INTERPRETER);
}

/* sys.exit(): what the process ends with is the lowest byte. */
RT_API void rt_exit(int64_t code) {
    rt_flush();
    proc_exit((int32_t)(code & 0xff));
}

RT_API void rt_start(const struct class *const *classes, const struct place *places,
                     const struct str *filename, const uint32_t *roots, uint32_t frames,
                     uint32_t frames_end, uint32_t heap) {
    rt.classes = classes;
    rt.places = places;
    rt.filename = filename;
    rt_sp = frames;
    rt_sp_end = frames_end;
    rt_memory_start(heap, roots, frames);
}

/* Input. */

static int32_t next_byte(void) {
    if (rt.input_at == rt.input_size) {
        struct io io = {rt.input, sizeof(rt.input)};
        uint32_t done = 0;
        if (rt.input_ended || fd_read(0, &io, 1, &done) != 0 || done == 0) {
            rt.input_ended = true;
            return -1;
        }
        rt.input_at = 0;
        rt.input_size = done;
    }
    return rt.input[rt.input_at++];
}

/* A line without its end.  What is not plain text is read by the interpreter's rules. */
RT_API struct str *rt_input(void) {
    rt_flush();
    struct str *line = rt_str_room(80);
    int32_t c = next_byte();
    if (c < 0) {
        rt_error(EOF_ERROR, "EOF when reading a line");
        return line;
    }
    for (; c >= 0 && c != '\n'; c = next_byte()) {
        if (c >= 0x80 || c == '\r')
            rt_bail();
        rt_str_put(line, (uint8_t)c);
    }
    return line;
}

/* Exceptions. */

RT_API struct object *rt_object_new(const struct class *class) {
    struct object *o = rt_new(sizeof(*o) + class->field_count * sizeof(slot), OBJECT);
    o->class = class;
    o->present = 0;
    o->history = NULL;
    zero_fill(o->fields, class->field_count * sizeof(slot));
    return o;
}

/* The object's history, with room for the places where it came past. */
static struct history *new_history(struct object *o, uint32_t count) {
    struct history *h = rt_new((uint32_t)sizeof(*h) + 4 * count, BYTES), *old = o->history;
    h->context = old ? old->context : NULL;
    h->cause = old ? old->cause : NULL;
    h->hides_context = old ? old->hides_context : 0;
    h->count = count;
    return o->history = h;
}

/* The places of rt_exc become the object's own. */
static void keep_trace(struct object *o) {
    if (rt.traced)
        copy(new_history(o, rt.traced)->places, rt.trace, 4 * rt.traced);
}

static void bring_trace(const struct object *o) {
    rt.traced = o->history ? o->history->count : 0;
    if (rt.traced)
        copy(rt.trace, o->history->places, 4 * rt.traced);
}

static struct object *context_of(const struct object *o) {
    return o->history ? o->history->context : NULL;
}

/* What is being handled is the context of what is raised; a chain never becomes a ring. */
static void set_context(struct object *o) {
    if (!rt_handling || rt_handling == o)
        return;
    for (struct object *at = rt_handling; context_of(at); at = context_of(at))
        if (context_of(at) == o) {
            at->history->context = NULL;
            break;
        }
    if (!o->history)
        new_history(o, 0);
    o->history->context = rt_handling;
}

static void raise_object(struct object *o) {
    rt_exc = o;
    bring_trace(o);
    set_context(o);
}

void rt_error_str(enum raised class, struct str *text) {
    struct object *o = rt_object_new(rt.classes[class]);
    o->fields[0] = of_pointer(text);
    raise_object(o);
}

void rt_error(enum raised class, const char *text) {
    rt_error_str(class, rt_str_ascii(text));
}

RT_API void rt_raise(struct object *o) {
    raise_object(o);
}

/* raise o from cause, which may be None. */
RT_API void rt_raise_from(struct object *o, struct object *cause) {
    raise_object(o);
    if (!o->history)
        new_history(o, 0);
    o->history->cause = cause;
    o->history->hides_context = 1;
}

RT_API void rt_reraise(struct object *o) {
    rt_exc = o;
    bring_trace(o);
}

RT_API struct object *rt_catch(void) {
    struct object *caught = rt_exc;
    keep_trace(caught);
    rt_exc = NULL;
    return caught;
}

/* For handlers that do nothing to it: where none is for it, it goes on. */
RT_API struct object *rt_catch_quietly(void) {
    struct object *caught = rt_exc;
    rt_exc = NULL;
    return caught;
}

RT_API void rt_pass_on(struct object *o) {
    rt_exc = o;
}

RT_API void rt_raise_division(void) {
    rt_error(ZERO_DIVISION, "division by zero");
}

RT_API void rt_raise_list_index(void) {
    rt_error(INDEX_ERROR, "list index out of range");
}

RT_API void rt_raise_list_assign(void) {
    rt_error(INDEX_ERROR, "list assignment index out of range");
}

RT_API void rt_raise_empty(int32_t max) {
    rt_error(VALUE_ERROR,
             max ? "max() iterable argument is empty" : "min() iterable argument is empty");
}

RT_API void rt_raise_assertion(void *message, int32_t there) {
    struct object *o = rt_object_new(rt.classes[ASSERTION_ERROR]);
    if (there && !message)
        rt_bail(); /* assert x, None */
    o->fields[0] = of_pointer(message);
    raise_object(o);
}

/* Called with several arguments: what str() of it is, is not kept. */
RT_API void rt_many_arguments(struct object *o) {
    o->fields[0] = of_pointer(o);
}

RT_API void rt_trace(uint32_t place) {
    if (rt.traced < TRACE_MAX)
        rt.trace[rt.traced++] = place;
}

/* The text of an exception: str(e) of any message. */
struct str *rt_exception_text(struct object *o) {
    void *message = to_pointer(o->fields[0]);
    if (message == o)
        rt_bail();
    if (!message)
        return rt_str_ascii("");
    if (rt_is_instance(o, rt.classes[KEY_ERROR]))
        return rt_repr(of_pointer(message), &rt_desc_any);
    return rt_str(of_pointer(message), &rt_desc_any);
}

static void put_error(const struct str *s) {
    write_all(2, s->bytes, s->size);
}

static void put_text(const char *text) {
    write_all(2, (const uint8_t *)text, (uint32_t)__builtin_strlen(text));
}

/* A line that stands there more often than it is shown. */
static void put_repeated(uint32_t same) {
    if (same <= REPEATS)
        return;
    put_text("  [Previous line repeated ");
    put_error(rt_str_of_int(same - REPEATS));
    put_text(same == REPEATS + 1 ? " more time]\n" : " more times]\n");
}

static void print_trace(const struct history *h) {
    const struct place *last = NULL;
    uint32_t same = 0;
    for (uint32_t i = h->count; i-- > 0;) {
        const struct place *place = &rt.places[h->places[i]];
        if (last && last->line == place->line && last->function == place->function) {
            if (++same > REPEATS)
                continue;
        } else {
            put_repeated(same);
            same = 1;
        }
        last = place;
        put_text("  File \"");
        put_error(rt.filename);
        put_text("\", line ");
        put_error(rt_str_of_int(place->line));
        put_text(", in ");
        put_error(place->function);
        put_text("\n");
        write_all(2, place->text, place->size);
    }
    put_repeated(same);
}

typedef struct str *text_fn(struct object *);

/* What the last line says.  Messages are texts, nearly always, and the rest is worth no more code
 * in every module: the interpreter shows it. */
static struct str *last_words(struct object *o) {
    void *message = to_pointer(o->fields[0]);
    if (o->class->specials[SPECIAL_STR])
        return ((text_fn *)(uintptr_t)o->class->specials[SPECIAL_STR])(o);
    if (!message)
        return rt_str_ascii("");
    bool shown = rt_is_instance(o, rt.classes[KEY_ERROR]);
    if (message == o)
        rt_bail();
    if (KIND(message) == STR)
        return shown ? rt_str_repr(message) : message;
    if (KIND(message) != INT)
        rt_bail();
    return rt_str_of_int(((struct box *)message)->i);
}

static void print_one(struct object *o, const struct str *words) {
    if (o->history) {
        put_text("Traceback (most recent call last):\n");
        print_trace(o->history);
    }
    put_error(o->class->name);
    if (words->size) {
        put_text(": ");
        put_error(words);
    }
    put_text("\n");
}

/* What it was raised from, or while handling; NULL for the first of a chain. */
static struct object *before(const struct object *o, bool *ret_cause) {
    const struct history *h = o->history;
    *ret_cause = h && h->cause;
    return !h ? NULL : h->cause ? h->cause : h->hides_context ? NULL : h->context;
}

/* What is no Exception ends a program in ways of its own: SystemExit with its code, without a word.
 */
static void need_exception(const struct class *class) {
    while (class->base && class->base->base)
        class = class->base;
    if (!class->base || !rt_str_equal(class->name, rt_str_ascii("Exception")))
        rt_bail();
}

static _Noreturn void uncaught(void) {
    need_exception(rt_exc->class);
    struct object *chain[CHAIN_MAX];
    struct str *words[CHAIN_MAX];
    bool caused[CHAIN_MAX];
    uint32_t count = 0;
    rt_no_gc++; /* the chain is in no frame */
    keep_trace(rt_exc);
    for (struct object *o = rt_exc; o; o = before(o, &caused[count++])) {
        for (uint32_t i = 0; i < count; i++)
            if (chain[i] == o)
                rt_bail(); /* a ring, which Python cuts */
        if (count == CHAIN_MAX || (o->history && o->history->count == TRACE_MAX))
            rt_bail();
        chain[count] = o;
    }
    rt_exc = NULL;
    for (uint32_t i = 0; i < count; i++) {
        words[i] = last_words(chain[i]);
        if (rt_exc)
            rt_bail();
    }
    rt_flush();
    for (uint32_t i = count; i-- > 0;) {
        print_one(chain[i], words[i]);
        if (i)
            put_text(caused[i - 1] ? "\nThe above exception was the direct cause of the following "
                                     "exception:\n\n"
                                   : "\nDuring handling of the above exception, another exception "
                                     "occurred:\n\n");
    }
    proc_exit(1);
}

/* The end of a program that cannot raise. */
RT_API void rt_finish_plain(void) {
    rt_flush();
    proc_exit(0);
}

RT_API void rt_finish(void) {
    if (rt_exc)
        uncaught();
    rt_finish_plain();
}
