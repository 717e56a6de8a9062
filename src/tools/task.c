/*
 * A task is cut into what is said and what is meant to run:
 *
 *     said ``` tag, newline, code ``` said        fenced
 *     said `code` said                            in a line
 *     said: code                                  up to the end
 *
 * What is said decides the tool: a tool's name is stronger than the tag, and that than the name of
 * a language.  In the last two forms each word of it must be one of those below, for "Write Python
 * that does the following: ..." also has a colon; fenced code with a tag is meant to run unless a
 * word says that something else is to be done with it.
 */
#include "tools/task.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "lang/pack.h"
#include "tools/tools_internal.h"
#include <ctype.h>

#define DEFAULT_LANGUAGE "python"
#define MODULE_TAG       "wat"

struct span {
    const char *at;
    size_t size;
};

struct cut {
    struct span before, after; /* what is said */
    struct span tag, code;     /* code.at NULL: there is none */
    bool fenced;
};

/* --- cutting --- */

static struct span trim(struct span span) {
    while (span.size && isspace((unsigned char)span.at[0])) {
        span.at++;
        span.size--;
    }
    while (span.size && isspace((unsigned char)span.at[span.size - 1]))
        span.size--;
    return span;
}

static const char *find(const char *at, const char *end, const char *what) {
    return memmem(at, (size_t)(end - at), what, strlen(what));
}

static bool is_tag(char c) {
    return isalnum((unsigned char)c) || c == '+' || c == '#' || c == '.' || c == '-' || c == '_';
}

/* The fence that closes: at the beginning of a line, but for blanks. */
static const char *find_close(const char *at, const char *end) {
    for (const char *line = at; line < end;) {
        const char *text = line;
        while (text < end && (*text == ' ' || *text == '\t'))
            text++;
        if (end - text >= 3 && memcmp(text, "```", 3) == 0)
            return line;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline ? newline + 1 : end;
    }
    return end;
}

static const char *past_fence(const char *at, const char *end) {
    const char *fence = find(at, end, "```");
    return fence ? fence + 3 : end;
}

static bool cut_fenced(struct span text, struct cut *ret) {
    const char *end = text.at + text.size;
    const char *open = find(text.at, end, "```");
    if (!open)
        return false;
    const char *tag = open + 3, *code = tag;
    while (code < end && is_tag(*code))
        code++;
    *ret = (struct cut){.before = {text.at, (size_t)(open - text.at)},
                        .tag = {tag, (size_t)(code - tag)},
                        .fenced = true};
    while (code < end && (*code == ' ' || *code == '\t' || *code == '\r'))
        code++;
    const char *close;
    if (code < end && *code == '\n') {
        close = find_close(++code, end);
    } else { /* all in one line */
        close = find(code, end, "```");
        close = close ? close : end;
    }
    const char *rest = past_fence(close, end);
    ret->code = (struct span){code, (size_t)(close - code)};
    ret->after = (struct span){rest, (size_t)(end - rest)};
    return true;
}

static bool cut_in_line(struct span text, struct cut *ret) {
    const char *end = text.at + text.size;
    const char *open = memchr(text.at, '`', text.size);
    const char *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
    if (!close)
        return false;
    *ret = (struct cut){.before = {text.at, (size_t)(open - text.at)},
                        .code = {open + 1, (size_t)(close - open - 1)},
                        .after = {close + 1, (size_t)(end - close - 1)}};
    return true;
}

static bool cut_at_colon(struct span text, struct cut *ret) {
    const char *colon = memchr(text.at, ':', text.size);
    if (!colon)
        return false;
    const char *code = colon + 1, *end = text.at + text.size;
    if (code < end && *code == ' ')
        code++;
    else
        while (code < end && (*code == '\n' || *code == '\r'))
            code++;
    *ret = (struct cut){.before = {text.at, (size_t)(colon - text.at)},
                        .code = {code, (size_t)(end - code)}};
    return true;
}

/* --- what is said --- */

static const char *const run_words[] = {"run", "runs", "execute", "exec", "evaluate", "eval"};
static const char *const filler[] = {
    "a",         "all",      "an",      "and",    "answer", "as",         "block",     "by",
    "call",      "can",      "code",    "could",  "does",   "expression", "following", "for",
    "from",      "get",      "give",    "here",   "i",      "in",         "input",     "is",
    "it",        "language", "let",     "me",     "my",     "next",       "now",       "of",
    "on",        "out",      "output",  "please", "print",  "prints",     "program",   "result",
    "results",   "return",   "sandbox", "script", "see",    "show",       "snippet",   "source",
    "statement", "tell",     "that",    "the",    "then",   "these",      "this",      "to",
    "tool",      "try",      "use",     "using",  "via",    "wasi",       "wasm",      "what",
    "with",      "would",    "you",     "your"};
