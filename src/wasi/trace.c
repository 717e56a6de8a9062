/*
 * One line for a call that has returned, at wasi=trace: name, arguments, result.
 *
 *     path_open(fd=5, "x/y", oflags=CREAT|TRUNC, rights=0x2, inheriting=0x0) = 0 fd=7
 *
 * imports.h says how each argument is shown.  Flags that are 0 are left out.  Memory is read again
 * here, after the call: what is shown is for people, nothing follows from it.
 */
#include "base/log.h"
#include "wasi/host.h"
#include <inttypes.h>
#include <stdarg.h>

#define PATH_SHOWN 160

static const char *const errno_names[] = {
    "0",
    "E2BIG",
    "EACCES",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "EAFNOSUPPORT",
    "EAGAIN",
    "EALREADY",
    "EBADF",
    "EBADMSG",
    "EBUSY",
    "ECANCELED",
    "ECHILD",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EDEADLK",
    "EDESTADDRREQ",
    "EDOM",
    "EDQUOT",
    "EEXIST",
    "EFAULT",
    "EFBIG",
    "EHOSTUNREACH",
    "EIDRM",
    "EILSEQ",
    "EINPROGRESS",
    "EINTR",
    "EINVAL",
    "EIO",
    "EISCONN",
    "EISDIR",
    "ELOOP",
    "EMFILE",
    "EMLINK",
    "EMSGSIZE",
    "EMULTIHOP",
    "ENAMETOOLONG",
    "ENETDOWN",
    "ENETRESET",
    "ENETUNREACH",
    "ENFILE",
    "ENOBUFS",
    "ENODEV",
    "ENOENT",
    "ENOEXEC",
    "ENOLCK",
    "ENOLINK",
    "ENOMEM",
    "ENOMSG",
    "ENOPROTOOPT",
    "ENOSPC",
    "ENOSYS",
    "ENOTCONN",
    "ENOTDIR",
    "ENOTEMPTY",
    "ENOTRECOVERABLE",
    "ENOTSOCK",
    "ENOTSUP",
    "ENOTTY",
    "ENXIO",
    "EOVERFLOW",
    "EOWNERDEAD",
    "EPERM",
    "EPIPE",
    "EPROTO",
    "EPROTONOSUPPORT",
    "EPROTOTYPE",
    "ERANGE",
    "EROFS",
    "ESPIPE",
    "ESRCH",
    "ESTALE",
    "ETIMEDOUT",
    "ETXTBSY",
    "EXDEV",
    "ENOTCAPABLE",
};
_Static_assert(PA_ARRAY_LEN(errno_names) == WASI_ENOTCAPABLE + 1, "a name for each WASI errno");

const char *wasi_errno_name(wasi_errno errnum) {
    return errnum < PA_ARRAY_LEN(errno_names) ? errno_names[errnum] : "?";
}

static const char *const call_names[] = {
#define X(name, params, has_result, trace) #name,
    WASI_IMPORTS(X)
#undef X
};

static const char *const call_formats[] = {
#define X(name, params, has_result, trace) trace,
    WASI_IMPORTS(X)
#undef X
};

/* A line of bounded length: what does not fit is left out. */
struct line {
    char text[1024];
    size_t size;
};

PA_PRINTF(2, 3) static void add(struct line *line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(line->text + line->size, sizeof line->text - line->size, fmt, args);
    va_end(args);
    if (size > 0)
        line->size = PA_MIN(line->size + (size_t)size, sizeof line->text - 1);
}

static void add_path(struct line *line, const struct pa_guest_memory *memory, uint32_t address,
                     uint32_t size) {
    uint8_t *at;
    if (!wasi_span(memory, address, size, &at)) {
        add(line, "%#" PRIx32 "[%" PRIu32 "]", address, size);
        return;
    }
    add(line, "\"");
    for (uint32_t i = 0; i < PA_MIN(size, (uint32_t)PATH_SHOWN); i++) {
        if (at[i] < 0x20 || at[i] == 0x7f || at[i] == '"' || at[i] == '\\')
            add(line, "\\x%02x", at[i]);
        else
            add(line, "%c", at[i]);
    }
    add(line, size > PATH_SHOWN ? "\"..." : "\"");
}

