/*
 * Rules: what a parameter may be, as data.  One tree of rules gives the JSON Schema that callers
 * see and checks what they send, so the two cannot differ.
 *
 *     static const struct pa_rule code = {.type = PA_RULE_TEXT, .what = "...", .most = 1000};
 *     json_t *schema = pa_rule_schema(&rule);                  JSON Schema 2020-12
 *     struct pa_faults faults = {.list = json_array()};
 *     pa_rule_check(&rule, value, "", &faults, NULL)           all faults, not only the first
 *
 * A schema is kept to what model providers take: type "object" at the top, and no oneOf, anyOf,
 * allOf or not beside it; what excludes what is told by dependentSchemas and if.
 *
 * Rules are immutable and borrowed; any number of threads may use one.
 */
#ifndef PA_TOOLS_RULE_H
#define PA_TOOLS_RULE_H

#include "base/macros.h"
#include <jansson.h>
#include <stdbool.h>

/* The largest whole number that every JSON reader keeps (2^53 - 1). */
#define PA_RULE_NUMBER_MAX UINT64_C(9007199254740991)

enum pa_rule_type {
    PA_RULE_TEXT,
    PA_RULE_INTEGER, /* 30000, or 30000.0: what some encodings make of it */
    PA_RULE_BOOLEAN,
    PA_RULE_CHOICE, /* one of some words */
    PA_RULE_LIST,   /* of `items` */
    PA_RULE_MAP,    /* names of the form `keys` with values that are `items` */
    PA_RULE_OBJECT, /* `fields` and no others */
    PA_RULE_JSON,   /* an object, whatever is in it */
    PA_RULE_EITHER, /* `first` or `second`, which differ in their type */
};

/* form, regular expression (ECMA 262; NULL: none), what it allows in words */
#define PA_RULE_FORMS(X)                                                                             \
    X(ANY, NULL, "text")                                                                             \
    X(NO_NUL, "^[^\\u0000]*$", "text without a NUL")                                                 \
    X(NAME, "^[^\\u0000=]+$", "a name without '='")                                                  \
    X(BASE64, /* the last group leaves no bits over (base/base64.h) */                               \
      "^(?:[A-Za-z0-9+/]{4})*"                                                                       \
      "(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",                             \
      "base64 (RFC 4648, padded, in one line)")                                                      \
    X(DIGEST, "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits")                                  \
    X(WORD, "^[A-Za-z0-9._-]+$", "letters, digits, '.', '_' and '-'")                                \
    X(IDENTIFIER, "^[A-Za-z_][A-Za-z0-9_]*$", "letters, digits and '_', not a digit first")          \
    X(VOLUME, "^[A-Za-z0-9_-][A-Za-z0-9._-]*$",                                                      \
      "letters, digits, '.', '_' and '-', not a dot first")                                          \
    X(PLACE,                                                                                         \
      "^/(?!(?:boot|dev|tmp)(?:/|$))(?:(?!\\.{1,2}/)[^/\\u0000-\\u001f]{1,255}/)*"                   \
      "(?!\\.{1,2}$)[^/\\u0000-\\u001f]{1,255}$",                                                    \
      "an absolute path, not /boot, /dev, /tmp or below them; no part of it is empty, '.', '..' or " \
      "longer than 255 characters")                                                                  \
    X(FILE,                                                                                          \
      "^(?:/workspace/|/tmp/)?(?:(?!\\.{1,2}/)[^/\\u0000-\\u001f]{1,255}/)*"                         \
      "(?!\\.{1,2}$)[^/\\u0000-\\u001f]{1,255}$",                                                    \
      "a path below /workspace, where relative ones begin, or below /tmp; no part of it is empty, "  \
      "'.', '..' or longer than 255 characters")

enum pa_rule_form {
#define X(form, pattern, allowed) PA_FORM_##form,
    PA_RULE_FORMS(X)
#undef X
};

/* A field that is there instead of others. */
struct pa_rule_exclusion {
    const char *name;
    const char *const *others; /* NULL at the end */
    const char *why;           /* for whoever sent both */
};

struct pa_rule_field;
struct pa_rule {
    enum pa_rule_type type;
    const char *what;     /* for a reader, often a model; NULL: nothing */
    uint64_t least, most; /* characters of a text, values of an integer, items */
    enum pa_rule_form form;
    const char *unit;           /* of an integer: "ms"; or NULL */
    const char *bound;          /* who set `most`: "this server's limit"; or NULL */
    const char *media_type;     /* of base64 */
    bool secret;                /* what was got is described, not quoted */
    const char *const *choices; /* NULL at the end; the first is the default */
    const struct pa_rule *keys, *items, *first, *second;
    const struct pa_rule_field *fields;
    size_t field_count;
    const struct pa_rule_exclusion *exclusions; /* no two of one name */
    size_t exclusion_count;
    const char *const *one_of; /* one at least of these fields; NULL at the end, or NULL */
};

struct pa_rule_field {
    const char *name;
    const struct pa_rule *rule; /* NULL: not a parameter, for this reason: */
    const char *refused;
    bool required;
    /* Called with a value without faults; may find faults of its own.  NULL: nobody wants it. */
    void (*take)(void *context, const char *path, const json_t *value);
};

json_t *pa_rule_schema(const struct pa_rule *rule);

/* Faults, in the order in which they were found: {"path", "got", "allowed"}. */
struct pa_faults {
    json_t *list; /* an array of PA_FAULTS_MOST at most ... */
    size_t count; /* ... and how many there were */
};
#define PA_FAULTS_MOST 50

void pa_fault_add(struct pa_faults *faults, const char *path, const char *got, const char *fmt, ...)
    PA_PRINTF(4, 5);

/* `path` is a JSON pointer (RFC 6901).  `context` goes to the `take` of an object's fields. */
void pa_rule_check(const struct pa_rule *rule, const json_t *value, const char *path,
                   struct pa_faults *faults, void *context);

/* "/files/a~1b" from "/files" and "a/b"; the caller frees it. */
char *pa_pointer_join(const char *path, const char *key);

/* The number of an integer that was checked. */
uint64_t pa_rule_number(const json_t *value);

#endif