static const char *const other_deeds[] = {
    "add",      "change",    "complete",  "convert",   "correct",  "create",
    "debug",    "describe",  "explain",   "extend",    "finish",   "fix",
    "generate", "implement", "improve",   "modify",    "optimise", "optimize",
    "port",     "refactor",  "repair",    "replace",   "review",   "rewrite",
    "simplify", "summarise", "summarize", "translate", "write"};

static bool is_among(struct span word, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == word.size && strncasecmp(list[i], word.at, word.size) == 0)
            return true;
    return false;
}

#define AMONG(word, list) is_among(word, list, PA_ARRAY_LEN(list))

/* The next word: letters, digits and what the names of tools and languages have. */
static bool next_word(struct span *rest, struct span *ret) {
    while (rest->size && !isalnum((unsigned char)rest->at[0]) && !(rest->at[0] & 0x80)) {
        rest->at++;
        rest->size--;
    }
    size_t size = 0;
    while (size < rest->size && (is_tag(rest->at[size]) || (rest->at[size] & 0x80)))
        size++;
    *ret = (struct span){rest->at, size};
    rest->at += size;
    rest->size -= size;
    while (ret->size && strchr(".-+", ret->at[ret->size - 1]))
        ret->size--; /* the end of a sentence */
    return size > 0;
}

static const struct pa_tool *tool_named(const struct pa_toolbox *toolbox, struct span word) {
    for (size_t i = 0; i < toolbox->count; i++)
        if (is_among(word, &toolbox->tools[i].name, 1))
            return &toolbox->tools[i];
    return NULL;
}

static bool names_pack(const struct pa_pack *pack, struct span word) {
    return is_among(word, (const char *const[]){pack->name}, 1) ||
           is_among(word, (const char *const *)pack->aliases, pa_strv_count(pack->aliases));
}

/* What people call languages that a pack does not. */
static struct span usual_name(struct span word) {
    static const struct {
        const char *said, *name;
    } rows[] = {{"node", "javascript"},       {"nodejs", "javascript"}, {"node.js", "javascript"},
                {"ecmascript", "javascript"}, {"cpython", "python"},    {"py3", "python"}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        if (is_among(word, &rows[i].said, 1))
            return (struct span){rows[i].name, strlen(rows[i].name)};
    return word;
}

/* The executor of the language that the word is a name of, or NULL. */
static const struct pa_tool *tool_of_language(const struct pa_toolbox *toolbox, struct span word) {
    const struct span name = usual_name(word);
    for (size_t i = 0; i < toolbox->count; i++) {
        const struct pa_tool_entry *entry = &toolbox->entries[i];
        if (entry->pack && !entry->own_interpreter && names_pack(entry->pack, name))
            return &toolbox->tools[i];
    }
    return is_among(word, (const char *const[]){MODULE_TAG, "webassembly"}, 2)
               ? pa_toolbox_find(toolbox, "code_executor")
               : NULL;
}

struct said {
    const struct pa_tool *tool, *by_language;
    bool runs;       /* something is to be run */
    bool expression; /* ... for its value */
    bool only_that;  /* no word says anything else */
    bool other_deed;
};

static void read_words(const struct pa_toolbox *toolbox, struct span text, struct said *said) {
    struct span word;
    while (next_word(&text, &word)) {
        const struct pa_tool *tool = tool_named(toolbox, word);
        const struct pa_tool *by_language = tool ? NULL : tool_of_language(toolbox, word);
        const bool runs = AMONG(word, run_words);
        said->runs |= runs || tool;
        said->expression |= AMONG(word, ((const char *const[]){"evaluate", "eval", "expression"}));
        said->other_deed |= AMONG(word, other_deeds);
        said->only_that &= runs || tool || by_language || AMONG(word, filler);
        if (tool && !said->tool)
            said->tool = tool;
        if (by_language && !said->by_language)
            said->by_language = by_language;
    }
}

/* --- routing --- */

static json_t *parameters_of(const struct pa_tool *tool, struct span code, bool expression) {
    if (pa_streq(tool->name, "code_executor")) {
        const struct span module = trim(code);
        if (module.size && module.at[0] != '(' && module.at[0] != ';') /* base64 already */
            return json_pack("{s:s%}", "wasm_base64", module.at, module.size);
        PA_CLEANUP(pa_freep) char *text = pa_base64_encode(code.at, code.size);
        return json_pack("{s:s}", "wasm_base64", text);
    }
    json_t *parameters = json_pack("{s:s%}", "code", code.at, code.size);
    if (expression && !pa_streq(tool->name, "python_wasi_runner"))
        json_object_set_new(parameters, "mode", json_string("expression"));
    return parameters;
}

/* True where the cut is one of those that are run by rule. */
static bool accept(const struct pa_toolbox *toolbox, const struct cut *cut, struct pa_task *ret) {
    struct said said = {.only_that = true};
    read_words(toolbox, cut->before, &said);
    read_words(toolbox, cut->after, &said);
    const struct pa_tool *tagged = cut->tag.size ? tool_of_language(toolbox, cut->tag) : NULL;
    const struct pa_tool *tool = said.tool ? said.tool : tagged ? tagged : said.by_language;
    const bool meant = cut->fenced ? tool && !said.other_deed : tool && said.runs && said.only_that;
    if (!meant || !trim(cut->code).size)
        return false;
    ret->tool = tool;
    ret->parameters = parameters_of(tool, cut->code, said.expression && !cut->fenced);
    return true;
}

/* Whose code a model is to write. */
static int find_language(const struct pa_toolbox *toolbox, struct span text, struct pa_task *ret,
                         struct pa_error *err) {
    struct said said = {.only_that = true};
    read_words(toolbox, text, &said);
    const struct pa_tool *tool = said.tool ? said.tool : said.by_language;
    if (!tool || pa_streq(tool->name, "code_executor"))
        tool = tool_of_language(toolbox, (struct span){DEFAULT_LANGUAGE, strlen(DEFAULT_LANGUAGE)});
    if (!tool)
        return pa_fail(err, PA_ERR_NOT_FOUND,
                       "there is no tool for the language " DEFAULT_LANGUAGE);
    ret->tool = tool;
    return 0;
}

static int check_text(struct span text, struct pa_error *err) {
    if (text.size > PA_TASK_MAX_BYTES)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a task has at most %u bytes, this has %zu",
                       PA_TASK_MAX_BYTES, text.size);
    if (!trim(text).size)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the task is empty");
    for (size_t at = 0, n; at < text.size; at += n)
        if (!(n = pa_utf8_sequence((const uint8_t *)text.at + at, text.size - at)))
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the task is not UTF-8 at byte %zu", at);
    return 0;
}

