/* What the tests of the configuration share. */
#ifndef PA_TEST_CONFIG_SUPPORT_H
#define PA_TEST_CONFIG_SUPPORT_H

#include "test.h"

#include "config/config.h"

/* Loads `text` as the file f.yaml. */
int load(struct pa_config *config, const char *text, struct pa_error *err);

/* The one fault that `text` has, as `config check` prints it. */
void assert_fault(const char *text, const char *expected);

void assert_origin(const struct pa_config *config, const char *key, const char *item,
                   const char *expected);

/* Two configurations say the same, wherever they have it from. */
void assert_same(const struct pa_config *a, const struct pa_config *b);

/* A directory of the test's own, and in it; undone by leave(). */
struct place {
    char path[64];
    int back;
};

void enter(struct place *place);
void leave(struct place *place);
void write_file(const char *path, const char *text);

/* Appends `text` with AT replaced. */
void fill_in(const char *text, const char *at, struct pa_buf *out);

#endif
