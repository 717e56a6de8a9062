/*
 * Wasmtime's backtraces to ours.  Its C API gives files and lines only as text:
 *
 *     error while executing at wasm backtrace:
 *         0:   0x1b - module!function                     no debug information
 *         1:   0x2a - inlined function                    with it
 *                         at /src/a.c:3:5
 *                     - function that it was inlined into
 *                         at /src/a.c:9:1
 *
 *     Caused by: ...
 *
 * Each function becomes one line, numbered from the innermost:
 *
 *       #0 function @ wasm offset 0x1b
 *       #1 inlined function (/src/a.c:3:5)
 *
 * Wasmtime's demangler takes any name for a C++ one: `f` becomes "float".  So a name that is not
 * mangled is taken from the frame itself, which names the function that the frame is of: the last
 * of the functions in its text.
 *
 * Names and paths come from the module.  They may contain anything, line breaks included; the worst
 * that they can do is to make lines of their own backtrace.
 */
#include "engine/internal.h"

#define MAX_FRAMES    64
#define ENGINE_FRAMES 20 /* Wasmtime looks at so many, and the C API cannot change it */
#define MORE_ROOM     32

struct span {
    const char *at;
    size_t size;
};

struct frame {
    struct span name, place, offset;
    size_t index;
    bool open; /* a name was read */
};

struct writer {
    char *out;
    size_t room, used;
    unsigned lines;   /* written */
    unsigned skipped; /* that did not fit */
    const wasm_frame_vec_t *frames;
    struct frame frame;
};

static bool starts(struct span span, const char *prefix) {
    size_t length = strlen(prefix);
    return length && span.size >= length && memcmp(span.at, prefix, length) == 0;
}

static void skip(struct span *span, size_t size) {
    size = PA_MIN(size, span->size);
    span->at += size;
    span->size -= size;
}

static bool take(struct span *span, const char *prefix) {
    if (!starts(*span, prefix))
        return false;
    skip(span, strlen(prefix));
    return true;
}

static void skip_spaces(struct span *span) {
    while (take(span, " "))
        ;
}

static struct span until(const struct span *span, char end) {
    const char *found = span->size ? memchr(span->at, end, span->size) : NULL;
    return (struct span){span->at, found ? (size_t)(found - span->at) : span->size};
}

/* Without debug information the name is "module!function"; the module is the only one there is. */
static void drop_module(struct frame *frame) {
    if (frame->place.size)
        return;
    struct span module = until(&frame->name, '!');
    if (module.size < frame->name.size)
        skip(&frame->name, module.size + 1);
}

static bool is_mangled(struct span name) {
    return starts(name, "_Z") || starts(name, "__Z") || starts(name, "_R");
}

/* The last function of a frame is the frame's own. */
static void use_plain_name(struct writer *writer) {
    struct frame *frame = &writer->frame;
    if (!frame->open || frame->index >= writer->frames->size)
        return;
    const wasm_name_t *name = wasmtime_frame_func_name(writer->frames->data[frame->index]);
    if (name && name->size && !is_mangled((struct span){name->data, name->size}))
        frame->name = (struct span){name->data, name->size};
}

static void write_frame(struct writer *writer) {
    struct frame *frame = &writer->frame;
    if (!frame->open)
        return;
    char line[1024];
    int n = frame->place.size
                ? snprintf(line, sizeof(line), "  #%u %.*s (%.*s)\n", writer->lines,
                           (int)PA_MIN(frame->name.size, (size_t)400), frame->name.at,
                           (int)PA_MIN(frame->place.size, (size_t)400), frame->place.at)
                : snprintf(line, sizeof(line), "  #%u %.*s @ wasm offset %.*s\n", writer->lines,
                           (int)PA_MIN(frame->name.size, (size_t)400), frame->name.at,
                           (int)PA_MIN(frame->offset.size, (size_t)20), frame->offset.at);
    frame->open = false;
    if (writer->skipped || writer->lines == MAX_FRAMES ||
        writer->used + (size_t)n + MORE_ROOM > writer->room) {
        writer->skipped++;
        return;
    }
    for (int i = 0; i < n - 1; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    memcpy(writer->out + writer->used, line, (size_t)n + 1);
    writer->used += (size_t)n;
    writer->lines++;
}

static void end_frame(struct writer *writer) {
    drop_module(&writer->frame);
    use_plain_name(writer);
    write_frame(writer);
}

/* "  12:   0x1b - name": a frame of the stack.  False if the line is none. */
static bool read_frame(struct writer *writer, struct span line) {
    skip_spaces(&line);
    struct span number = until(&line, ':');
    if (number.size == 0 || number.size > 3 || number.size == line.size)
        return false;
    size_t index = 0;
    for (size_t i = 0; i < number.size; i++) {
        if (number.at[i] < '0' || number.at[i] > '9')
            return false;
        index = index * 10 + (size_t)(number.at[i] - '0');
    }
    skip(&line, number.size + 1);
    skip_spaces(&line);
    struct span offset = until(&line, ' ');
    if (!starts(offset, "0x"))
        return false;
    skip(&line, offset.size);
    if (!take(&line, " - "))
        return false;
    end_frame(writer);
    writer->frame = (struct frame){.name = line, .offset = offset, .index = index, .open = true};
    return true;
}

void pa_backtrace_format(const char *text, size_t size, const wasm_frame_vec_t *frames, char *out,
                         size_t room) {
    PA_ASSERT(room > MORE_ROOM);
    struct writer writer = {.out = out, .room = room, .frames = frames};
    struct span rest = {text, size};
    unsigned count = 0;
    out[0] = 0;
    if (!starts(rest, "error while executing at wasm backtrace:"))
        return;
    while (rest.size) {
        struct span line = until(&rest, '\n');
        skip(&rest, line.size + 1);
        if (starts(line, "Caused by:"))
            break;
        if (read_frame(&writer, line)) {
            count++;
            continue;
        }
        struct span word = line;
        skip_spaces(&word);
        if (take(&word, "at ") && writer.frame.open) {
            writer.frame.place = word;
        } else if (take(&word, "- ") && writer.frame.open) {
            struct frame next = writer.frame;
            write_frame(&writer);
            next.name = word;
            next.place.size = 0;
            writer.frame = next;
        }
    }
    end_frame(&writer);
    if (writer.skipped)
        snprintf(out + writer.used, room - writer.used, "  ... %u more\n", writer.skipped);
    else if (count >= ENGINE_FRAMES - 1) /* a frame that overflowed the stack may have no name */
        snprintf(out + writer.used, room - writer.used, "  ... (%d frames at most)\n",
                 ENGINE_FRAMES);
}