int pa_task_route(const struct pa_toolbox *toolbox, const char *text, size_t size,
                  struct pa_task *ret, struct pa_error *err) {
    const struct span all = {text, size};
    struct cut cut;
    *ret = (struct pa_task){0};
    if (check_text(all, err) < 0)
        return -1;
    if (cut_fenced(all, &cut)) {
        if (accept(toolbox, &cut, ret))
            return 0;
    } else if ((cut_at_colon(all, &cut) && accept(toolbox, &cut, ret)) ||
               (cut_in_line(all, &cut) && accept(toolbox, &cut, ret))) {
        return 0;
    }
    return find_language(toolbox, all, ret, err);
}

void pa_task_done(struct pa_task *task) {
    json_decref(task->parameters);
    *task = (struct pa_task){0};
}

/* --- a model --- */

json_t *pa_task_messages(const struct pa_task *task, const char *text, size_t size) {
    PA_CLEANUP(pa_freep)
    char *system = pa_xasprintf(
        "You write %s programs.  A program runs once in a sandbox: no network, no input, nothing "
        "to install, files only in /workspace.  It prints the answer to the task on standard "
        "output and nothing that was not asked for.  Answer with the program alone, in one fenced "
        "code block, without explanations.",
        task->tool->language);
    return json_pack("[{s:s, s:s}, {s:s, s:s%}]", "role", "system", "content", system, "role",
                     "user", "content", text, size);
}

const char *pa_task_code_of_answer(const char *answer, size_t size, size_t *ret_size) {
    struct cut cut;
    struct span code = {answer, size};
    if (cut_fenced(code, &cut))
        code = cut.code;
    *ret_size = trim(code).size ? code.size : 0;
    return code.at;
}

int pa_task_take_answer(struct pa_task *task, const char *answer, size_t size,
                        struct pa_error *err) {
    struct span code;
    code.at = pa_task_code_of_answer(answer, size, &code.size);
    if (!code.size)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "the model answered without code");
    json_decref(task->parameters);
    task->parameters = parameters_of(task->tool, code, false);
    return task->parameters
               ? 0
               : pa_fail(err, PA_ERR_FAILED_PRECONDITION, "the model's answer is not UTF-8");
}
