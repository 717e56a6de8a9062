/*
 * Lines for the prompt: from a terminal through libedit, with a history that outlives us; from
 * anything else byte by byte, so that nothing is read that the next line does not need.
 *
 * Signals are blocked and come through a descriptor (pa_signals_open), also while a line is
 * edited: the function that gives libedit its characters waits for both.
 */
#include "cli/cli.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_ENTRIES 1000

struct pa_prompt {
    int cancel_fd;
    char *history_file; /* NULL: it is not kept */
    EditLine *editor;   /* NULL: there is no terminal */
    History *history;
    const char *text;
    bool cancelled;
};

/* 1 with a byte, 0 at the end of input, -1 when cancel_fd is readable first. */
static int read_byte(struct pa_prompt *prompt, char *ret) {
    for (;;) {
        struct pollfd polled[] = {{.fd = prompt->cancel_fd, .events = POLLIN},
                                  {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(polled, PA_ARRAY_LEN(polled), -1) < 0 && errno == EINTR)
            continue;
        if (polled[0].revents)
            return -1;
        ssize_t n = read(STDIN_FILENO, ret, 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        return n > 0;
    }
}

/* For libedit: one character, which may be several bytes; bytes that are none are passed over. */
static int read_character(EditLine *editor, wchar_t *ret) {
    struct pa_prompt *prompt;
    mbstate_t state = {0};
    el_get(editor, EL_CLIENTDATA, &prompt);
    for (;;) {
        char byte;
        int got = read_byte(prompt, &byte);
        if (got <= 0) {
            prompt->cancelled = got < 0;
            return got < 0 ? -1 : 0;
        }
        size_t size = mbrtowc(ret, &byte, 1, &state);
        if (size == (size_t)-1)
            state = (mbstate_t){0};
        else if (size != (size_t)-2)
            return 1;
    }
}

static char *prompt_text(EditLine *editor) {
    struct pa_prompt *prompt;
    el_get(editor, EL_CLIENTDATA, &prompt);
    return (char *)(uintptr_t)prompt->text;
}

static void set_up(struct pa_prompt *prompt) {
    HistEvent event;
    /* Characters are UTF-8 here whatever the locale is called. */
    if (!setlocale(LC_CTYPE, "") || !pa_streq(nl_langinfo(CODESET), "UTF-8"))
        setlocale(LC_CTYPE, "C.UTF-8");
    prompt->editor = el_init("polyagent", stdin, stdout, stderr);
    if (!prompt->editor)
        return;
    el_set(prompt->editor, EL_CLIENTDATA, prompt);
    el_set(prompt->editor, EL_PROMPT, prompt_text);
    el_set(prompt->editor, EL_EDITOR, "emacs");
    el_set(prompt->editor, EL_GETCFN, read_character);
    el_set(prompt->editor, EL_BIND, "^I", "ed-insert", NULL); /* a tab indents */
    el_set(prompt->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    prompt->history = history_init();
    if (!prompt->history)
        return;
    history(prompt->history, &event, H_SETSIZE, HISTORY_ENTRIES);
    history(prompt->history, &event, H_SETUNIQUE, 1);
    el_set(prompt->editor, EL_HIST, history, prompt->history);
    if (prompt->history_file)
        history(prompt->history, &event, H_LOAD, prompt->history_file);
}

struct pa_prompt *pa_prompt_new(const char *history_file, int cancel_fd) {
    struct pa_prompt *prompt = pa_xcalloc(1, sizeof(*prompt));
    prompt->cancel_fd = cancel_fd;
    prompt->history_file = history_file ? pa_xstrdup(history_file) : NULL;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        set_up(prompt);
    return prompt;
}

struct pa_prompt *pa_prompt_free(struct pa_prompt *prompt) {
    HistEvent event;
    if (prompt->history && prompt->history_file) {
        mode_t mask = umask(0077);
        history(prompt->history, &event, H_SAVE, prompt->history_file);
        umask(mask);
    }
    if (prompt->editor)
        el_end(prompt->editor);
    if (prompt->history)
        history_end(prompt->history);
    free(prompt->history_file);
    free(prompt);
    return NULL;
}

static enum pa_prompt_end read_plain(struct pa_prompt *prompt, struct pa_buf *line) {
    char byte;
    for (size_t size = 0;; size++) {
        int got = read_byte(prompt, &byte);
        if (got < 0)
            return PA_PROMPT_CANCELLED;
        if (got == 0 && size == 0)
            return PA_PROMPT_EOF;
        if (got == 0 || byte == '\n')
            return PA_PROMPT_LINE;
        pa_buf_append(line, &byte, 1);
    }
}

enum pa_prompt_end pa_prompt_read(struct pa_prompt *prompt, const char *text, struct pa_buf *line) {
    if (!prompt->editor)
        return read_plain(prompt, line);
    int count = 0;
    prompt->text = text;
    prompt->cancelled = false;
    el_resize(prompt->editor);
    const char *got = el_gets(prompt->editor, &count);
    if (prompt->cancelled) {
        fputs("^C\n", stdout);
        el_set(prompt->editor, EL_UNBUFFERED, 0);
        return PA_PROMPT_CANCELLED;
    }
    if (!got || count <= 0) {
        fputs("\n", stdout);
        return PA_PROMPT_EOF;
    }
    size_t size = (size_t)count;
    while (size && (got[size - 1] == '\n' || got[size - 1] == '\r'))
        size--;
    pa_buf_append(line, got, size);
    return PA_PROMPT_LINE;
}

/* Line by line: an entry of several lines cannot be edited as one. */
void pa_prompt_remember(struct pa_prompt *prompt, const char *text) {
    HistEvent event;
    while (prompt->history && *text) {
        size_t size = strcspn(text, "\n");
        PA_CLEANUP(pa_freep) char *line = pa_xasprintf("%.*s", (int)size, text);
        if (line[strspn(line, " \t")])
            history(prompt->history, &event, H_ENTER, line);
        text += size + (text[size] == '\n');
    }
}