static void add_flags(struct line *line, const char *names, uint64_t flags) {
    uint64_t bit = 1;
    const char *separator = "";
    for (; *names; bit <<= 1) {
        size_t size = strcspn(names, "|");
        if (flags & bit)
            add(line, "%s%.*s", separator, (int)size, names);
        if (flags & bit)
            separator = "|";
        names += size + (names[size] == '|');
    }
    if (flags & ~(bit - 1))
        add(line, "%s%#" PRIx64, separator, flags & ~(bit - 1));
}

static void add_choice(struct line *line, const char *const *names, size_t count, uint64_t value) {
    if (value < count)
        add(line, "%s", names[value]);
    else
        add(line, "%" PRIu64, value);
}

/* The names of a kind of flags, or NULL. */
static const char *flag_names(char kind) {
    switch (kind) {
    case 'L':
        return "SYMLINK_FOLLOW";
    case 'O':
        return "CREAT|DIRECTORY|EXCL|TRUNC";
    case 'F':
        return "APPEND|DSYNC|NONBLOCK|RSYNC|SYNC";
    case 'T':
        return "ATIM|ATIM_NOW|MTIM|MTIM_NOW";
    default:
        return NULL;
    }
}

/* Adds the argument of one kind and returns how many raw arguments it took. */
static unsigned add_argument(struct line *line, char kind, const struct pa_guest_memory *memory,
                             const uint64_t *args) {
    static const char *const whences[] = {"SET", "CUR", "END"};
    static const char *const clocks[] = {"REALTIME", "MONOTONIC", "PROCESS_CPU", "THREAD_CPU"};
    static const char *const advices[] = {"NORMAL",   "SEQUENTIAL", "RANDOM",
                                          "WILLNEED", "DONTNEED",   "NOREUSE"};
    const char *flags = flag_names(kind);
    if (flags)
        add_flags(line, flags, args[0]);
    else if (kind == 'p')
        add_path(line, memory, wasi_arg32(args, 0), wasi_arg32(args, 1));
    else if (kind == 'v')
        add(line, "%" PRIu32, wasi_arg32(args, 1));
    else if (kind == 'W')
        add_choice(line, whences, PA_ARRAY_LEN(whences), args[0]);
    else if (kind == 'C')
        add_choice(line, clocks, PA_ARRAY_LEN(clocks), args[0]);
    else if (kind == 'A')
        add_choice(line, advices, PA_ARRAY_LEN(advices), args[0]);
    else if (kind == 'i')
        add(line, "%" PRId64, (int64_t)args[0]);
    else if (kind == 'd')
        add(line, "%" PRId32, (int32_t)args[0]);
    else if (kind == 'x')
        add(line, "0x%" PRIx64, args[0]);
    else
        add(line, "%" PRIu64, args[0]);
    return kind == 'p' || kind == 'v' ? 2 : 1;
}

static void add_result(struct line *line, const struct pa_guest_memory *memory, bool wide,
                       uint32_t address, const char *label, size_t label_size) {
    uint8_t *at;
    if (wasi_span(memory, address, wide ? 8 : 4, &at))
        add(line, " %.*s=%" PRIu64, (int)label_size, label,
            wide ? wasi_get_u64(at) : wasi_get_u32(at));
}

void wasi_trace_call(const struct pa_guest_memory *memory, enum wasi_call call,
                     const uint64_t *args, wasi_errno result) {
    struct line line = {0}, results = {0};
    const char *separator = "";
    add(&line, "%s(", call_names[call]);
    for (const char *at = call_formats[call]; *at; at += *at == ' ') {
        bool is_result = *at == '>';
        at += is_result;
        char kind = *at;
        const char *label = at + 2; /* past "K:" */
        size_t label_size = strcspn(label, " ");
        at = label + label_size;
        bool hidden = kind == '_' || (flag_names(kind) && args[0] == 0);
        if (is_result)
            add_result(&results, memory, kind == 'U', wasi_arg32(args, 0), label, label_size);
        if (is_result || hidden) {
            args++;
            continue;
        }
        add(&line, "%s", separator);
        separator = ", ";
        if (label_size)
            add(&line, "%.*s=", (int)label_size, label);
        args += add_argument(&line, kind, memory, args);
    }
    add(&line, ") = %s%s", wasi_errno_name(result), result ? "" : results.text);
    pa_log(PA_LOG_TRACE, "wasi", "%s", line.text);
}
